"""Settings of a rate sweep -> rows, aggregate, figures and report in a folder."""

import csv
import hashlib
import io
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel_sim.awgn import check_es_n0_db
from channel_sim.link import make_link
from radiosem import weights
from radiosem.codecs import make_codec
from radiosem.errors import InputError
from radiosem.readings.section import MAX_READINGS
from server_rx.networks import load_networks
from server_rx.pipeline import Pipeline
from testbed.bench.conventions import CONVENTIONS
from testbed.bench.rate import aggregate
from testbed.bench.rate.cells import NOT_CARRIED, Row, run_scene
from testbed.bench.rate.examples import Drawn, keep_drawn, read_drawn
from testbed.bench.rate.map_senders import make_map_senders
from testbed.bench.rate.scenes import Source
from testbed.bench.rate.senders import Plan, make_senders
from testbed.bench.spread import require_ray, spread
from testbed.bench.store import RunFolder, source_digest
from testbed.environment import peak_mb, surroundings, versions
from testbed.scores.leaks import CONSTANTS
from testbed.written import write_whole


@dataclass(frozen=True)
class RateSettings:
    """What is swept.

    source    where the scenes come from
    plan      who sends
    links     names in the registry of links
    es_n0_db  Es/N0 of the air, dB
    seed      of the noise
    bursts    that each map is sent in, every one with noise of its own
    examples  maps that are drawn in the report, as the first burst left them
    """

    source: Source
    plan: Plan
    links: tuple[str, ...]
    es_n0_db: tuple[float, ...]
    seed: int = 0
    bursts: int = 1
    examples: int = 3

    def check(self) -> None:
        """Raise InputError naming the first setting that is unusable."""
        for name, values in (("links", self.links), ("es_n0_db", self.es_n0_db)):
            if not values:
                raise InputError(f"{name} is empty; give at least one")
        plan = self.plan
        for name, given in (
            ("links", self.links),
            ("es_n0_db", self.es_n0_db),
            ("codecs", plan.codecs),
            ("map senders", plan.map_senders),
            ("qualities", plan.qualities),
            ("scales", plan.scales),
            ("readings", plan.readings),
            ("rehearsed", plan.rehearsed),
        ):
            if len(set(given)) < len(given):
                raise InputError(f"{name} is {', '.join(map(str, given))}; give each value once")
        for link in self.links:
            make_link(link)
        for value in self.es_n0_db:
            check_es_n0_db(value)
            if not -30 <= value <= 60:
                raise InputError(f"es_n0_db has {value}; it must lie in -30..60 dB")
        for quality in plan.qualities:
            for scale in plan.scales:
                make_codec("jpeg", scale=scale, quality=quality)
        for codec in plan.codecs:
            make_codec(codec)
        for name, counts, least in (("readings", plan.readings, 0), ("rehearsed", plan.rehearsed, 1)):
            if not all(least <= n <= MAX_READINGS for n in counts):
                raise InputError(f"{name} is {counts}; give numbers in {least}..{MAX_READINGS}")
        if plan.codecs and not (plan.readings or plan.rehearsed):
            raise InputError("readings and rehearsed are both empty; no frame of a mask codec would be sent")
        for name in plan.map_senders:
            make_map_senders(name, plan.qualities, plan.scales)
        if self.bursts < 1:
            raise InputError(f"bursts is {self.bursts}; a map is sent in one at least")
        if not plan.codecs and not plan.map_senders:
            raise InputError("codecs and map senders are both empty; there is nothing to send")
        self.source.ids()
        self.source.refuse_seen(self.judged())

    def judged(self) -> tuple[str, ...]:
        """What must not have learned from the maps, by its name in `leaks`; an encoder saw what its decoder did."""
        constants = (CONSTANTS,) if self.plan.codecs or self.plan.edge_maps else ()
        return (*(name for name in self.networks() if not name.endswith("-encoder")), *constants)

    def networks(self) -> tuple[str, ...]:
        """Trained networks that take part, as the manifest names them."""
        coders = (*self.plan.codecs, *self.plan.map_senders, *self.links)
        names = [f"{coder}-{end}" for coder in coders for end in ("encoder", "decoder")]
        if self.plan.codecs or self.plan.edge_maps:
            names.append("generator")
        return tuple(sorted(weights.entries().keys() & set(names)))

    def configuration(self) -> dict[str, Any]:
        """Everything that a row depends on: code and versions, weights and what is said of them, data, settings."""
        return {
            "code": source_digest(),
            "versions": versions(),
            "data": self.source.about(),
            "maps": list(self.source.ids()),
            "senders": asdict(self.plan),
            "links": list(self.links),
            "es_n0_db": list(self.es_n0_db),
            "seed": self.seed,
            "bursts": self.bursts,
            "examples": self.examples,
            "weights": self.weights(),
        }

    def weights(self) -> dict[str, str]:
        """What the manifest says of every network that takes part, as digests."""
        listed = weights.entries()
        return {name: _digest([listed[name].sha256, listed[name].meta]) for name in self.networks()}

    def example_ids(self) -> tuple[str, ...]:
        """Maps that are drawn: the first, the last, and some between."""
        ids = self.source.ids()
        chosen = np.linspace(0, len(ids) - 1, min(self.examples, len(ids))).round().astype(int)
        return tuple(ids[i] for i in dict.fromkeys(chosen.tolist()))


@dataclass(frozen=True)
class SceneOutcome:
    """All cells of one scene."""

    id: str
    rows: list[Row]
    drawn: Drawn | None
    seconds: float
    peak_mb: float


class SceneWork:
    """A worker: networks loaded, ready for scenes of a sweep."""

    def __init__(self, settings: RateSettings) -> None:
        networks = load_networks(threads=1)
        pipeline = Pipeline(networks.generator, networks.codecs, networks.models)
        self._settings = settings
        self._senders = make_senders(settings.plan, pipeline, networks.codecs)
        self._links = [make_link(name) for name in settings.links]
        names = [sender.name for sender in self._senders]
        self._reference = aggregate.reference(settings.links, settings.es_n0_db, names)

    def __call__(self, scene_id: str) -> SceneOutcome:
        """Run every cell of one scene."""
        began, settings = time.monotonic(), self._settings
        scene = settings.source.scene(scene_id)
        examples = scene_id in settings.example_ids()
        rows: list[Row] = []
        received_grey: dict[str, NDArray[np.uint8]] = {}
        cells = run_scene(scene, self._senders, self._links, settings.es_n0_db, settings.seed, settings.bursts)
        for row, received in cells:
            rows.append(row)
            at_reference = (row["link"], row["es_n0_db"]) == (self._reference.link, self._reference.es_n0_db)
            if examples and at_reference and received is not None:
                grey = np.where(received.buildings, 0, scene.scale.grey(received.gain_db))
                received_grey[row["sender"]] = np.asarray(np.rint(grey * 255), np.uint8)
        truth = np.asarray(np.rint(scene.truth_grey * 255), np.uint8)
        drawn = Drawn(truth, scene.buildings, received_grey) if received_grey else None
        return SceneOutcome(scene_id, rows, drawn, time.monotonic() - began, peak_mb())


def run_rate(
    settings: RateSettings,
    out: Path,
    workers: int = 1,
    ray: bool = False,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Sweep, and write `out`/rows.csv, summary.json, figures and report.html.

    workers  processes; the outcome does not depend on them
    report   called with maps done and maps in all
    returns  the summary
    raises   InputError on settings that cannot be used or a folder of another configuration; RadiosemError without Ray
    """
    began = time.monotonic()
    if ray:
        require_ray()
    settings.check()
    configuration = settings.configuration()
    folder = RunFolder(out, configuration)
    ids = settings.source.ids()
    missing = folder.missing(ids)
    report(len(ids) - len(missing), len(ids))
    with closing(spread(SceneWork, (settings,), missing, workers, ray)) as outcomes:
        for done, outcome in enumerate(outcomes, len(ids) - len(missing) + 1):
            if settings.weights() != configuration["weights"]:
                raise InputError(f"weights changed during the sweep; call it again, with another folder than {out}")
            if outcome.drawn is not None:
                keep_drawn(out, outcome.id, outcome.drawn)
            kept = {"seconds": outcome.seconds, "peak_mb": outcome.peak_mb, "rows": outcome.rows}
            folder.keep(outcome.id, kept)  # last: a map is done when all of it is there
            report(done, len(ids))
    done_maps = [folder.read(scene_id) for scene_id in ids]
    rows = [row for outcome in done_maps for row in outcome["rows"]]
    carried = {(row["sender"], row["link"]) for row in rows if row["status"] != NOT_CARRIED}
    if not carried:
        raise InputError(f"links is {', '.join(settings.links)}, which can carry none of the senders: {rows[0]['why']}")
    write_whole(out / "rows.csv", _csv([row for row in rows if (row["sender"], row["link"]) in carried]).encode())
    summary = summarise(settings, rows)
    summary["audit"] |= surroundings(threads=1, workers=workers) | {
        "wall_s": time.monotonic() - began,
        "maps_in_this_run": len(missing),
        "compute_s": sum(outcome["seconds"] for outcome in done_maps),
        "peak_mb_a_worker": max(outcome["peak_mb"] for outcome in done_maps),
    }
    write_whole(out / "summary.json", json.dumps(summary, indent=1).encode() + b"\n")
    from testbed.bench.rate.report import write_report  # matplotlib, slow to import

    drawn = {scene_id: read_drawn(out, scene_id) for scene_id in settings.example_ids()}
    write_report(summary, {scene_id: one for scene_id, one in drawn.items() if one is not None}, out)
    return summary


def summarise(settings: RateSettings, rows: Sequence[Row]) -> dict[str, Any]:
    """Everything a sweep found, fit for JSON; the same for the same rows."""
    senders = list(dict.fromkeys(row["sender"] for row in rows))
    chosen = aggregate.reference(settings.links, settings.es_n0_db, senders)
    aggregated = aggregate.cells(rows, chosen, settings.seed)
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "reference": asdict(chosen),
        "cells": aggregated,
        "fronts": aggregate.fronts(aggregated, chosen),
        "bd_rates": aggregate.bd_rates(aggregated, chosen),
        "equal_uses": aggregate.equal_uses(aggregated, chosen),
        "learned_link": aggregate.learned_link(aggregated),
        "not_carried": _not_carried(rows),
        "audit": {
            **settings.source.about(),
            "maps": len(settings.source.ids()),
            "maps_seen_in_training": settings.source.seen_maps(settings.judged()),
            "maps_that_selected_weights": settings.source.selected_maps(settings.judged()),
            "spatial_blocks": len({settings.source.regions()[scene_id] for scene_id in settings.source.ids()}),
            "noise_seed": settings.seed,
            "bursts_a_map": settings.bursts,
            "conventions": CONVENTIONS,
            "weights_sha256": {name: weights.entry(name).sha256 for name in settings.networks()},
            "code_sha256": source_digest(),
        },
    }


def _not_carried(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Senders and links of which maps are missing: which maps, and why the first of them is."""
    missing: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if row["status"] == NOT_CARRIED:
            missing.setdefault((row["sender"], row["link"]), {}).setdefault(row["map"], row["why"])
    return [
        {"sender": sender, "link": link, "maps": list(reasons), "why": next(iter(reasons.values()))}
        for (sender, link), reasons in missing.items()
    ]


def _digest(content: object) -> str:
    """First 16 hex digits of SHA-256 over something fit for JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
