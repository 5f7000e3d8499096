"""Noisy symbols -> radio map: demodulate, decode, unframe, draw features, generate, mend, add up transmitters."""

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel_sim.digital import MAX_SYMBOLS, Reception
from channel_sim.link import link_names, make_link
from radiosem.codecs import MaskCodec
from radiosem.errors import ChannelError, InputError
from radiosem.frame import unpack
from radiosem.inference import Runs
from radiosem.physics.depth import path_loss_db
from radiosem.physics.features import generator_features
from radiosem.readings.mend import mended
from radiosem.rebuild import SIGHT, Rebuilt, draw
from radiosem.scale import RAYTRACED
from radiosem.types import DEFAULT_THRESHOLD_DBM, Grid, PathLoss, Semantics, Transmitter
from radiosem_proto.v1.radiosem_pb2 import Burst
from server_rx.errors import StrongPartLostError
from server_rx.outage import floor_dbm, outage_share
from server_rx.storage.records import MapRecord, Provenance

Stages = dict[str, float]  # milliseconds by stage
_OBSERVATION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_MAGNITUDE = 1e6  # of a symbol's parts: far above any noise, far below where squares overflow
BATCH_PIXELS = 8 * 256 * 256  # one call of the network: bounds its memory, whatever the grids


@dataclass(frozen=True)
class Causes:
    """One burst turned back into semantics, and what that took."""

    burst: Burst
    reception: Reception
    semantics: Semantics
    codec: str
    stage_ms: Stages = field(default_factory=dict)


class Pipeline:
    """The receiver's half of the way of the data; not to be called by two threads at once.

    generator             features [N, C, H, W] -> grey [N, 1, H, W] in the `raytraced` scale
    codecs                mask codecs held, by their id in the frame
    models                {"name", "sha256", "device"} of the generator, for the provenance
    outage_threshold_dbm  threshold of the outage share in the metadata
    """

    def __init__(
        self,
        generator: Runs,
        codecs: Mapping[bytes, MaskCodec],
        models: Sequence[dict[str, str]] = (),
        outage_threshold_dbm: float = DEFAULT_THRESHOLD_DBM,
    ) -> None:
        self.generator = generator
        self._codecs = codecs
        self._models = tuple(models)
        self._outage_threshold_dbm = outage_threshold_dbm

    def receive(self, burst: Burst) -> Causes:
        """Demodulate, decode, unframe, decompress.

        raises  InputError, ChannelError, FrameError, UnknownCodecError, StrongPartLostError
        """
        stage_ms: Stages = {}
        strong, reception = _decode(burst, stage_ms)
        with _timed(stage_ms, "unframe"):
            semantics, codec = unpack(strong, reception.weak, self._codecs)
        if semantics.buildings is not None and semantics.buildings.all():
            raise InputError("the building mask covers the whole block; there is no outdoor pixel to draw a map for")
        return Causes(burst, reception, semantics, self._name_with_id(codec), stage_ms)

    def recognise(self, burst: Burst) -> tuple[Reception, Semantics]:
        """What arrived, and what its strong part says: grid, transmitters and laws. Raises as `receive`."""
        strong, reception = _decode(burst, {})
        return reception, unpack(strong, None, self._codecs)[0]

    def rebuild(self, causes: Sequence[Causes]) -> list[MapRecord]:
        """One map each; what shares a grid goes through the generator together."""
        power_mw = [np.zeros(item.semantics.grid.shape, np.float32) for item in causes]
        for index, item in enumerate(causes):
            if item.semantics.degraded:
                with _timed(item.stage_ms, "generate"):
                    for number, (transmitter, law) in enumerate(_pairs(item.semantics)):
                        gain_db = np.maximum(-path_loss_db(item.semantics.grid, transmitter, law), RAYTRACED.floor_db)
                        power_mw[index] += _milliwatts(
                            transmitter.power_dbm + _mended(Rebuilt(gain_db), item.semantics, number)
                        )
        for batch in _batches([item.semantics for item in causes]):
            self._generate(batch, causes, power_mw)
        return [self._record(item, power) for item, power in zip(causes, power_mw, strict=True)]

    def _generate(self, batch: "list[_Job]", causes: Sequence[Causes], power_mw: Sequence[NDArray[np.float32]]) -> None:
        stack = []
        for job in batch:
            semantics = causes[job.index].semantics
            assert semantics.buildings is not None
            with _timed(causes[job.index].stage_ms, "features"):
                stack.append(
                    generator_features(semantics.buildings, semantics.cars, job.transmitter, job.law, semantics.grid)
                )
        spent: Stages = {}
        with _timed(spent, "generate"):
            gains_db = draw(self.generator, stack)
        for job, channels, gain_db in zip(batch, stack, gains_db, strict=True):
            semantics, stage_ms = causes[job.index].semantics, causes[job.index].stage_ms
            stage_ms["generate"] = stage_ms.get("generate", 0.0) + spent["generate"] / len(batch)
            with _timed(stage_ms, "mend"):
                mended_db = _mended(Rebuilt(gain_db, semantics.buildings, channels[SIGHT]), semantics, job.number)
            power_mw[job.index] += _milliwatts(job.transmitter.power_dbm + mended_db)

    def _record(self, causes: Causes, power_mw: NDArray[np.float32]) -> MapRecord:
        burst, semantics, reception = causes.burst, causes.semantics, causes.reception
        with _timed(causes.stage_ms, "outage"):
            map_dbm = np.asarray(10 * np.log10(power_mw), np.float32)
            outdoors = map_dbm if semantics.buildings is None else map_dbm[~semantics.buildings]
            if semantics.buildings is not None:
                map_dbm[semantics.buildings] = np.nan
            floor = floor_dbm(transmitter.power_dbm for transmitter in semantics.transmitters)
            share = outage_share(map_dbm, self._outage_threshold_dbm, floor)
        strong, weak = reception.strong or b"", reception.weak or b""
        return MapRecord(
            observation_id=burst.observation_id,
            strong=strong,
            weak=weak,
            semantics=semantics,
            map_dbm=map_dbm,
            min_dbm=float(outdoors.min()),
            max_dbm=float(outdoors.max()),
            outage_threshold_dbm=self._outage_threshold_dbm,
            outage_share=share,
            provenance=Provenance(
                link=burst.link,
                codec=causes.codec,
                payload_bits=reception.payload_bits,
                channel_uses=len(burst.symbols) // 8,
                es_n0_db=burst.es_n0_db,
                bit_errors=reception.bit_errors,
                coded_bits=reception.coded_bits,
                models=() if semantics.degraded else self._models,
                stage_ms=causes.stage_ms,
            ),
        )

    def _name_with_id(self, codec: str) -> str:
        return next((f"{codec}:{key.hex()}" for key, held in self._codecs.items() if held.name == codec), codec)


def _decode(burst: Burst, stage_ms: Stages) -> tuple[bytes, Reception]:
    """The strong part of a burst, and all that its link heard."""
    symbols = check_burst(burst)
    with _timed(stage_ms, "decode"):
        try:
            reception = make_link(burst.link).decode(symbols, burst.es_n0_db)
        except ChannelError as error:
            raise ChannelError(f"{error} (Es/N0 = {burst.es_n0_db:g} dB)") from None
    if reception.strong is None:
        raise StrongPartLostError(
            f"the strong part (header, transmitters, path loss) was lost at Es/N0 = {burst.es_n0_db:g} dB; "
            "send it again, or over a stronger link"
        )
    return reception.strong, reception


def check_burst(burst: Burst) -> NDArray[np.complex64]:
    """Symbols of a burst, complex64 [n], once all its fields are usable; InputError names the one that is not."""
    if not _OBSERVATION_ID.fullmatch(burst.observation_id):
        raise InputError(f"observation_id is {burst.observation_id[:80]!r}; it must be 1 to 64 of A-Z a-z 0-9 . _ -")
    if burst.link not in link_names():
        raise InputError(f"link is {burst.link[:80]!r}; this receiver knows {', '.join(link_names())}")
    if burst.es_n0_db == math.inf:
        raise InputError(
            "es_n0_db is inf, as of symbols on their way to a relay, and this is the receiver: send them through a "
            "relay, or let the edge add the noise itself (EDGE_TX_RELAY=false)"
        )
    if not (math.isfinite(burst.es_n0_db) and -50 <= burst.es_n0_db <= 100):
        raise InputError(f"es_n0_db is {burst.es_n0_db}; it must lie in -50..100 dB")
    if not 0 < len(burst.symbols) <= 8 * MAX_SYMBOLS or len(burst.symbols) % 8:
        raise InputError(
            f"symbols has {len(burst.symbols)} bytes; it must be a multiple of 8 (complex64) in 8..{8 * MAX_SYMBOLS}"
        )
    parts = np.frombuffer(burst.symbols, "<f4").astype(np.float32)
    if not np.all(np.abs(parts) <= _MAX_MAGNITUDE):
        raise InputError(
            f"symbols has values that are not finite or above {_MAX_MAGNITUDE:g}; E|s|^2 is 1 before noise"
        )
    return parts.view(np.complex64)


@dataclass(frozen=True)
class _Job:
    """One call's worth of the generator: transmitter `number` of map `index`."""

    index: int
    number: int
    grid: Grid
    transmitter: Transmitter
    law: PathLoss


def _batches(maps: Sequence[Semantics]) -> Iterator[list[_Job]]:
    """Neighbours of one shape, as many as the network's memory is meant for."""
    batch: list[_Job] = []
    for index, semantics in enumerate(maps):
        if semantics.degraded:
            continue
        grid = semantics.grid
        for number, (transmitter, law) in enumerate(_pairs(semantics)):
            full = (len(batch) + 1) * grid.rows * grid.cols > BATCH_PIXELS
            if batch and (full or batch[0].grid.shape != grid.shape):
                yield batch
                batch = []
            batch.append(_Job(index, number, grid, transmitter, law))
    if batch:
        yield batch


def _pairs(semantics: Semantics) -> Iterator[tuple[Transmitter, PathLoss]]:
    return zip(semantics.transmitters, semantics.path_losses, strict=True)


def _mended(rebuilt: Rebuilt, semantics: Semantics, number: int) -> NDArray[np.float32]:
    """The gain of one transmitter in dB, with what the readings of it that came along say it got wrong."""
    if semantics.readings is None:
        return rebuilt.gain_db
    return mended(rebuilt, semantics.readings.of(number), semantics.grid)


def _milliwatts(power_dbm: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    return np.asarray(10 ** (power_dbm / 10), np.float32)


@contextmanager
def _timed(stage_ms: Stages, stage: str) -> Iterator[None]:
    """Add the time the block takes to the stage."""
    start = time.perf_counter()
    yield
    stage_ms[stage] = stage_ms.get(stage, 0.0) + 1e3 * (time.perf_counter() - start)
