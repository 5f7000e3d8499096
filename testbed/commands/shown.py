"""Scores by name -> lines for people, or JSON for machines."""

import json
from collections.abc import Mapping
from typing import Any

import typer

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
