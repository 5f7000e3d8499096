"""One scene through every sender, link and Es/N0 -> one row a cell."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel_sim.awgn import awgn
from channel_sim.digital import Reception
from channel_sim.link import Link
from radiosem.errors import ChannelError, FrameError, InputError, RadiosemError
from radiosem.frame import Frame
from testbed.bench.rate.scenes import Scene, seed_of
from testbed.bench.rate.scores import nothing_received, score_received
from testbed.bench.rate.senders import SEMANTICS, WITH_READINGS, Received, Sender

COMPLETE, PARTIAL, DEGRADED, FAILED, NOT_CARRIED = "complete", "partial", "degraded", "failed", "not carried"
LEARNED_LINK = "jscc"
Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What the far end made of one reception; the same for every reception of the same bytes.

    received  None where only the scores are kept
    """

    status: str
    scores: dict[str, float | None]
    readings_lost: bool
    received: Received | None


@dataclass(frozen=True)
class Emission:
    """A frame and its clean symbols, complex64 [n]."""

    frame: Frame
    symbols: NDArray[np.complex64]


def run_scene(
    scene: Scene,
    senders: Sequence[Sender],
    links: Sequence[Link],
    es_n0_db: Sequence[float],
    seed: int,
    bursts: int = 1,
) -> Iterator[tuple[Row, Received | None]]:
    """Send one scene in every cell, each burst with noise of its own.

    seed     of the noise, mixed with scene, sender, link and Es/N0
    bursts   of each cell; noise decides what arrives where a link is near its threshold
    returns  a row a burst, and of the first burst the map it is of; one row a cell where the link cannot carry it

    A refused frame or a burst without one is `failed`, and scored as a map that is the floor everywhere; it is not
    sent again. A frame whose mask is lost is `degraded`: the path-loss map. One that lost but cars or readings is
    `partial`. Where the scene has no such frame, or the link cannot carry it, the row is `not carried`: it has no
    scores and says why, and there is no map.
    """
    nothing = nothing_received(scene)
    failed = Outcome(FAILED, score_received(scene, nothing), nothing.readings_lost, nothing)
    for sender in senders:
        frame = _frame(sender, scene)
        outcomes: dict[tuple[bytes | None, bytes | None], Outcome] = {}
        for link in links:
            emission = _emission(frame, link)
            for snr_db in es_n0_db:
                cell = _cell(scene, sender, link, snr_db)
                if isinstance(emission, RadiosemError):
                    yield cell | {"burst": 0} | _not_carried(emission, failed), None
                    continue
                rng = np.random.default_rng(seed_of(seed, scene.id, sender.name, link.name, snr_db))
                for burst in range(bursts):
                    reception = _receive(link, awgn(emission.symbols, snr_db, rng), snr_db)
                    outcome = failed
                    if reception is not None:
                        key = (reception.strong, reception.weak)
                        known = outcomes.get(key)
                        if known is None or (burst == 0 and known.received is None):
                            known = _outcome(scene, sender, reception) or failed
                            # Hardly two damaged bursts are alike: of the later ones the scores alone are kept.
                            outcomes[key] = known if burst == 0 else replace(known, received=None)
                        outcome = known
                    row = cell | {
                        "burst": burst,
                        **_rate(emission, link, snr_db),
                        "status": outcome.status,
                        "why": None,
                        "readings_lost": outcome.readings_lost,
                        "bit_errors": reception.bit_errors if reception else 0,
                        "coded_bits": reception.coded_bits if reception else 0,
                        **outcome.scores,
                    }
                    if sender.kind != SEMANTICS:
                        row["wrong_pixel_share"] = None  # it sends no mask
                    yield row, outcome.received if burst == 0 else None


def _frame(sender: Sender, scene: Scene) -> Frame | RadiosemError:
    """What the sender sends of the scene, or why it cannot."""
    try:
        return sender.frame(scene)
    except (InputError, FrameError) as error:  # a law that no frame carries; a map that the edge cannot rebuild
        return error


def _emission(frame: Frame | RadiosemError, link: Link) -> Emission | RadiosemError:
    """A frame as symbols, or why there are none."""
    if isinstance(frame, RadiosemError):
        return frame
    try:
        return Emission(frame, link.encode(frame))
    except InputError as error:
        return error


def _cell(scene: Scene, sender: Sender, link: Link, es_n0_db: float) -> Row:
    """Where a row belongs. Over the learned link, which draws the mask itself, a family goes by the link's name."""
    codec, *readings = sender.family.partition(WITH_READINGS)
    return {
        "map": scene.id,
        "region": scene.region,
        "sender": sender.name,
        "family": "".join((link.name if link.name == LEARNED_LINK else codec, *readings)),
        "kind": sender.kind,
        "link": link.name,
        "es_n0_db": float(es_n0_db),
    }


def _rate(emission: Emission, link: Link, es_n0_db: float) -> Row:
    """What a frame takes; no bits where the mask goes as analogue symbols."""
    channel_uses = int(emission.symbols.size)
    bits = link.payload_bits(emission.frame) if link.exact else None
    return {
        "eb_n0_db": None if bits is None else es_n0_db - 10 * math.log10(bits / channel_uses),
        "payload_bits": bits,
        "channel_uses": channel_uses,
    }


def _not_carried(why: RadiosemError, like: Outcome) -> Row:
    """The rest of a row of which nothing went on the air."""
    rate, rest = ("eb_n0_db", "payload_bits", "channel_uses"), ("readings_lost", "bit_errors", "coded_bits")
    told = {"status": NOT_CARRIED, "why": str(why)}
    return {**dict.fromkeys(rate), **told, **dict.fromkeys(rest), **dict.fromkeys(like.scores)}


def _receive(link: Link, symbols: NDArray[np.complex64], es_n0_db: float) -> Reception | None:
    """What came through, None when the burst is not recognised as one."""
    try:
        return link.decode(symbols, es_n0_db)
    except ChannelError:
        return None


def _outcome(scene: Scene, sender: Sender, reception: Reception) -> Outcome | None:
    """The far end's map with its scores, None when it refuses the frame."""
    try:
        received = sender.rebuild(scene, reception)
    except FrameError:
        return None
    lost = received.cars_lost or received.readings_lost
    status = DEGRADED if received.degraded else PARTIAL if lost else COMPLETE
    return Outcome(status, score_received(scene, received), received.readings_lost, received)
