"""`radiosem data`: make data sets of radio maps, look them over, and draw from them what a demo or a user sends."""

import typer

from testbed.commands.data.check import check
from testbed.commands.data.observations import pack, samples
from testbed.commands.data.raytrace import raytrace
from testbed.commands.data.sets import join, split

app = typer.Typer(
    help="Make data sets, check them, and draw observations from them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.command()(raytrace)
app.command()(check)
app.command()(samples)
app.command()(pack)
app.command()(join)
app.command()(split)
