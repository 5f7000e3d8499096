"""Scores by name -> lines for people, or JSON for machines."""

import json
from collections.abc import Mapping
from typing import Any

import typer


def show_scores(scores: Mapping[str, Any], as_json: bool) -> None:
    """Print one JSON object, or a score a line; intervals as `testbed.bench.pages` shows them."""
    if as_json:
        typer.echo(json.dumps(scores))
        return
    from testbed.bench.pages import interval  # numpy loads with it

    width = max(map(len, scores))
    for name, value in scores.items():
        if name.endswith("_interval"):
            value = interval(value, "{:.5g}")
        shown = "not known" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)
        typer.echo(f"{name:>{width}}  {shown}")
