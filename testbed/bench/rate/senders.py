"""Scene -> frame, and what the link delivered -> the map the far end has: semantics, or the whole map."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from channel_sim.digital import Reception
from radiosem.codecs import MaskCodec, codec_names, make_codec
from radiosem.errors import FrameError, InputError
from radiosem.frame import Frame, pack, unpack
from radiosem.readings.section import MAX_READINGS
from radiosem.types import BuildingMap
from radiosem_proto.v1.radiosem_pb2 import Burst
from server_rx.errors import StrongPartLostError
from server_rx.pipeline import Causes, Pipeline
from testbed.bench.rate.map_senders import RAW_MAP, MapSender, make_map_senders
from testbed.bench.rate.scenes import Scene

SEMANTICS, MAP, EDGE_MAP = "semantics", "map", "edge-map"
LOSSLESS = "context"
WITH_READINGS = " + "  # in a sender's name, before how many
READINGS = f"{WITH_READINGS}readings"  # in a family's name, where its frames carry some
REHEARSED = " rehearsed"  # behind either, where the edge rehearses which to send
TUNABLE = "jpeg"  # the codec that --qualities and --scales are about


def readings_of(sender: str) -> int:
    """How many readings the frames of a sender carry at most, by its name."""
    return int(sender.partition(WITH_READINGS)[2].removesuffix(REHEARSED) or 0)


@dataclass(frozen=True)
class Received:
    """What the far end has of one map.

    gain_db        float32 [H, W] path gain as seen from the strongest transmitter, NaN in the received buildings
    buildings      bool [H, W] as received; all False where there is no mask
    degraded       the mask was lost: a path-loss map
    cars_lost      cars were sent and did not arrive
    readings_lost  readings were sent and did not arrive
    """

    gain_db: NDArray[np.float32]
    buildings: BuildingMap
    degraded: bool = False
    cars_lost: bool = False
    readings_lost: bool = False


class Sender(Protocol):
    """One setting of one way to send a map."""

    @property
    def name(self) -> str:
        """Codec and setting."""

    @property
    def family(self) -> str:
        """Senders of a family are points of one rate-error curve."""

    @property
    def kind(self) -> str:
        """`semantics`, `map` (the true one) or `edge-map`."""

    def frame(self, scene: Scene) -> Frame:
        """What is sent of the scene; raises InputError where it has no such frame."""

    def rebuild(self, scene: Scene, reception: Reception) -> Received:
        """The far end's map; raises FrameError where it refuses what arrived."""


class SemanticSender:
    """Laws, transmitters, the mask by one codec, and readings; the map is rebuilt as the receiver's pipeline does it.

    readings   most samples that the frame carries along
    rehearsed  the edge has the receiver's generator, and sends those that mend the map best
    """

    kind = SEMANTICS

    def __init__(
        self,
        name: str,
        codec: MaskCodec,
        pipeline: Pipeline,
        held: Mapping[bytes, MaskCodec],
        readings: int = 0,
        rehearsed: bool = False,
    ) -> None:
        self.name, self.family = name, codec.name
        if readings:
            how = REHEARSED if rehearsed else ""
            self.name, self.family = f"{name}{WITH_READINGS}{readings}{how}", f"{codec.name}{READINGS}{how}"
        self._codec, self._pipeline, self._held, self._readings = codec, pipeline, held, readings
        self._rehearses = rehearsed
        self._own: tuple[str, Received] | None = None

    def frame(self, scene: Scene) -> Frame:
        """The very frame that an edge packs. raises InputError where the scene's readings follow no law it can carry"""
        rehearsed = scene.rehearse(self._pipeline.generator, self._codec) if self._rehearses else None
        return pack(scene.semantics(self._readings, rehearsed), self._codec)

    def rebuild(self, scene: Scene, reception: Reception) -> Received:
        """Unframe, decompress, draw the features, generate.

        raises  FrameError when the strong part is lost or the frame is refused
        """
        if reception.strong is None:
            raise StrongPartLostError("the strong part was lost")
        semantics, codec = unpack(reception.strong, reception.weak, self._held)
        if semantics.buildings is not None and semantics.buildings.all():
            raise FrameError("the building mask covers the whole block")
        (record,) = self._pipeline.rebuild([Causes(Burst(), reception, semantics, codec)])
        buildings = np.zeros(scene.grid.shape, np.bool_) if semantics.buildings is None else semantics.buildings
        return Received(
            record.map_dbm - np.float32(scene.power_dbm),
            buildings,
            semantics.degraded,
            cars_lost=semantics.cars_lost,
            readings_lost=semantics.readings_lost,
        )

    def own_map(self, scene: Scene) -> Received:
        """The map the edge would rebuild itself, had it the receiver's networks. Kept for the scene last asked for."""
        if self._own is None or self._own[0] != scene.id:
            frame = self.frame(scene)
            self._own = scene.id, self.rebuild(scene, Reception(frame.strong, frame.weak, 0, 0, 0))
        return self._own[1]


class WholeMapSender:
    """A whole map by a map sender, all of it in the link's weak part: no header, no checksum, no mask.

    rebuilder  None: the true map, which no edge has but which the papers' rivals are given (kind `map`). A semantic
               sender: the map that the edge can rebuild by itself from what it knows (kind `edge-map`)
    """

    def __init__(self, sender: MapSender, rebuilder: SemanticSender | None = None) -> None:
        prefix = "" if rebuilder is None else "edge "
        self.name, self.family = prefix + sender.name, prefix + sender.family
        self.kind = MAP if rebuilder is None else EDGE_MAP
        self._sender, self._rebuilder = sender, rebuilder

    def frame(self, scene: Scene) -> Frame:
        """The coded map alone."""
        grey = scene.truth_grey
        if self._rebuilder is not None:
            rebuilt = self._rebuilder.own_map(scene)
            grey = np.where(rebuilt.buildings, 0, scene.scale.grey(rebuilt.gain_db))
        return Frame(b"", self._sender.encode(np.asarray(np.rint(grey * 255), np.uint8)))

    def rebuild(self, scene: Scene, reception: Reception) -> Received:
        """Decode the map. raises FrameError when it is lost"""
        if reception.weak is None or not reception.weak_whole:
            raise FrameError("the map was lost")
        grey = self._sender.decode(reception.weak, scene.grid.shape)
        return Received(scene.scale.gain_db(grey), np.zeros(scene.grid.shape, np.bool_))


@dataclass(frozen=True)
class Plan:
    """Which senders take part; JPEG, of the mask and of the map, takes every scale and quality.

    codecs       mask codecs of the frame
    readings     most samples that a frame carries along; each number is another sender
    rehearsed    the same for an edge that rehearses which to send
    map_senders  ways to send the whole map
    edge_maps    the map senders also send what the edge can rebuild itself, from all of its samples; but for raw
                 pixels, of which a PNG brings the same in fewer bits
    """

    codecs: tuple[str, ...]
    map_senders: tuple[str, ...]
    qualities: tuple[int, ...]
    scales: tuple[int, ...]
    edge_maps: bool = True
    readings: tuple[int, ...] = (0,)
    rehearsed: tuple[int, ...] = ()


def make_senders(plan: Plan, pipeline: Pipeline, held: Mapping[bytes, MaskCodec]) -> tuple[Sender, ...]:
    """Every sender of a plan, in its order.

    raises  InputError on an unknown codec, map sender, quality or scale; WeightsError on a network that is missing
    """
    senders: list[Sender] = []
    for codec in plan.codecs:
        for name, options in _settings(codec, plan):
            made = make_codec(codec, **options)
            for counts, how in ((plan.readings, False), (plan.rehearsed, True)):
                senders += [SemanticSender(name, made, pipeline, held, readings, how) for readings in counts]
    whole = [sender for name in plan.map_senders for sender in make_map_senders(name, plan.qualities, plan.scales)]
    senders += [WholeMapSender(sender) for sender in whole]
    if plan.edge_maps:
        exact = SemanticSender(LOSSLESS, make_codec(LOSSLESS), pipeline, held, MAX_READINGS)
        senders += [WholeMapSender(sender, exact) for sender in whole if sender.family != RAW_MAP]
    if not senders:
        raise InputError(f"codecs and map senders are both empty; codecs are {', '.join(codec_names())}")
    return tuple(senders)


def _settings(codec: str, plan: Plan) -> Sequence[tuple[str, dict[str, Any]]]:
    """Name and options of every setting of a codec."""
    if codec != TUNABLE:
        return ((codec, {}),)
    return [
        (f"{codec} 1/{scale} q{quality}", {"scale": scale, "quality": quality})
        for scale, quality in itertools.product(plan.scales, plan.qualities)
    ]
