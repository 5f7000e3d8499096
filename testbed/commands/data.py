"""`radiosem data`: data sets -> what the tests and the demo are fed with."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.extras import require

app = typer.Typer(help="Prepare data for the demo.", no_args_is_help=True, rich_markup_mode="markdown")


@app.callback()
def _group() -> None:
    pass


@app.command()
def samples(
    data: Annotated[
        Path,
        typer.Option(help="Ray-traced data set in the layout of RadioMapSeer, with heights.", envvar="RADIOSEM_DATA"),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the pack.")] = Path("testbed/sample_pack"),
) -> None:
    """Make the sample pack that the demo sends again, from its data set.

    Example: `radiosem data samples --data ~/raytraced --out testbed/sample_pack`
    """
    require("drawing landscapes", "demo", "scipy")
    from radiosem_models.render import landscape_image  # only this command draws landscapes
    from testbed.make_pack import make_pack

    typer.echo(make_pack(data, out, landscape_image))
