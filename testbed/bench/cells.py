"""One scene through every sender, link and Es/N0 -> one row a cell."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel_sim.awgn import awgn
from channel_sim.digital import Reception
from channel_sim.link import Link
from radiosem.errors import ChannelError, FrameError, InputError
from testbed.bench.scenes import Scene, seed_of
from testbed.bench.scores import nothing_received, score_received
from testbed.bench.senders import SEMANTICS, Received, Sender

COMPLETE, DEGRADED, FAILED = "complete", "degraded", "failed"
Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What the far end made of one reception; the same for every reception of the same bytes."""

    status: str
    scores: dict[str, float | None]
    received: Received


def run_scene(
    scene: Scene, senders: Sequence[Sender], links: Sequence[Link], es_n0_db: Sequence[float], seed: int
) -> Iterator[tuple[Row, Received]]:
    """Send one scene in every cell, once each, with noise of its own.

    seed     of the noise, mixed with scene, sender, link and Es/N0
    returns  a row a cell, and the map it is of; a cell is left out where the link cannot carry the sender's frame

    A refused frame or a burst without one is `failed`, and scored as a map that is the floor everywhere; it is not
    sent again. A frame whose mask is lost is `degraded`: the path-loss map.
    """
    nothing = nothing_received(scene)
    failed = Outcome(FAILED, score_received(scene, nothing), nothing)
    for sender in senders:
        frame = sender.frame(scene)
        outcomes: dict[tuple[bytes | None, bytes | None], Outcome] = {}
        for link in links:
            try:
                clean = link.encode(frame)
            except InputError:
                continue
            for snr_db in es_n0_db:
                rng = np.random.default_rng(seed_of(seed, scene.id, sender.name, link.name, snr_db))
                reception = _receive(link, awgn(clean, snr_db, rng), snr_db)
                outcome = failed
                if reception is not None:
                    key = (reception.strong, reception.weak)
                    if key not in outcomes:
                        outcomes[key] = _outcome(scene, sender, reception) or failed
                    outcome = outcomes[key]
                bits, uses = frame.payload_bits, int(clean.size)
                row = {
                    "map": scene.id,
                    "region": scene.region,
                    "sender": sender.name,
                    "family": sender.family,
                    "kind": sender.kind,
                    "link": link.name,
                    "es_n0_db": float(snr_db),
                    "eb_n0_db": snr_db - 10 * math.log10(bits / uses),
                    "payload_bits": bits,
                    "channel_uses": uses,
                    "status": outcome.status,
                    "bit_errors": reception.bit_errors if reception else 0,
                    "coded_bits": reception.coded_bits if reception else 0,
                    **outcome.scores,
                }
                if sender.kind != SEMANTICS:
                    row["wrong_pixel_share"] = None  # it sends no mask
                yield row, outcome.received


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
    return Outcome(DEGRADED if received.degraded else COMPLETE, score_received(scene, received), received)
