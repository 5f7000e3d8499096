"""What is lost, refused or never sent is told from what arrived, and one unusual map stops nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from channel_sim.digital import LdpcLink, Reception
from channel_sim.link import make_link
from channel_sim.modulation import QPSK
from radiosem.errors import InputError
from radiosem.frame import Frame, unpack
from server_rx.pipeline import Pipeline
from testbed.bench.rate.aggregate import learned_link
from testbed.bench.rate.cells import COMPLETE, DEGRADED, FAILED, NOT_CARRIED, PARTIAL, run_scene
from testbed.bench.rate.scenes import DataSource, PackSource, Scene
from testbed.bench.rate.senders import Plan, Sender, make_senders
from testbed.bench.rate.sweep import RateSettings, run_rate
from testbed.pack import SAMPLE_PACK
from tests.testbed.bench.rate.conftest import check_page


class _Cut:
    """A link without noise that loses the end of the weak part."""

    name, exact = "cut", True

    def __init__(self, lost: int) -> None:
        self.lost, self._link = lost, LdpcLink(QPSK, "1/2")
        self.payload_bits = self._link.payload_bits

    def encode(self, frame: Frame) -> NDArray[np.complex64]:
        self._frame = frame
        return self._link.encode(frame)

    def decode(self, symbols: NDArray[np.complex64], es_n0_db: float) -> Reception:
        return Reception(self._frame.strong, self._frame.weak[: len(self._frame.weak) - self.lost], 0, 0, 0)


def _senders(
    codecs: tuple[str, ...], readings: tuple[int, ...], networks: Any, pipeline: Pipeline
) -> tuple[Sender, ...]:
    return make_senders(Plan(codecs, (), (5,), (1,), readings=readings), pipeline, networks.codecs)


@pytest.fixture
def with_cars(scene: Scene) -> Scene:
    cars = np.zeros(scene.grid.shape, bool)
    cars[10:12, 20:24] = True
    return replace(scene, cars=cars & ~scene.buildings)


def test_a_map_that_lost_readings_or_cars_alone_is_partial(with_cars: Scene, networks: Any, pipeline: Pipeline) -> None:
    (sender,) = _senders(("context",), (16,), networks, pipeline)
    frame = sender.frame(with_cars)
    held, weak = networks.codecs, frame.weak
    found = {}
    for lost in range(len(weak)):
        semantics, _ = unpack(frame.strong, weak[: len(weak) - lost], held)
        state = (semantics.buildings is None, semantics.cars is None, semantics.readings_lost)
        if state not in found:
            ((row, _),) = run_scene(with_cars, [sender], [_Cut(lost)], (10.0,), seed=0)
            found[state] = (row["status"], row["readings_lost"])
    assert found == {
        (False, False, False): (COMPLETE, False),
        (False, False, True): (PARTIAL, True),
        (False, True, True): (PARTIAL, True),
        (True, True, True): (DEGRADED, True),
    }
    (bare,) = _senders(("context",), (0,), networks, pipeline)
    ((row, _),) = run_scene(with_cars, [bare], [_Cut(1)], (10.0,), seed=0)
    assert (row["status"], row["readings_lost"]) == (PARTIAL, False)
    ((row, _),) = run_scene(with_cars, [bare], [make_link("qpsk-1/2")], (-20.0,), seed=0)
    assert (row["status"], row["readings_lost"]) == (FAILED, False)


def test_a_map_that_is_all_buildings_is_told_and_stops_nothing(scene: Scene, networks: Any, pipeline: Pipeline) -> None:
    samples = replace(scene.samples, **{k: v[:0] for k, v in vars(scene.samples).items()})
    full = replace(scene, buildings=np.ones_like(scene.buildings), truth_grey=scene.truth_grey * 0, samples=samples)
    senders = make_senders(Plan(("context",), ("jpeg-map",), (5,), (1,)), pipeline, networks.codecs)
    found = {row["sender"]: row for row, _ in run_scene(full, senders, [make_link("qpsk-1/2")], (10.0,), seed=0)}
    assert {name: row["status"] for name, row in found.items()} == {
        "context": FAILED,
        "jpeg-map 1/1 q5": COMPLETE,
        "edge jpeg-map 1/1 q5": NOT_CARRIED,
    }
    assert "the building mask covers the whole block" in found["edge jpeg-map 1/1 q5"]["why"]


class _Choosy:
    """A link that says no to what it cannot carry."""

    name = "choosy"

    def encode(self, frame: Frame) -> NDArray[np.complex64]:
        raise InputError("this link carries nothing")

    def decode(self, symbols: NDArray[np.complex64], es_n0_db: float) -> Reception:
        raise AssertionError("nothing was sent")


def test_what_a_link_cannot_carry_is_told_and_has_no_scores(scene: Scene, networks: Any, pipeline: Pipeline) -> None:
    senders = _senders(("context",), (0,), networks, pipeline)
    ((row, received),) = run_scene(scene, senders, [_Choosy()], (10.0,), seed=0)
    ((sent, _),) = run_scene(scene, senders, [make_link("qpsk-1/2")], (10.0,), seed=0)
    assert received is None
    assert (row["status"], row["why"]) == (NOT_CARRIED, "this link carries nothing")
    assert list(row) == list(sent)
    assert (row["mse"], row["payload_bits"], row["readings_lost"]) == (None, None, None)


def test_every_burst_has_noise_of_its_own_and_the_first_is_that_of_one(
    scene: Scene, networks: Any, pipeline: Pipeline
) -> None:
    senders, link = _senders(("context",), (0,), networks, pipeline), make_link("qpsk-1/2")
    sent = [row for row, _ in run_scene(scene, senders, [link], (1.0,), seed=0, bursts=4)]
    ((alone, _),) = run_scene(scene, senders, [link], (1.0,), seed=0)
    assert [row["burst"] for row in sent] == [0, 1, 2, 3]
    assert len({row["bit_errors"] for row in sent}) > 1
    assert sent[0] == alone


def test_the_learned_link_has_no_payload_bits_and_a_family_of_its_own(networks: Any, pipeline: Pipeline) -> None:
    source = PackSource(SAMPLE_PACK)
    senders = _senders(("bitmap",), (0, 16), networks, pipeline)
    rows = [row for row, _ in run_scene(source.scene("florence-02-a"), senders, [make_link("jscc")], (10.0,), seed=0)]
    assert [(row["family"], row["payload_bits"], row["eb_n0_db"]) for row in rows] == [
        ("jscc", None, None),
        ("jscc + readings", None, None),
    ]
    assert all(row["channel_uses"] > 1000 for row in rows)


def test_a_map_without_a_law_or_with_few_cells_outdoors_stops_no_sweep(small_city: Path, tmp_path: Path) -> None:
    """The first block gets louder with distance, and is built on but for a corner; the others are as they were."""
    city = tmp_path / "city"
    for path in small_city.rglob("*.*"):
        (city / path.relative_to(small_city)).parent.mkdir(parents=True, exist_ok=True)
        (city / path.relative_to(small_city)).write_bytes(path.read_bytes())
    few = np.full((64, 64), 255, np.uint8)
    few[:12, :12] = 0
    cv2.imwrite(str(city / "png/buildings_complete/1.png"), few)
    (city / "antenna/1.json").write_text("[[2, 2, 1.5]]")
    settings = RateSettings(
        DataSource(city, allow_seen=True), Plan(("context",), ("png-map",), (), (), False), ("qpsk-1/2",), (10.0,)
    )
    real = DataSource.scene

    def odd(self: DataSource, scene_id: str) -> Scene:
        found = real(self, scene_id)
        if scene_id != "0_0":
            return found
        away = np.hypot(found.samples.row - found.transmitters[0].row, found.samples.col - found.transmitters[0].col)
        return replace(found, samples=replace(found.samples, power_dbm=-120.0 + 1.0 * away))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataSource, "scene", odd)
        summary = run_rate(settings, tmp_path / "out")
    context, png = summary["cells"]
    assert (context["maps"], context["not_carried"], png["maps"], png["not_carried"]) == (2, 1, 3, 0)
    (missing,) = summary["not_carried"]
    assert (missing["sender"], missing["maps"]) == ("context", ["0_0"])
    assert "fit a path loss" in missing["why"]
    assert "context over qpsk-1/2 (1 of 3 maps: 0_0)" in check_page(tmp_path / "out" / "report.html")
    assert "not carried" in (tmp_path / "out" / "rows.csv").read_text()


def test_the_learned_link_alone_makes_a_whole_report(tmp_path: Path) -> None:
    plan = Plan(("bitmap",), (), (), (), False, (0, 16))
    summary = run_rate(RateSettings(PackSource(SAMPLE_PACK, 1), plan, ("jscc",), (10.0,)), tmp_path)
    assert {cell["payload_bits"] for cell in summary["cells"]} == {None}
    check_page(tmp_path / "report.html")


def test_the_learned_link_with_readings_has_a_digital_frame_beside_it(tmp_path: Path) -> None:
    plan = Plan(("bitmap", "jpeg"), (), (5,), (4,), False, (0, 128))
    summary = run_rate(RateSettings(PackSource(SAMPLE_PACK, 1), plan, ("jscc", "qpsk-1/2"), (10.0,)), tmp_path)
    digital = {entry["sender"]: entry["digital"] for entry in summary["learned_link"]}
    assert digital["bitmap + 128"]["sender"] == "jpeg 1/4 q5 + 128"
    assert digital["bitmap"]["sender"] == "jpeg 1/4 q5"
    assert learned_link(summary["cells"]) == summary["learned_link"]
