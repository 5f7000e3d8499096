"""Command line -> the job asked for; an error raised on purpose, or by a file, is a line on stderr and exit code 2."""

import importlib.metadata
from typing import Annotated

import click
import typer
from typer.core import TyperGroup

from radiosem.errors import RadiosemError
from testbed.commands import bench, codecs, data, demo, reconstruct, segment, send, serve, train


class OneLineErrors(TyperGroup):
    """A command group that shows a RadiosemError, or a file that cannot be had, as one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RadiosemError as error:
            typer.echo(f"radiosem: {error}", err=True)
            raise typer.Exit(2) from None
        except OSError as error:
            if error.filename is None:
                raise
            typer.echo(f"radiosem: {error.filename}: {error.strerror}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    help="Send a radio map as what causes it, over a thin and noisy link, and rebuild it at the far end.\n\n"
    "Start with `radiosem demo`. For your own data start `radiosem receiver serve` and `radiosem edge serve`, "
    "then `radiosem send`.",
)


def _version(asked: bool) -> None:
    if asked:
        try:
            typer.echo(f"radiosem {importlib.metadata.version('radiosem')}")
        except importlib.metadata.PackageNotFoundError:
            typer.echo("radiosem, run from a source tree that is not installed")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
app.command("send")(send.send)
app.command("train")(train.train)
app.add_typer(serve.edge, name="edge")
app.add_typer(serve.receiver, name="receiver")
app.add_typer(serve.relay, name="relay")
app.add_typer(data.app, name="data")
app.add_typer(segment.app, name="segment")
app.add_typer(codecs.app, name="codecs")
app.add_typer(reconstruct.app, name="reconstruct")
app.add_typer(bench.app, name="bench")

if __name__ == "__main__":
    app(prog_name="radiosem")
