"""`radiosem edge|receiver|relay serve`: flags and environment -> a service that runs until told to stop."""

import inspect
import logging
import signal
import threading
from collections.abc import Callable
from typing import Annotated, Any, Protocol

import typer
from pydantic import ValidationError
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from channel_sim.relay import RelaySettings
from edge_tx.settings import EdgeSettings
from radiosem.errors import InputError
from server_rx.settings import ServerSettings
from testbed.extras import require


class Server(Protocol):
    """What every service of this project is."""

    def start(self) -> None:
        """Listen; returns at once."""

    def stop(self) -> None:
        """Finish what was begun and end."""

    def wait(self) -> None:
        """Return when the service has ended."""


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def read_settings(kind: type[BaseSettings], flags: dict[str, Any]) -> Any:
    """Flags over environment over defaults -> settings. raises InputError naming flag, variable and value"""
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        faults = []
        for fault in error.errors():
            name = str(fault["loc"][0]) if fault["loc"] else ""
            name = name.removeprefix(prefix.lower())
            faults.append(f"{_flag(name)} ({prefix}{name.upper()}) is {fault['input']!r}: {fault['msg']}")
        raise InputError("; ".join(faults)) from None


def _parameter(kind: type[BaseSettings], name: str) -> inspect.Parameter:
    """One settings field as an optional flag; its text is parsed by the settings, as the environment's is."""
    field = kind.model_fields[name]
    variable = f"{kind.model_config.get('env_prefix', '')}{name.upper()}"
    default = "required" if field.default is PydanticUndefined else f"default {field.default}"
    if field.default is None:
        default = "optional"
    metavar = getattr(field.annotation, "__name__", "text").upper()
    option = typer.Option(
        _flag(name), help=f"{field.description} ({default}; {variable})", metavar=metavar, show_default=False
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option]
    )


def serve_command(
    kind: type[BaseSettings], text: str, create: Callable[[Any], tuple[Server, str]]
) -> Callable[..., None]:
    """Settings class -> a command with one flag a field.

    text    help, with an example
    create  settings -> the service, started, and one line that says where it listens
    """

    def serve(**flags: str | None) -> None:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        server, where = create(read_settings(kind, flags))
        typer.echo(f"{where}; Ctrl-C stops it")
        run_until_told(server)

    serve.__doc__ = text
    parameters = [_parameter(kind, name) for name in kind.model_fields]
    serve.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    serve.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return serve


def run_until_told(server: Server) -> None:
    """Keep a started service up until SIGINT, SIGTERM, or its own end; then let it finish what it began."""
    over = threading.Event()
    before = {number: signal.signal(number, lambda *_: over.set()) for number in (signal.SIGINT, signal.SIGTERM)}

    def watch() -> None:
        server.wait()
        over.set()

    threading.Thread(target=watch, name="watch", daemon=True).start()
    try:
        over.wait()
    finally:
        server.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _edge(settings: EdgeSettings) -> tuple[Server, str]:
    from edge_tx.service import create_server

    server = create_server(settings)
    server.start()
    return server, f"edge: gRPC on {settings.address}:{server.port}, delivers to {settings.receiver}"


def _receiver(settings: ServerSettings) -> tuple[Server, str]:
    require("the receiver", "server", "fastapi", "prometheus_client", "sqlalchemy", "uvicorn")
    from server_rx.app import create_server

    server = create_server(settings)
    server.start()
    return server, (
        f"receiver: gRPC on {settings.grpc_address}:{server.grpc_port}, "
        f"maps and viewer on http://{settings.http_address}:{server.http_port}/"
    )


def _relay(settings: RelaySettings) -> tuple[Server, str]:
    from channel_sim.relay import create_relay

    server = create_relay(settings)
    server.start()
    return server, f"relay: gRPC on {settings.address}:{server.port}, hands on to {settings.upstream}"


def _group(text: str) -> typer.Typer:
    app = typer.Typer(help=text, no_args_is_help=True, rich_markup_mode="markdown")
    app.callback()(lambda: None)
    return app


edge = _group("The edge device: observations in, semantics over the air.")
edge.command("serve")(
    serve_command(
        EdgeSettings,
        """Run the edge: it takes observations by gRPC, and sends what causes their maps to a receiver.

        Every flag can be given as the environment variable named with it; a flag wins.

        Example: `radiosem edge serve --port 50061 --receiver 192.0.2.7:50051 --es-n0-db 8`
        """,
        _edge,
    )
)
receiver = _group("The receiver: bursts in, radio maps out.")
receiver.command("serve")(
    serve_command(
        ServerSettings,
        """Run the receiver: it takes bursts by gRPC, rebuilds maps, keeps them, and serves them and a viewer by HTTP.

        Every flag can be given as the environment variable named with it; a flag wins.

        Example: `radiosem receiver serve --data-dir /var/lib/radiosem --http-address 0.0.0.0`
        """,
        _receiver,
    )
)
relay = _group("The air as a process of its own.")
relay.command("serve")(
    serve_command(
        RelaySettings,
        """Run the air as a relay: bursts come in clean, get their noise, and go on to the receiver.

        Tell the edge that its far side is a relay (`radiosem edge serve --relay true --receiver RELAY`).
        Every flag can be given as the environment variable named with it; a flag wins.

        Example: `radiosem relay serve --es-n0-db 6`
        """,
        _relay,
    )
)
