"""Readings speak against buildings where they stand, and strong ones along the sight line they must have had."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_tx.evidence import LINE_LOG_ODDS, PLACE_LOG_ODDS, outdoor_evidence
from edge_tx.pipeline import EdgePipeline
from edge_tx.segment import Segmenter
from edge_tx.settings import EdgeSettings
from radiosem.masks.on_grid import mask_on_grid
from radiosem.physics.depth import distance_m
from radiosem.types import SPEED_OF_LIGHT_M_S, Grid, Samples, Transmitter
from radiosem_proto.v1 import radiosem_pb2 as pb

GRID = Grid(64, 96)
TX = Transmitter(col=10, row=32)


def free_space_dbm(
    tx: Transmitter, rows: NDArray[np.int64], cols: NDArray[np.int64], grid: Grid = GRID
) -> NDArray[np.float64]:
    wavelength_m = SPEED_OF_LIGHT_M_S / tx.frequency_hz
    return tx.power_dbm + 20 * np.log10(wavelength_m / (4 * np.pi * distance_m(grid, tx)[rows, cols]))


def readings(places: list[tuple[int, int]], loss_db: float, tx: Transmitter = TX) -> Samples:
    """Readings at (row, col), so many dB below free space."""
    rows, cols = np.array(places, np.int64).reshape(-1, 2).T
    return Samples(np.zeros(len(rows), np.int64), cols, rows, free_space_dbm(tx, rows, cols) - loss_db)


@pytest.mark.parametrize("place", [(32, 80), (63, 72), (63, 41), (1, 41), (0, 95)])
def test_the_ground_before_a_strong_reading_is_clear_in_every_direction(place: tuple[int, int]) -> None:
    against, warnings = outdoor_evidence(readings([place], 0.0), (TX,), GRID)
    assert against.shape == GRID.shape
    assert against.dtype == np.float32
    assert not warnings
    steps = np.linspace(0, 0.7, 200)
    rows, cols = (np.rint(a + steps * (b - a)).astype(int) for a, b in ((TX.row, place[0]), (TX.col, place[1])))
    assert against[rows, cols].mean() == pytest.approx(LINE_LOG_ODDS, rel=0.06)  # a half is rounded either way
    assert against[rows, cols].min() > 0.6 * LINE_LOG_ODDS
    assert against[place] == pytest.approx(LINE_LOG_ODDS + PLACE_LOG_ODDS)
    assert (against > 0.5).mean() < 0.1


def test_another_strong_reading_takes_no_evidence_away() -> None:
    grid, tx = Grid(1024, 1024), Transmitter(col=0, row=0)
    places = np.array([(994, 1023), (997, 1023)])
    alone, both = (
        outdoor_evidence(
            Samples(np.zeros(n, np.int64), places[:n, 1], places[:n, 0], free_space_dbm(tx, *places[:n].T, grid)),
            (tx,),
            grid,
        )[0]
        for n in (1, 2)
    )
    assert (both > alone - 0.4).all()


@pytest.mark.parametrize("loss_db", [1.5, 20.0])
def test_a_weak_reading_tells_only_of_its_own_place(loss_db: float) -> None:
    against, warnings = outdoor_evidence(readings([(32, 80)], loss_db), (TX,), GRID)
    assert against[32, 80] == pytest.approx(PLACE_LOG_ODDS)
    assert against[32, 83] == pytest.approx(PLACE_LOG_ODDS * np.exp(-0.5), abs=0.01)
    assert not against[:, :65].any()
    assert not warnings


def test_readings_on_one_spot_count_as_one() -> None:
    heap = [(row, col) for row in range(28, 36) for col in range(70, 90)]
    assert outdoor_evidence(readings(heap, 20.0), (TX,), GRID)[0].max() == pytest.approx(PLACE_LOG_ODDS)


def test_a_reading_beside_the_transmitter_draws_no_line() -> None:
    assert outdoor_evidence(readings([(32, 14), (35, 10)], 0.0), (TX,), GRID)[0].max() == pytest.approx(PLACE_LOG_ODDS)


def test_readings_are_measured_against_their_own_transmitter() -> None:
    strong = Transmitter(col=90, row=5, power_dbm=40.0)
    cols, rows = np.array([60, 60]), np.array([5, 60])
    power = free_space_dbm(strong, rows, cols)
    samples = Samples(np.array([1, 0]), cols, rows, np.array([power[0], power[1] - 30]))
    against, _ = outdoor_evidence(samples, (TX, strong), GRID)
    assert against[5, 62:88].min() > 0.95 * LINE_LOG_ODDS
    assert against[20:].max() == pytest.approx(PLACE_LOG_ODDS)


def test_power_that_cannot_be_draws_no_line() -> None:
    against, warnings = outdoor_evidence(readings([(32, 80), (5, 50), (60, 50)], -20.0), (TX,), GRID)
    assert against.max() == pytest.approx(PLACE_LOG_ODDS)
    assert len(warnings) == 1
    assert "transmitter 0" in warnings[0]
    assert "23" in warnings[0]


@pytest.mark.parametrize("few", [1, 3])
def test_a_few_impossible_readings_draw_no_line_either(few: int) -> None:
    quiet = [(row, 90) for row in range(0, 60, 2)]
    weak, wild = readings(quiet, 30.0), readings([(5, 50 + k) for k in range(few)], -60.0)
    samples = Samples(*(np.concatenate(pair) for pair in zip(vars(weak).values(), vars(wild).values(), strict=True)))
    against, warnings = outdoor_evidence(samples, (TX,), GRID)
    assert against.max() == pytest.approx(PLACE_LOG_ODDS)
    assert not warnings


def test_a_reading_at_the_meters_floor_is_no_sight_of_anything() -> None:
    samples = readings([(32, 80), (5, 50)], 0.0)
    floor_dbm = float(samples.power_dbm.max())
    assert outdoor_evidence(samples, (TX,), GRID, floor_dbm)[0].max() == pytest.approx(PLACE_LOG_ODDS)
    assert outdoor_evidence(samples, (TX,), GRID, floor_dbm - 80)[0].max() > LINE_LOG_ODDS


def test_a_mast_above_the_roofs_sees_over_them() -> None:
    mast = Transmitter(col=10, row=32, height_m=100.0)
    against, _ = outdoor_evidence(readings([(32, 90)], 0.0, mast), (mast,), GRID)
    assert not against[:, 10:60].any()
    assert against[32, 78:91].min() > 0.95 * LINE_LOG_ODDS


@pytest.mark.parametrize("cell_size_m", [0.25, 1.0, 5.0, 20.0])
def test_lines_are_as_wide_in_metres_whatever_the_cell(cell_size_m: float) -> None:
    grid = Grid(64, 96, cell_size_m)
    rows, cols = np.array([32]), np.array([80])
    samples = Samples(np.zeros(1, np.int64), cols, rows, free_space_dbm(TX, rows, cols, grid))
    across = outdoor_evidence(samples, (TX,), grid)[0][:, 40]
    assert across.sum() * cell_size_m == pytest.approx(LINE_LOG_ODDS * np.sqrt(2 * np.pi), rel=0.05)


def test_a_million_readings_take_bounded_memory() -> None:
    grid = Grid(1024, 1024)
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, 1024, (2, 1_000_000))
    tx = Transmitter(col=500, row=500)
    samples = Samples(np.zeros(len(rows), np.int64), cols, rows, free_space_dbm(tx, rows, cols, grid))
    tracemalloc.start()
    against, _ = outdoor_evidence(samples, (tx,), grid)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300e6
    assert (against > 0.9 * LINE_LOG_ODDS).mean() > 0.9


def test_doubtful_buildings_give_way_and_certain_ones_stay() -> None:
    probability = np.zeros(GRID.shape, np.float32)
    probability[20:44, 40:50], probability[20:44, 60:70] = 0.8, 0.999
    against, _ = outdoor_evidence(readings([(32, 90)], 0.0), (TX,), GRID)
    mask = mask_on_grid(probability, GRID, against)
    assert not mask[32, 40:50].any()
    assert mask[22:28, 42:48].all()
    assert mask[32, 62:68].all()


def test_a_street_that_the_image_seems_to_close_is_opened(
    segmenter: Segmenter, settings: EdgeSettings, observation: pb.Observation
) -> None:
    class Doubtful(Segmenter):
        def probability(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
            p = super().probability(image)
            p[56:72, 80:92] = 0.9  # across the street to the east
            return p

    doubtful = Doubtful(segmenter._network)
    grid, tx = Grid(64, 64), Transmitter(col=32, row=32)
    rows, cols = np.array([31, 32, 33]), np.array([60, 60, 60])
    pipeline = EdgePipeline(settings, doubtful)
    closed = pipeline.observe(observation).semantics.buildings
    assert closed is not None
    assert closed[32, 41:45].all()
    observation.samples.transmitter.extend([0, 0, 0])
    observation.samples.row.extend(rows.tolist())
    observation.samples.col.extend(cols.tolist())
    observation.samples.power_dbm.extend(free_space_dbm(tx, rows, cols, grid).tolist())
    opened = pipeline.observe(observation).semantics.buildings
    assert opened is not None
    assert not opened[32].any()
    pipeline.close()
