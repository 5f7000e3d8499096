"""Tables and figures -> HTML that needs nothing else."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from testbed.looks.colours import ACCENT, INK, LINE, MUTED

NONE = "–"
Column = tuple[str, str, str]  # title, key in a row, format

_VARIABLES = f""":root {{ color-scheme: light; --ink: {INK}; --muted: {MUTED}; --line: {LINE}; --accent: {ACCENT}; }}"""
_STYLE = """
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; color: var(--ink);
       background: #f5f7f9; }
main { max-width: 1480px; margin: 0 auto; padding: 40px 28px 80px; }
h1 { font-size: 34px; line-height: 1.15; margin: 0 0 6px; letter-spacing: -0.02em; }
h2 { font-size: 22px; margin: 48px 0 12px; letter-spacing: -0.01em; }
.lead { color: var(--muted); max-width: 78ch; margin: 0 0 28px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px; }
.tile, figure, .card { background: #fff; border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 16px 18px; }
.tile b { display: block; font-size: 27px; line-height: 1.2; letter-spacing: -0.02em; }
.tile span { color: var(--muted); font-size: 14px; }
.card { overflow-x: auto; padding: 4px 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 12px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 600; white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child, th.text, td.text { text-align: left; }
tbody tr:last-child td { border-bottom: 0; }
tfoot td { font-weight: 700; border-top: 2px solid var(--ink); border-bottom: 0; }
td a { color: var(--accent); text-decoration: none; } td a:hover { text-decoration: underline; }
figure { margin: 0 0 22px; padding: 10px; } figure img { display: block; width: 100%; height: auto; }
dl { display: grid; grid-template-columns: minmax(150px, 210px) 1fr; gap: 8px 22px; margin: 0; max-width: 110ch; }
dt { font-weight: 650; } dd { margin: 0; color: #39434f; }
ul { max-width: 100ch; padding-left: 20px; } li { margin: 6px 0; }
footer { margin-top: 48px; color: var(--muted); font-size: 14px; }
code { font: 13px ui-monospace, Menlo, Consolas, monospace; }
td.wrap { white-space: normal; text-align: left; min-width: 26ch; }
pre { font: 12px/1.5 ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap; margin: 0; padding: 14px 18px; }
details { margin: 14px 0; } summary { cursor: pointer; color: var(--accent); }
"""


def page(title: str, lead: str, body: Iterable[str]) -> str:
    """A whole page: title, one paragraph, and parts that are HTML already."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_VARIABLES}{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p class="lead">{escape(lead)}</p>
{"".join(body)}
</main>
</body>
</html>
"""


def show(value: Any, template: str) -> str:
    """A figure as text, a dash where there is none; what is text already as it is."""
    if value is None:
        return NONE
    return template.format(value) if template and not isinstance(value, str) else str(value)


def table(
    rows: Sequence[dict[str, Any]], columns: Sequence[Column], foot: dict[str, Any] | None = None, links: str = ""
) -> str:
    """Rows as an HTML table in a card; a column without a format is text.

    foot   the last row, blank where it has no key
    links  key whose cells link to the figure that its value is the anchor of
    """
    kinds = ["" if template else ' class="text"' for _, _, template in columns]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, (name, _, _) in zip(kinds, columns, strict=True))
    body = "".join(_row(row, columns, links) for row in rows)
    blank = {key: "" for _, key, _ in columns}
    last = f"<tfoot>{_row(blank | foot, columns)}</tfoot>" if foot else ""
    return f'<div class="card"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{last}</table></div>\n'


def _row(row: dict[str, Any], columns: Sequence[Column], links: str = "") -> str:
    cells = []
    for _, key, template in columns:
        kind = "" if template else ' class="wrap"' if key == "note" else ' class="text"'
        text = escape(show(row.get(key), template))
        cells.append(f'<td{kind}><a href="#{text}">{text}</a></td>' if key == links else f"<td{kind}>{text}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def heading(text: str, under: str = "") -> str:
    """A section's heading, and what it says in a line."""
    return f"<h2>{escape(text)}</h2>\n" + (f'<p class="lead">{escape(under)}</p>\n' if under else "")


def figure(path: Path, alternative: str, anchor: str = "") -> str:
    """A PNG, in the page itself; `anchor` is what links to it name."""
    image = base64.b64encode(path.read_bytes()).decode("ascii")
    place = f' id="{escape(anchor)}"' if anchor else ""
    return f'<figure{place}><img alt="{escape(alternative)}" src="data:image/png;base64,{image}"></figure>\n'


def definitions(entries: dict[str, Any]) -> str:
    """Names and what they stand for."""
    return (
        "<dl>"
        + "".join(f"<dt>{escape(name)}</dt><dd>{_value(value)}</dd>" for name, value in entries.items())
        + "</dl>\n"
    )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "<br>".join(f"{escape(str(key))}: {_value(one)}" for key, one in value.items())
    if isinstance(value, float):
        return f"{value:,.1f}"
    text = escape(show(value, ""))
    return f"<code>{text}</code>" if isinstance(value, str) and len(value) == 64 else text


def interval(value: dict[str, Any] | None, template: str = "{:.4f}") -> str:
    """low … high of an interval; the range of its regions where they are too few for one; a dash for a single region.

    value  fields of `radiosem.scores.pooling.Interval`
    """
    if value is None:
        return NONE
    if value["low"] is not None:
        return f"{template.format(value['low'])} … {template.format(value['high'])}"
    regions = value["blocks"]
    if regions == 1:
        return NONE
    between = ", " if regions == 2 else " … "
    return f"{regions} regions: {template.format(value['lowest'])}{between}{template.format(value['highest'])}"
