"""Data set -> the tables of the main paper and of RadioDiff, measured here, with the papers' figures beside them."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from channel_sim.link import DEFAULT_LINK
from radiosem import weights
from radiosem.codecs import codec_names
from radiosem.errors import InputError, RadiosemError
from radiosem.readings.section import DEFAULT_READINGS
from radiosem.scores.pooling import Interval, bootstrap_interval
from radiosem_models.data import Dataset
from testbed.bench.conventions import CONVENTIONS, independence
from testbed.bench.rate.map_senders import map_sender_names
from testbed.bench.rate.scenes import DataSource
from testbed.bench.rate.senders import Plan
from testbed.bench.rate.sweep import RateSettings, run_rate
from testbed.bench.spread import spread
from testbed.bench.store import read_object, source_digest
from testbed.bench.tables import published
from testbed.bench.tables.learning import learning_rows
from testbed.bench.tables.rows import (
    OURS,
    Row,
    against,
    from_samples,
    less_ours,
    quality,
    rate_rows,
    ratio,
    sample_free,
)
from testbed.bench.tables.speed import time_alone
from testbed.environment import peak_mb, surroundings, versions
from testbed.interpolation import INTERPOLATORS
from testbed.scores.reconstruct import evaluate
from testbed.scores.reconstructors import RECONSTRUCTORS, network_of, weights_of
from testbed.written import make_folder, write_whole

ES_N0_DB = 10.0
JPEG_QUALITY = 10
SCALES = (1, 2, 4)
REHEARSED_READINGS = 64
SHARES = (0.001, 0.01, 0.1)  # of the outdoor pixels, that interpolations are given


@dataclass(frozen=True)
class TableSettings:
    """What is scored.

    data           folder in RadioMapSeer's layout
    static_gain    simulation without cars, a folder below gain/
    dynamic_gain   simulation with cars; left out where the split has no maps of it
    split          train, val, test, or all
    models         reconstructors, and interpolations from samples; empty takes every one
    maps           maps of the rate table, evenly over the split; 0 takes all. The others always take all
    allow_seen     score networks on maps whose buildings they saw in training too
    """

    data: Path
    static_gain: str = "RT"
    dynamic_gain: str = "carsRT"
    split: str = "test"
    models: tuple[str, ...] = ()
    maps: int = 0
    allow_seen: bool = False

    def check(self) -> None:
        """Raise InputError naming the first setting that is unusable."""
        for model in self.models:
            if model not in (known := (*RECONSTRUCTORS, *INTERPOLATORS)):
                raise InputError(f"models has {model!r}; known are {', '.join(known)}")
        Dataset(self.data).some_keys(self.split, (self.static_gain,))

    def names(self) -> tuple[str, ...]:
        """Reconstructors to score, which need no samples."""
        return tuple(name for name in RECONSTRUCTORS if not self.models or name in self.models)

    def interpolations(self) -> tuple[str, ...]:
        """Methods to score that know samples alone."""
        return tuple(name for name in INTERPOLATORS if not self.models or name in self.models)


@dataclass(frozen=True)
class Scoring:
    """One reconstructor on one simulation; or one interpolation from a share of the outdoor pixels."""

    model: str
    gain: str
    share: float | None = None


class ScoringWork:
    """A worker that scores reconstructors, one thread each."""

    def __init__(self, settings: TableSettings) -> None:
        self._settings = settings

    def __call__(self, task: Scoring) -> tuple[Scoring, dict[str, Any]]:
        """Scores of `testbed.scores.reconstruct.evaluate`, or {"refused": why}."""
        told = self._settings
        try:
            scores = evaluate(
                task.model, told.data, task.gain, told.split, 1, samples=task.share, allow_seen=told.allow_seen
            )
            return task, scores.as_dict(by_map=task.share is None)
        except RadiosemError as error:  # a leak, or a missing network: the other rows stand
            return task, {"refused": str(error)}


def run_tables(
    settings: TableSettings,
    out: Path,
    workers: int = 1,
    ray: bool = False,
    report: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> dict[str, Any]:
    """Score, time, sweep, and write `out`/tables.json, tables.md and report.html.

    Scores are kept in `out`/scores by reconstructor, simulation, masks, maps and scale, weights, source code,
    versions and whether seen maps are allowed, so that a run that was stopped goes on, and what has changed is scored
    again. Times are of every run.

    report   called with what is being done, how much of it is done, and how much there is
    raises   InputError on settings that cannot be used, or when weights change meanwhile
    """
    began = time.monotonic()
    settings.check()
    used = {name: sha256 for model in settings.names() for name, sha256 in weights_of(model).items()}
    dataset = Dataset(settings.data)
    if dataset.known_scale is not None:
        _source(settings).ids()
    gains = [settings.static_gain]
    if settings.dynamic_gain and dataset.keys(settings.split, (settings.dynamic_gain,)):
        gains.append(settings.dynamic_gain)
    static = [Scoring(model, gains[0]) for model in settings.names()]
    dynamic = [Scoring(model, gain) for model in settings.names() for gain in gains[1:]]
    sampled = [Scoring(model, gains[0], share) for model in settings.interpolations() for share in SHARES]
    tasks = [*static, *dynamic, *sampled]
    scores = _scores(settings, dataset, tasks, out, workers, ray, report)
    rate, no_rate = _rate(settings, dataset, out, workers, ray, report)
    costs = _costs(settings, report)
    if changed := [name for name, sha256 in used.items() if weights.entry(name).sha256 != sha256]:
        raise InputError(f"weights of {', '.join(changed)} changed while they were scored; call it again")
    in_grey, still, moving = (
        {task.model: told(scores[task]) for task in chosen}
        for told, chosen in ((sample_free, static), (quality, static), (quality, dynamic))
    )
    for model, pairs in _paired({task.model: scores[task] for task in static}, dataset).items():
        in_grey[model] |= less_ours(pairs)
    tables = {
        "table_1": against(published.TABLE_I, in_grey, asdict),
        "table_2": rate_rows(rate),
        "radiodiff_2_static": against(published.RADIODIFF_STATIC, still, asdict),
        "radiodiff_2_dynamic": against(published.RADIODIFF_DYNAMIC, moving, asdict),
        "radiodiff_4": against(published.RADIODIFF_COST, costs, asdict),
        "samples": [{"model": t.model, "share": t.share, **from_samples(scores[t])} for t in sampled],
        "learning": learning_rows(settings.names()),
    }
    summary = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "tables": tables,
        "speed": ratio(costs),
        "audit": _audit(settings, dataset, gains, [scores[task] for task in static])
        | {"rate_table": no_rate if rate is None else _rate_audit(rate), "weights_sha256": used}
        | {
            said: max(row.get(key) or 0 for rows in tables.values() for row in rows)
            for said, key in (("maps_seen_in_training", "seen_maps"), ("maps_that_selected_weights", "selected_maps"))
        }
        | surroundings(threads=1, workers=workers)
        | {"wall_s": time.monotonic() - began, "peak_mb": peak_mb()},
    }
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "tables.json", json.dumps(summary, indent=1).encode() + b"\n")
    from testbed.bench.tables.report import markdown, write_report

    write_whole(out / "tables.md", markdown(summary).encode())
    write_report(summary, out)
    return summary


def _scores(
    settings: TableSettings,
    dataset: Dataset,
    tasks: Sequence[Scoring],
    out: Path,
    workers: int,
    ray: bool,
    report: Callable[[str, int, int], None],
) -> dict[Scoring, dict[str, Any]]:
    """Scores of every task, those kept from before included."""
    folder = out / "scores"
    make_folder(folder, "out")
    masks = dataset.split_hash(settings.split)
    scale = None if dataset.known_scale is None else asdict(dataset.known_scale)
    maps = {gain: dataset.truth_hash(dataset.keys(settings.split, (gain,))) for gain in {task.gain for task in tasks}}
    common = [masks, scale, settings.allow_seen, source_digest(), versions()]

    def path(task: Scoring) -> Path:
        return folder / f"{task.model}-{task.gain}-{_key(task, [*common, maps[task.gain]])}.json"

    paths = {task: path(task) for task in tasks}
    kept = {task: read_object(paths[task]) for task in tasks}
    found = {task: scores for task, scores in kept.items() if scores is not None}
    missing = [task for task in tasks if task not in found]
    report("scoring", len(tasks) - len(missing), len(tasks))
    with closing(spread(ScoringWork, (settings,), missing, workers, ray)) as outcomes:
        for done, (task, scores) in enumerate(outcomes, len(tasks) - len(missing) + 1):
            if path(task) != paths[task]:
                raise InputError(f"weights of {task.model} changed while it was scored; call it again")
            if "refused" not in scores:
                write_whole(paths[task], json.dumps(scores).encode())
            found[task] = scores
            report("scoring", done, len(tasks))
    return found


def _paired(scores: dict[str, dict[str, Any]], dataset: Dataset) -> dict[str, Interval]:
    """By reconstructor: MSE less our generator's, map by map; none where one of both has no scores."""
    errors = {model: one["mse_by_map"] for model, one in scores.items() if "refused" not in one}
    ours = errors.pop(OURS, None)
    if ours is None:
        return {}
    blocks = [map_id.rpartition("_")[0] for map_id in ours]
    regions = [dataset.region(block_id) for block_id in blocks]
    pixels = np.array([dataset.block(block_id).buildings.size for block_id in blocks])
    squared = {model: np.array([by_map[map_id] for map_id in ours]) * pixels for model, by_map in errors.items()}
    baseline = np.array([*ours.values()]) * pixels
    return {model: bootstrap_interval(each, regions, 0, baseline, over=pixels) for model, each in squared.items()}


def _key(task: Scoring, depends_on: Sequence[Any]) -> str:
    """Names everything that a score depends on; `depends_on` is what all scores of a run have in common."""
    network = network_of(task.model)
    told = None if network is None else weights.entry(network).meta
    content = json.dumps([*depends_on, task.gain, task.model, task.share, weights_of(task.model), told])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _rate(
    settings: TableSettings,
    dataset: Dataset,
    out: Path,
    workers: int,
    ray: bool,
    report: Callable[[str, int, int], None],
) -> tuple[dict[str, Any] | None, str]:
    """The sweep behind Table II: one link, one Es/N0; or why there is none."""
    if dataset.known_scale is None:
        return None, "left out: it sends power, and the data set's dB are not known"
    plan = Plan(
        codec_names(),
        map_sender_names(),
        (JPEG_QUALITY,),
        SCALES,
        readings=(0, DEFAULT_READINGS),
        rehearsed=(REHEARSED_READINGS,),
    )
    rate_settings = RateSettings(_source(settings), plan, (DEFAULT_LINK,), (ES_N0_DB,))
    try:
        rate_settings.source.refuse_seen(rate_settings.judged())
    except InputError as error:  # a leak: the other tables stand
        return None, f"left out: {error}"
    folder = out / f"rate-{hashlib.sha256(json.dumps(rate_settings.configuration()).encode()).hexdigest()[:16]}"
    return run_rate(rate_settings, folder, workers, ray, lambda done, of: report("sending", done, of)), ""


def _rate_audit(rate: dict[str, Any]) -> dict[str, Any]:
    told = {key: rate["audit"][key] for key in ("maps", "spatial_blocks", "law", "weights_sha256")}
    missing = [f"{one['sender']}: {len(one['maps'])} maps, {one['why']}" for one in rate["not_carried"]]
    return told | {"link": DEFAULT_LINK, "es_n0_db": ES_N0_DB, "not_carried": missing}


def _source(settings: TableSettings) -> DataSource:
    return DataSource(
        settings.data, settings.static_gain, settings.split, settings.maps, allow_seen=settings.allow_seen
    )


def _costs(settings: TableSettings, report: Callable[[str, int, int], None]) -> dict[str, Row]:
    """Time and memory of every reconstructor, one after the other, each alone in a process."""
    costs: dict[str, Row] = {}
    for done, model in enumerate(settings.names()):
        report("timing", done, len(settings.names()))
        try:
            costs[model] = time_alone(model, settings.data, settings.static_gain, settings.split, threads=0)
        except RadiosemError as error:
            costs[model] = {"refused": str(error)}
    report("timing", len(costs), len(costs))
    return costs


def _audit(
    settings: TableSettings,
    dataset: Dataset,
    gains: Sequence[str],
    static: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    scored: dict[str, Any] = next((scores for scores in static if "refused" not in scores), {})
    return {
        "data": dataset.name,
        "split": settings.split,
        "split_sha256": dataset.split_hash(settings.split),
        "gains": list(gains),
        "scaling": scored.get("scaling"),
        "maps": scored.get("maps"),
        "spatial_blocks": scored.get("regions"),
        "independence": independence(dataset.regions_known(settings.split)),
        "law": "one law fitted on the training cities",
        "conventions": CONVENTIONS,
    }
