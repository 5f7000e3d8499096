"""Sample-free scores: what goes into them, and what is left unknown."""

import hashlib
import json
import shutil
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from radiosem.errors import InputError
from radiosem.masks.fingerprints import fingerprints
from radiosem.physics.features import CHANNELS, generator_features
from radiosem.physics.pathloss import PRIOR
from radiosem.scale import RAYTRACED
from radiosem.scores.metrics import score_map
from radiosem.scores.pooling import FEWEST_BLOCKS
from radiosem_models.data import Dataset
from radiosem_models.rendering.procedural import procedural_heights
from radiosem_models.training.export import Exported, export_network
from radiosem_models.training.manifest import list_weights, listed
from testbed.commands.reconstruct import app
from testbed.interpolation import INTERPOLATORS
from testbed.scores import reconstruct
from testbed.scores.clipped import clipped_mse
from testbed.scores.reconstruct import evaluate
from testbed.scores.reconstructors import LAW, RECONSTRUCTORS, Reconstructors

SIDE = 64
KEYS = [
    "model",
    "maps",
    "mse",
    "nmse",
    "rmse",
    "ssim",
    "psnr",
    "mse_outdoor",
    "rmse_db",
    "rmse_db_los",
    "rmse_db_nlos",
    "censored_share",
    "ms_per_map",
    "peak_mb",
    "scaling",
    "samples",
    "seen",
    "seen_maps",
    "selected_maps",
]


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
    assert (outcome.maps, outcome.regions, outcome.regions_known) == (5, 3, True)
    interval = outcome.mse_interval
    assert interval is not None
    assert (interval.low, interval.high, interval.blocks) == (None, None, 3)
    assert interval.lowest < outcome.scores.mse < interval.highest


def test_enough_regions_have_an_interval_of_each_pooled_error(tmp_path: Path) -> None:
    apart = [(500.0 * number, 0.0) for number in range(FEWEST_BLOCKS)]
    outcome = evaluate("path-loss", data_set(tmp_path / "apart", apart))
    for name in ("mse", "nmse", "rmse"):
        interval = getattr(outcome, f"{name}_interval")
        assert interval.low < getattr(outcome.scores, name) < interval.high
    assert outcome.scores.rmse == pytest.approx(np.sqrt(outcome.scores.mse))


def test_time_and_memory_are_those_of_maps_after_the_first(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def load(threads: int, lean: bool = True) -> reconstruct.Rebuild:
        def draw(features: np.ndarray) -> np.ndarray:
            calls.append(time.perf_counter())
            time.sleep(0.3 if len(calls) == 1 else 0)
            return features[LAW]

        return reconstruct.Rebuild(("law",), draw)

    monkeypatch.setattr(Reconstructors, "FORMULAS", {"path-loss": load})
    monkeypatch.setattr(reconstruct, "peak_mb", lambda: float(len(calls)))
    outcome = evaluate("path-loss", known)
    assert outcome.ms_per_map < 60
    assert outcome.peak_mb == 1


def test_a_data_set_named_by_a_dot_has_its_folder_for_a_name(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(known)
    assert evaluate("path-loss", Path(".")).data == "known"


def test_what_is_typed_out_shows_intervals_in_words(known: Path) -> None:
    typed = CliRunner().invoke(app, ["eval", "--data", str(known), "--model", "path-loss"])
    assert typed.exit_code == 0
    assert "mse_interval  3 regions: " in typed.stdout
    written = CliRunner().invoke(app, ["eval", "--data", str(known), "--model", "path-loss", "--json"])
    assert json.loads(written.stdout)["mse_interval"]["blocks"] == 3
    assert "mse_by_map" not in written.stdout


def test_errors_of_single_maps_are_told_when_asked_for(known: Path) -> None:
    arguments = ["eval", "--data", str(known), "--model", "path-loss", "--by-map"]
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert len(found["mse_by_map"]) == found["maps"]
    assert np.mean(list(found["mse_by_map"].values())) == pytest.approx(found["mse"])
    name = next(iter(found["mse_by_map"]))
    assert f"mse_by_map {name}  " in CliRunner().invoke(app, arguments).stdout


def test_a_score_is_of_the_prior_law_and_clean_inputs(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    features = reconstruct.generator_features

    def watched(*inputs: object) -> object:
        seen.append(inputs)
        return features(*inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(reconstruct, "generator_features", watched)
    outcome = evaluate("path-loss", known)
    assert all(law is PRIOR and cars is None for _, cars, _, law, *_ in seen)
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
    with pytest.raises(InputError, match=r"model is 'magic'; known are .*cgan, .*depth-map, .*path-loss"):
        evaluate("magic", known)
    with pytest.raises(InputError, match="gain is 'DPM'"):
        evaluate("path-loss", known, gain="DPM")


def test_what_is_printed_has_every_promised_key(known: Path) -> None:
    assert {*KEYS} <= {*evaluate("path-loss", known).as_dict()}


def test_a_folder_without_a_description_is_scored_as_radiomapseer(known: Path) -> None:
    (known / "dataset.json").unlink()
    outcome = evaluate("depth-map", known, split="all")
    assert (outcome.maps, outcome.regions, outcome.regions_known) == (5, 5, False)
    assert "-147" in outcome.scaling
    assert outcome.scores.rmse_db is not None


@pytest.mark.parametrize("model", sorted(INTERPOLATORS))
def test_samples_are_drawn_once_and_left_out(known: Path, model: str) -> None:
    outcome = evaluate(model, known, samples=0.05)
    again = evaluate(model, known, samples=0.05)
    assert outcome.scores == again.scores
    assert (outcome.samples, outcome.seen) == (0.05, False)
    assert outcome.scores.mse < 0.1


def test_samples_go_with_the_models_that_take_them(known: Path) -> None:
    with pytest.raises(InputError, match="model knn rebuilds from samples"):
        evaluate("knn", known)
    with pytest.raises(InputError, match="model path-loss takes none; knn"):
        evaluate("path-loss", known, samples=0.01)
    with pytest.raises(InputError, match=r"samples is 0.5; it must be a share .* 0.001..0.1"):
        evaluate("knn", known, samples=0.5)


class Twice(nn.Module):
    """Twice the first channel it is given."""

    def forward(self, channels: Tensor) -> Tensor:
        return 2 * channels[:, :1]


@pytest.fixture
def rival(known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rival with weights, trained on other blocks than `known`."""
    folder = tmp_path / "weights"
    meta = {"channels": ["law", "buildings"], "sides_multiple_of": 32}
    about = {"recipe": "none", "licence": "MIT", "metrics": {}, "meta": meta}
    inputs = {"channels": torch.rand(1, 2, 64, 64)}
    export_network(
        Exported(Twice(), inputs, ("grey",)), folder, "rival-twice", data="made up, split train 00000000", **about
    )
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(folder))
    return folder


def fingerprints_file(folder: Path, prints: np.ndarray) -> None:
    """List the fingerprints of the masks of split 00000000."""
    np.savez(folder / "seen-00000000.npz", fingerprints=prints)
    content = (folder / "seen-00000000.npz").read_bytes()
    digest, size = hashlib.sha256(content).hexdigest(), len(content)
    entry = {"name": "seen-00000000", "file": "seen-00000000.npz", "sha256": digest, "bytes": size}
    list_weights(folder, entry | {"licence": "MIT", "recipe": "", "data": "", "meta": {}})


def test_a_rival_appears_with_its_weights_and_takes_its_channels(known: Path, rival: Path) -> None:
    assert "twice" in RECONSTRUCTORS
    assert "radiounet" not in RECONSTRUCTORS
    features = np.random.default_rng(0).random((len(CHANNELS), 70, 64), np.float32)
    rebuilt = RECONSTRUCTORS["twice"](1)(features)
    assert rebuilt == pytest.approx(np.clip(2 * features[LAW], 0, 1))
    fingerprints_file(rival, np.zeros(0, np.uint32))
    alone = evaluate("path-loss", known, allow_seen=True)  # this folder does not say what its law learned from
    assert evaluate("twice", known).scores.mse > alone.scores.mse
    assert alone.seen_maps == alone.maps


def test_what_is_rebuilt_above_the_scale_counts_in_db_as_it_is(tmp_path: Path) -> None:
    data = Dataset(data_set(tmp_path / "weak", [(0.0, 0.0)], floor_db=-150.0, top_db=-100.0))
    (key,) = data.keys("test", ("RT",))
    buildings, transmitter = data.block(key.block_id).buildings, data.transmitter(key)
    features = generator_features(buildings, None, transmitter, PRIOR, data.grid(key.block_id))
    gain_db = RAYTRACED.gain_db(RECONSTRUCTORS["path-loss"](1)(features))
    assert (gain_db[~buildings] > -100).any()
    truth = data.grey(key) / np.float32(255)
    scores = [
        score_map(truth, np.where(buildings, np.nan, gain), buildings, buildings, data.scale).rmse_db
        for gain in (gain_db, np.minimum(gain_db, -100))
    ]
    outcome = evaluate("path-loss", data.root)
    assert outcome.scores.rmse_db == pytest.approx(scores[0])
    assert scores[0] > 1.05 * scores[1]
    cut = clipped_mse(truth, np.where(buildings, 0, data.scale.grey(gain_db)))
    assert outcome.mse_clipped == pytest.approx(cut)


def test_a_network_without_fingerprints_is_not_scored(known: Path, rival: Path) -> None:
    with pytest.raises(InputError, match=r"rival-twice cannot be checked for leaks.*seen-00000000"):
        evaluate("twice", known)


def test_maps_seen_in_training_are_refused_or_marked(tmp_path: Path, rival: Path) -> None:
    data = data_set(tmp_path / "seen", [(0.0, 0.0)], floor_db=RAYTRACED.floor_db, top_db=RAYTRACED.top_db)
    mask = procedural_heights(0, "perimeter") > 0
    for folder, image in (("png/buildings_complete/0", mask), ("gain/RT/0_0", ~mask)):
        cv2.imwrite(str(data / f"{folder}.png"), image.astype(np.uint8) * 255)
    (data / "antenna/0.json").write_text(json.dumps([np.argwhere(~mask)[0][::-1].tolist()]))
    fingerprints_file(rival, fingerprints(mask))
    with pytest.raises(
        InputError, match=r"twice saw the buildings of 1 of 1 maps in training: 0 \(\d+% of its patches"
    ):
        evaluate("twice", data)
    outcome = evaluate("twice", data, allow_seen=True)
    assert (outcome.seen, outcome.seen_maps, outcome.selected_maps) == (True, 1, None)  # which selected it is not known
    entry = next(entry for entry in listed(rival) if entry["name"] == "rival-twice")
    list_weights(rival, entry | {"meta": entry["meta"] | {"judged_on": "00000000ffffffff"}})
    assert evaluate("twice", data, allow_seen=True).selected_maps == 1


def test_cells_are_as_large_as_the_data_set_says(small_city: Path, tmp_path: Path) -> None:
    shutil.copytree(small_city, tmp_path / "coarse")
    about = json.loads((small_city / "dataset.json").read_text()) | {"cell_size_m": 4.0}
    (tmp_path / "coarse/dataset.json").write_text(json.dumps(about))
    fine, coarse = (evaluate("path-loss", folder).scores.mse for folder in (small_city, tmp_path / "coarse"))
    assert coarse != pytest.approx(fine, rel=0.1)
