"""Sample-free scores: what goes into them, and what is left unknown."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem.pathloss import PRIOR
from radiosem.scale import RAYTRACED
from radiosem_models.data import Dataset
from testbed import reconstruct
from testbed.reconstruct import LAW, evaluate

SIDE = 64


def data_set(folder: Path, centres: list[tuple[float, float]], **about: float) -> Path:
    """Blocks of 64 x 64 m with a building each and one map that is half censored, at the given places."""
    for name in ("png/buildings_complete", "gain/RT", "antenna"):
        (folder / name).mkdir(parents=True)
    buildings = np.zeros((SIDE, SIDE), np.uint8)
    buildings[20:40, 20:50] = 255
    gain = np.full((SIDE, SIDE), 100, np.uint8)
    gain[:, 32:] = 0
    gain[buildings > 0] = 0
    tiles = {}
    for number, (east_m, north_m) in enumerate(centres):
        cv2.imwrite(str(folder / f"png/buildings_complete/{number}.png"), buildings)
        cv2.imwrite(str(folder / f"gain/RT/{number}_0.png"), gain // np.uint8(number + 1))
        (folder / f"antenna/{number}.json").write_text("[[3, 4, 10.0]]")
        tiles[str(number)] = {"city": "here", "split": "test", "cx": east_m, "cy": north_m}
    (folder / "dataset.json").write_text(json.dumps({"tiles": tiles, **about}))
    return folder


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Five blocks, the first three overlapping in a chain."""
    places = [(0.0, 0.0), (32.0, 0.0), (64.0, 0.0), (500.0, 0.0), (0.0, 64.0)]
    return data_set(tmp_path / "known", places, floor_db=RAYTRACED.floor_db, top_db=RAYTRACED.top_db)


def test_blocks_that_share_ground_are_one_region(known: Path) -> None:
    dataset = Dataset(known)
    regions = [dataset.region(block_id) for block_id in dataset.block_ids]
    assert len({*regions[:3]}) == 1
    assert len({*regions}) == 3


def test_intervals_are_over_regions_not_over_overlapping_blocks(known: Path) -> None:
    outcome = evaluate("path-loss", known)
    assert (outcome.maps, outcome.regions) == (5, 3)
    low, high = outcome.mse_interval
    assert low is not None
    assert high is not None
    assert low <= outcome.scores.mse <= high


def test_a_score_is_of_the_prior_law_and_clean_inputs(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    features = reconstruct.generator_features

    def watched(*inputs: object) -> object:
        seen.append(inputs)
        return features(*inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(reconstruct, "generator_features", watched)
    outcome = evaluate("path-loss", known)
    assert all(law is PRIOR and cars is None for _, cars, _, law, _ in seen)
    dataset = Dataset(known)
    errors = []
    for key in dataset.keys("test", ("RT",)):
        buildings, truth = dataset.block(key.block_id).buildings, dataset.grey(key) / 255
        law = features(*seen[0])[LAW]  # type: ignore[arg-type]
        errors.append((np.where(buildings, 0, law) - truth) ** 2)
    assert outcome.scores.mse == pytest.approx(np.mean(errors), rel=1e-4)
    assert outcome.scores.censored_share == pytest.approx(0.5, abs=0.1)


def test_where_the_scale_is_unknown_no_score_is_in_db(tmp_path: Path) -> None:
    outcome = evaluate("depth-map", data_set(tmp_path / "unknown", [(0.0, 0.0)]))
    scores = outcome.scores
    assert scores.mse > 0
    assert {scores.rmse_db, scores.rmse_db_los, scores.rmse_db_nlos, scores.outage_iou} == {None}
    assert "not known" in outcome.scaling


def test_what_cannot_be_scored_is_named(known: Path) -> None:
    with pytest.raises(InputError, match=r"model is 'magic'; known are cgan, depth-map, path-loss"):
        evaluate("magic", known)
    with pytest.raises(InputError, match="gain is 'DPM'"):
        evaluate("path-loss", known, gain="DPM")
