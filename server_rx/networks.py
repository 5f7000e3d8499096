"""Weights manifest -> the networks and codecs a receiver runs, verified, loaded, and run once to warm up."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from channel_sim.air import Air
from radiosem import weights
from radiosem.codecs import MaskCodec, receiver_codecs
from radiosem.errors import WeightsError
from radiosem.frame import pack
from radiosem.inference import Runs, load_network
from radiosem.physics.features import CHANNELS
from radiosem.scale import RAYTRACED
from radiosem.types import DEFAULT_POWER_DBM, DEFAULT_THRESHOLD_DBM, Grid, PathLoss, Semantics, Transmitter
from server_rx.outage import classify_outage, floor_dbm
from server_rx.pipeline import Pipeline

_WARM_UP_ES_N0_DB = 20.0


@dataclass(frozen=True)
class Networks:
    """What a receiver knows how to run.

    generator, outage  networks of the manifest
    codecs             mask codecs by their id in a frame
    models             {"name", "sha256", "device"} of the generator, for the provenance of its maps
    """

    generator: Runs
    outage: Runs
    codecs: Mapping[bytes, MaskCodec]
    models: tuple[dict[str, str], ...] = ()


def load_networks(threads: int = 0) -> Networks:
    """Every network and codec, each file checked against the manifest. Raises WeightsError.

    threads  CPU threads of a network; 0 takes every core
    """
    listed = weights.entries()
    _check_inputs(listed)
    for entry in listed.values():  # an altered codebook must stop the receiver, not quietly shrink its list of codecs
        weights.verify(entry)
    generator, outage = load_network("generator", threads), load_network("outage", threads)
    told = {"name": "generator", "sha256": listed["generator"].sha256, "device": generator.device}
    return Networks(generator, outage, receiver_codecs(), (told,))


def _check_inputs(listed: Mapping[str, weights.WeightsEntry]) -> None:
    """Raise WeightsError when a network was trained on another scale, or on other channels, than it would be fed."""
    fed = {"scale": RAYTRACED.name, "channels": list(CHANNELS)}
    for name, keys in (("generator", ("scale", "channels")), ("outage", ("scale",))):
        for key in keys:
            trained = listed[name].meta.get(key, fed[key]) if name in listed else fed[key]
            if trained != fed[key]:
                raise WeightsError(f"network {name} was trained with {key} {trained}; this receiver has {fed[key]}")


def warm_up(pipeline: Pipeline, networks: Networks) -> None:
    """Take a small made-up block through every stage, so that nothing is compiled while a sender waits."""
    grid = Grid(64, 64)
    buildings = np.zeros(grid.shape, np.bool_)
    buildings[8:16, 8:24] = True
    semantics = Semantics(grid, (Transmitter(32, 32),), (PathLoss(50.0, 30.0),), buildings)
    codec = next(iter(networks.codecs.values()))
    burst = Air(_WARM_UP_ES_N0_DB).send(pack(semantics, codec), "warm-up", seed=0)
    (record,) = pipeline.rebuild([pipeline.receive(burst)])
    classify_outage(
        networks.outage, record.map_dbm, DEFAULT_THRESHOLD_DBM, floor_dbm([DEFAULT_POWER_DBM]), DEFAULT_POWER_DBM
    )
