"""Observation -> frame -> burst -> receipt: the edge half of the way on one screen."""

import math
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import cv2

from channel_sim.air import Air
from channel_sim.link import make_link
from edge_tx.evidence import outdoor_evidence
from edge_tx.fit import fit
from edge_tx.segment import Segmenter, mask_warnings, open_to_transmitters
from edge_tx.send import Sender
from edge_tx.sense import sense
from edge_tx.settings import EdgeSettings
from radiosem.codecs import MaskCodec, as_received, make_codec
from radiosem.errors import DeliveryError, InputError
from radiosem.frame import Frame, pack
from radiosem.inference import load_network
from radiosem.readings.choose import choose_readings
from radiosem.rebuild import rehearse
from radiosem.types import Semantics
from radiosem_proto.v1 import radiosem_pb2 as pb

codec_named = lru_cache(maxsize=8)(make_codec)
link_named = lru_cache(maxsize=8)(make_link)


@dataclass(frozen=True)
class Observed:
    """What an observation became: the frame to send, the causes it carries, and how it came about.

    stage_ms  milliseconds of each stage: sense, segment, fit, rehearse, compress
    warnings  what a user should know though the frame is usable
    """

    observation_id: str
    frame: Frame
    semantics: Semantics
    codec: MaskCodec
    stage_ms: dict[str, float]
    warnings: tuple[str, ...]


class EdgePipeline:
    """The edge device: networks loaded, connected to the receiver.

    segmenter  the manifest's unless given
    raises     WeightsError when a network is missing or altered, InputError when a setting names no link or codec
    """

    def __init__(self, settings: EdgeSettings, segmenter: Segmenter | None = None) -> None:
        cv2.setNumThreads(max(settings.threads, 1))
        self.settings = settings
        codec_named(settings.codec)
        link_named(settings.link)
        self._segmenter = segmenter or Segmenter.load(settings.threads)
        self._generator = load_network("generator", settings.threads) if settings.rehearse else None
        self._sender = Sender(settings)
        # One observation at a time is worked on, so that memory does not grow with the number of callers.
        self._working = threading.Lock()

    def close(self) -> None:
        """Hang up on the receiver."""
        self._sender.close()

    def observe(self, observation: pb.Observation) -> Observed:
        """Image, samples and transmitters -> the frame that carries their semantics.

        raises  InputError naming the field that is unusable, its value and what would be right
        """
        settings, stage_ms = self.settings, dict[str, float]()
        codec = codec_named(observation.codec or settings.codec)
        with self._working:
            with _timed(stage_ms, "sense"):
                sensed = sense(observation, settings.max_image_bytes, settings.max_image_pixels, settings.floor_dbm)
            with _timed(stage_ms, "segment"):
                found, disbelief = sensed.buildings, tuple[str, ...]()
                if sensed.image is not None:
                    against, disbelief = outdoor_evidence(
                        sensed.samples, sensed.transmitters, sensed.grid, sensed.floor_dbm
                    )
                    found = self._segmenter(sensed.image, sensed.grid, against)
                assert found is not None
                buildings, doubts = open_to_transmitters(found, sensed.transmitters, sensed.grid)
            with _timed(stage_ms, "fit"):
                laws, guesses = fit(sensed.samples, sensed.transmitters, sensed.grid, buildings, sensed.floor_dbm)
            most = observation.readings if observation.HasField("readings") else settings.readings
            rehearsed = None
            if most and self._generator is not None:
                with _timed(stage_ms, "rehearse"):
                    rehearsed = rehearse(
                        self._generator,
                        as_received(buildings, codec, sensed.transmitters),
                        sensed.cars,
                        sensed.transmitters,
                        laws,
                        sensed.grid,
                    )
            with _timed(stage_ms, "compress"):
                readings = choose_readings(
                    sensed.samples, sensed.transmitters, sensed.grid, most, sensed.floor_dbm, rehearsed
                )
                semantics = Semantics(
                    sensed.grid, sensed.transmitters, laws, buildings, sensed.cars, readings, place=sensed.place
                )
                frame = pack(semantics, codec)
        warnings = (*sensed.warnings, *mask_warnings(found, sensed.samples), *disbelief, *doubts, *guesses)
        return Observed(sensed.observation_id, frame, semantics, codec, stage_ms, warnings)

    def transmit(self, observation: pb.Observation) -> pb.Receipt:
        """Observe, send over the air, and wait for the receiver to make it durable.

        returns  the receiver's receipt with the edge's own figures added, stages as edge_sense, edge_segment, ...;
                 FAILED when the receiver could not be reached
        raises   InputError as `observe` does
        """
        link, es_n0_db, seed = self._way(observation.link)
        observed = self.observe(observation)
        stage_ms = observed.stage_ms
        air = Air(es_n0_db, link)
        uses = 0

        def burst(attempt: int) -> pb.Burst:
            nonlocal uses
            with _timed(stage_ms, "encode"):
                sent = air.send(observed.frame, observed.observation_id, seed + attempt)
            uses = len(sent.symbols) // 8
            return sent

        with _timed(stage_ms, "deliver"):
            try:
                receipt = self._sender.deliver(burst)
            except DeliveryError as error:
                receipt = pb.Receipt(status=pb.STATUS_FAILED, message=str(error), retryable=True)
        receipt.observation_id = observed.observation_id
        warnings = (*observed.warnings, *self._unheeded(observation.link))
        receipt.message = "; ".join(filter(None, [receipt.message, *warnings]))
        if not receipt.already_held:
            receipt.codec = f"{observed.codec.name}:{observed.codec.codec_id.hex()}"
            receipt.payload_bits = air.link.payload_bits(observed.frame)
            receipt.channel_uses = uses
            if not self.settings.relay:  # else only the receiver knows
                receipt.es_n0_db = es_n0_db
        for stage, spent_ms in stage_ms.items():
            receipt.stage_ms[f"edge_{stage}"] = spent_ms
        return receipt

    def _way(self, options: pb.LinkOptions) -> tuple[str, float, int]:
        """Link name, Es/N0 in dB and noise seed: the observation's where it has them, else the settings'."""
        settings = self.settings
        link = options.link or settings.link
        link_named(link)
        es_n0_db = options.es_n0_db if options.HasField("es_n0_db") else settings.es_n0_db
        if not (math.isfinite(es_n0_db) and -30 <= es_n0_db <= 60):
            raise InputError(f"link es_n0_db is {es_n0_db}; it must lie in -30..60 dB")
        seed = options.noise_seed if options.HasField("noise_seed") else secrets.randbits(48)
        return link, math.inf if settings.relay else es_n0_db, seed

    def _unheeded(self, options: pb.LinkOptions) -> Iterator[str]:
        """What an observation asks of the air that is not this edge's to grant."""
        for name in ("es_n0_db", "noise_seed"):
            if self.settings.relay and options.HasField(name):
                yield f"link {name} had no effect: the relay adds the noise"


@contextmanager
def _timed(stage_ms: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    stage_ms[stage] = (time.perf_counter() - started) * 1e3
