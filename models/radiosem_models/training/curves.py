"""The log of a training -> a picture of its losses and of its score on the validation split."""

from pathlib import Path

from radiosem.errors import InputError
from radiosem_models.training.run_folder import LOG, read_log

CURVES = "curves.png"


def draw_curves(folder: Path) -> Path:
    """Draw the log of a training's folder into its curves.png.

    returns  the picture's path
    raises   InputError when the folder has no log; ModuleNotFoundError without matplotlib
    """
    from matplotlib.figure import Figure

    lines = read_log(folder)
    if not lines:
        raise InputError(f"{folder / LOG} holds no line; give the folder of a training, such as runs/train/generator")
    figure = Figure(figsize=(9, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for key in sorted({key for line in lines for key in line.get("losses", {})}):
        points = [(line["images"], line["losses"][key]) for line in lines if key in line.get("losses", {})]
        above.plot(*zip(*points, strict=True), linewidth=0.8, label=key)
    scores = [(line["images"], line["validation"]["score"]) for line in lines if "validation" in line]
    if scores:
        below.plot(*zip(*scores, strict=True), marker="o", markersize=3)
        images, best = min(scores, key=lambda point: point[1])
        below.annotate(f"{best:.5g}", (images, best), textcoords="offset points", xytext=(0, -12), ha="center")
    if above.lines:
        above.legend(loc="upper right")
    above.set(ylabel="losses, one batch", title=folder.name)
    below.set(xlabel="images seen", ylabel="validation score, lower is better")
    figure.savefig(folder / CURVES, dpi=110)
    return folder / CURVES
