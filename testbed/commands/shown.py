"""What commands show: scores as lines for people or JSON for machines, and how far long work is."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from testbed.looks.pages import interval


def show_scores(scores: Mapping[str, Any], as_json: bool) -> None:
    """Print one JSON object, or a score a line; intervals as `testbed.looks.pages` shows them, tables key by key."""
    if as_json:
        typer.echo(json.dumps(scores))
        return
    flat: dict[str, Any] = {}
    for name, value in scores.items():
        if name.endswith("_interval"):
            flat[name] = interval(value, "{:.5g}")
        elif isinstance(value, Mapping):
            flat |= {f"{name} {key}": one for key, one in value.items()}
        else:
            flat[name] = value
    width = max(map(len, flat))
    for name, value in flat.items():
        shown = "not known" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)
        typer.echo(f"{name:>{width}}  {shown}")


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while long work lasts; yields what moves it, called with what is done and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
