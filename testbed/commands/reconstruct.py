"""`radiosem reconstruct`: reconstructors and a data set -> scores."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.commands.shown import bar, show_scores
from testbed.extras import require

app = typer.Typer(help="Rebuild maps and score them.", no_args_is_help=True, rich_markup_mode="markdown")


@app.callback()
def _group() -> None:
    pass


@app.command("eval")
def evaluate(
    data: Annotated[Path, typer.Option(help="Data set folder in the layout of RadioMapSeer.", envvar="RADIOSEM_DATA")],
    model: Annotated[
        str,
        typer.Option(
            help="Reconstructor: path-loss, depth-map, cgan, a rival with weights (radiounet, ...); or, from samples, "
            "knn, local-polynomial, kriging."
        ),
    ] = "cgan",
    gain: Annotated[str, typer.Option(help="Simulation, a folder below gain/: RT, carsRT, DPM, ...")] = "RT",
    split: Annotated[str, typer.Option(help="train, val, test; all where there is no dataset.json.")] = "test",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads of the network; 0 takes every core.")] = 0,
    samples: Annotated[
        float | None,
        typer.Option(help="For knn, local-polynomial, kriging: share of outdoor pixels read, 0.001 to 0.1."),
    ] = None,
    allow_seen: Annotated[
        bool,
        typer.Option("--allow-seen", help="Score maps whose buildings the network saw in training, marked as seen."),
    ] = False,
    by_map: Annotated[
        bool,
        typer.Option(
            "--by-map", help="Add mse_by_map, the mse of every map, by which two models are compared in pairs."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score one reconstructor. Most are sample-free: they get mask, transmitter and one law of the training cities.

    A network is refused maps whose buildings it saw in training, recognised by fingerprints of their masks.
    Sampled pixels are left out of every score but ssim. Errors are pooled: squares are summed over maps, and the root
    is taken once. Intervals are 95 % over regions, blocks that share ground counted once; below six regions their
    lowest and highest stand instead.

    mse, nmse, rmse, ssim and psnr are of grey in [0, 1] over all pixels; the dB scores are of outdoor, uncensored
    pixels; outage is received power below -90 dBm.

    Example: `radiosem reconstruct eval --model cgan --data ~/raytraced --gain RT --split test --json`

    Example: `radiosem reconstruct eval --model kriging --samples 0.01 --data ~/RadioMapSeer --gain DPM --split all`
    """
    require("scoring reconstructors", "demo", "scipy")
    from testbed.scores.reconstruct import evaluate as run  # numba and the networks load here, not for --help

    with bar(model) as report:
        outcome = run(model, data, gain, split, threads, report, samples, allow_seen)
    show_scores(outcome.as_dict(by_map), as_json)
