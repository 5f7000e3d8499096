"""A small block, networks that are plain arithmetic, and a receiver's parts on a temporary folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from channel_sim.air import Air
from channel_sim.link import make_link
from radiosem.codecs import MaskCodec, make_codec
from radiosem.frame import pack
from radiosem.physics.features import CHANNELS
from radiosem.types import Grid, PathLoss, Semantics, Transmitter
from radiosem_proto.v1.radiosem_pb2 import Burst
from server_rx.networks import Networks
from server_rx.pipeline import Pipeline
from server_rx.storage.records import MapRecord
from server_rx.storage.store import Store

GRID = Grid(48, 72, 2.0)  # neither side is a multiple of 32
LAW = PathLoss(50.0, 30.0)
FIRST, SECOND = Transmitter(10, 8), Transmitter(60, 40, power_dbm=30.0)


class LawGenerator:
    """A generator that answers with the law's own grey, and remembers the shapes it was given."""

    device = "cpu"

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        features = inputs["features"]
        self.shapes.append(features.shape)
        law = CHANNELS.index("law")
        return [features[:, law : law + 1].copy()]


class ComparingClassifier:
    """An outage classifier whose logit is how far the map is below the threshold."""

    device = "cpu"

    def __call__(self, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        assert inputs["map_grey"].dtype == inputs["threshold_grey"].dtype == np.float32
        return [inputs["threshold_grey"][..., None, None] - inputs["map_grey"]]


def block(grid: Grid = GRID) -> NDArray[np.bool_]:
    buildings = np.zeros(grid.shape, np.bool_)
    buildings[16:24, 20:40] = True
    return buildings


def semantics(*transmitters: Transmitter, grid: Grid = GRID) -> Semantics:
    antennas = transmitters or (FIRST,)
    return Semantics(grid, antennas, (LAW,) * len(antennas), block(grid))


def drown(burst: Burst, start: int, end: int | None) -> Burst:
    """The burst with some of its symbols replaced by noise."""
    symbols = np.frombuffer(burst.symbols, "<c8").copy()
    lost = symbols[start:end]
    lost[:] = np.random.default_rng(1).normal(size=(len(lost), 2)).astype("<f4").view("<c8")[:, 0]
    return Burst(observation_id=burst.observation_id, symbols=symbols.tobytes(), es_n0_db=10.0, link=burst.link)


@pytest.fixture(scope="session")
def send_without_laws(send: Callable[..., Burst], codec: MaskCodec) -> Callable[..., Burst]:
    """What is heard when the symbols of the strong part arrive as noise."""
    link = make_link()
    strong = pack(semantics(), codec).strong

    def over_the_air(observation_id: str = "block-1") -> Burst:
        return drown(send(observation_id), link.symbol_count(0, 0), link.symbol_count(len(strong), 0))

    return over_the_air


@pytest.fixture(scope="session")
def codec() -> MaskCodec:
    return make_codec("context")


@pytest.fixture(scope="session")
def send(codec: MaskCodec) -> Callable[..., Burst]:
    """Semantics -> what the receiver hears of them."""

    def over_the_air(
        observation_id: str = "block-1", causes: Semantics | None = None, es_n0_db: float = 10.0, seed: int = 0
    ) -> Burst:
        return Air(es_n0_db).send(pack(causes or semantics(), codec), observation_id, seed)

    return over_the_air


@pytest.fixture(scope="session")
def send_without_mask(send: Callable[..., Burst], codec: MaskCodec) -> Callable[..., Burst]:
    """The same, but the symbols of the mask arrive as noise."""

    def over_the_air(observation_id: str = "block-1", causes: Semantics | None = None) -> Burst:
        burst = send(observation_id, causes)
        strong = pack(causes or semantics(), codec).strong
        return drown(burst, make_link().symbol_count(len(strong), 0), None)

    return over_the_air


@pytest.fixture
def generator() -> LawGenerator:
    return LawGenerator()


@pytest.fixture
def pipeline(generator: LawGenerator, codec: MaskCodec) -> Pipeline:
    told = {"name": "generator", "sha256": "ab" * 32, "device": "cpu"}
    return Pipeline(generator, {codec.codec_id: codec}, (told,))


@pytest.fixture(scope="session")
def networks(codec: MaskCodec) -> Networks:
    return Networks(LawGenerator(), ComparingClassifier(), {codec.codec_id: codec})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


def rebuilt(codec: MaskCodec, burst: Burst) -> MapRecord:
    told = {"name": "generator", "sha256": "ab" * 32, "device": "cpu"}
    pipeline = Pipeline(LawGenerator(), {codec.codec_id: codec}, (told,))
    (record,) = pipeline.rebuild([pipeline.receive(burst)])
    return record


@pytest.fixture(scope="session")
def record(codec: MaskCodec, send: Callable[..., Burst]) -> MapRecord:
    """The map of "block-1", complete."""
    return rebuilt(codec, send())


@pytest.fixture(scope="session")
def degraded(codec: MaskCodec, send_without_mask: Callable[..., Burst]) -> MapRecord:
    """The map of "block-1" when its mask was lost."""
    return rebuilt(codec, send_without_mask())
