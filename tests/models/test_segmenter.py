"""What the segmenter promises: sizes, honest scores, splits that do not leak, weights that ONNX Runtime reads."""

import json
import tomllib
import zlib

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from radiosem.errors import InputError
from radiosem_models.rendering.aerial import AerialTiles, View, by_hash, ground_of
from radiosem_models.rendering.landscape import landscape_image
from radiosem_models.rendering.landscapes import aerial_crop, aerial_tile, disturb, rendered_crop
from radiosem_models.segmenter import Segmenter, SegmenterTask, pooled_iou, probability, segmentation_loss

WIDTHS = (8, 8, 8, 8)
GROUNDS = ["19-10-20", "19-10-21", "19-11-20"]


def write_tile(folder, name, image, mask):
    cv2.imwrite(str(folder / f"{name}_img.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    cv2.imwrite(str(folder / f"{name}_mask.png"), mask)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """Three grounds seen at zooms 19 and 21; the brightness of a zoom-21 tile says where in the ground it lies."""
    folder = tmp_path_factory.mktemp("aerial")
    mask = np.zeros((256, 256), np.uint8)
    mask[64:192, 64:192] = 255
    for ground in GROUNDS:
        _, x, y = (int(part) for part in ground.split("-"))
        write_tile(folder, ground, np.repeat(mask[..., None], 3, 2), mask)
        for k in range(16):
            row, col = divmod(k, 4)
            shade = np.full((256, 256, 3), 10 + 15 * k, np.uint8)
            write_tile(folder, f"21-{4 * x + col}-{4 * y + row}", shade, mask)
    return AerialTiles(folder)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """One block a split, in RadioMapSeer's layout."""
    root = tmp_path_factory.mktemp("blocks")
    splits = ("train", "val", "test")
    for part in ("buildings_complete", "heights"):
        (root / "png" / part).mkdir(parents=True)
    for k in range(3):
        heights = np.zeros((64, 64), np.uint8)
        heights[10 + 4 * k : 40, 8:30], heights[20:50, 40 : 60 - 4 * k] = 9, 15
        cv2.imwrite(str(root / "png/heights" / f"{k}.png"), heights)
        cv2.imwrite(str(root / "png/buildings_complete" / f"{k}.png"), (heights > 0).astype(np.uint8) * 255)
    about = {
        "floor_db": -150,
        "top_db": -47.86,
        "tiles": {str(k): {"city": s, "split": s} for k, s in enumerate(splits)},
    }
    (root / "dataset.json").write_text(json.dumps(about))
    return root


@pytest.fixture
def task(tiles, blocks, tmp_path):
    torch.manual_seed(0)
    options = {
        "aerial": str(tiles.root),
        "cache": str(tmp_path / "landscapes"),
        "held_out": 1,
        "validation_grounds": 1,
        "renders": 1,
        "val_seeds": [1],
        "test_seeds": [1],
        "widths": WIDTHS,
        "imagined": 1,
        "tile_steps": 0.3,
        "side": 64,
        "batch": 3,
        "real": 1,
        "lr": 1e-2,
        "weight_decay": 0.0,
        "unlabelled": 0.05,
    }
    return SegmenterTask(options, blocks, 0)


@pytest.mark.parametrize("shape", [(32, 32), (64, 160)])
def test_logits_have_the_size_of_the_image(shape):
    assert Segmenter(WIDTHS)(torch.rand(2, 3, *shape)).shape == (2, 1, *shape)


@pytest.mark.parametrize("shape", [(38, 38), (70, 153), (64, 64)])
def test_an_image_of_any_size_gets_a_probability_a_pixel(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    p = probability(Segmenter(WIDTHS).eval(), image)
    assert p.shape == shape
    assert ((p >= 0) & (p <= 1)).all()


def test_the_loss_prefers_the_truth_and_forgives_unlabelled_roofs():
    target = torch.zeros(1, 1, 32, 32)
    target[..., 8:24, 8:24] = 1
    certain = (target * 2 - 1) * 6
    strict, lax = torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), 0.3)
    assert segmentation_loss(certain, target, strict) < segmentation_loss(-certain, target, strict)
    extra = certain.clone()
    extra[..., 26:30, 26:30] = 6  # a roof nobody labelled

    def cost(negative):
        return segmentation_loss(extra, target, negative) - segmentation_loss(certain, target, negative)

    assert cost(lax) < cost(strict)


def test_pooled_iou_counts_pixels_not_images():
    full, empty = np.ones((10, 10), bool), np.zeros((10, 10), bool)
    small = empty.copy()
    small[0, 0] = True
    assert pooled_iou([(full, full), (small, empty)]) == pytest.approx(100 / 101)
    assert pooled_iou([(empty, empty)]) == 1.0


def test_a_tile_lies_on_the_ground_its_name_says():
    assert ground_of("21-1238448-1046529") == "19-309612-261632"
    assert ground_of("19-309612-261632") == "19-309612-261632"
    with pytest.raises(InputError, match="zoom 18"):
        ground_of("18-1-1")


def test_a_mosaic_puts_its_tiles_in_their_places(tiles):
    mosaic = tiles.mosaic(GROUNDS[0])
    assert mosaic.image.shape == (1024, 1024, 3)
    shades = mosaic.image[128::256, 128::256, 0].astype(int)
    assert np.abs(shades - (10 + 15 * np.arange(16).reshape(4, 4))).max() <= 2
    small = mosaic.at(0.5)
    assert small.buildings.shape == (153, 153)
    assert small.buildings.mean() == pytest.approx(0.25, abs=0.02)


def test_a_ground_with_missing_tiles_is_refused_by_name(tiles):
    with pytest.raises(InputError, match="20-20-40"):
        tiles.mosaic(GROUNDS[0], zoom=20)


def test_a_folder_without_tiles_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="has no"):
        AerialTiles(tmp_path)


def test_the_order_of_grounds_is_that_of_their_hashes_whatever_the_input_order():
    assert by_hash(GROUNDS) == by_hash(GROUNDS[::-1])
    assert sorted(by_hash(GROUNDS)) == GROUNDS


def test_crops_keep_image_and_mask_together():
    rng = np.random.default_rng(1)
    mask = np.zeros((200, 200), bool)
    mask[30:90, 50:160] = mask[120:170, 20:80] = True
    image = np.repeat(mask[..., None] * np.uint8(255), 3, 2)
    crops = [rendered_crop(rng, image, mask, 96) for _ in range(5)]
    views = [View("a", image, mask, 0.25)]
    crops += [aerial_crop(rng, views, views, 96) for _ in range(5)]
    crops += [aerial_tile(rng, views, 76, 96) for _ in range(5)]
    for seen, buildings in crops:
        assert seen.shape == (96, 96, 3)
        assert ((seen[..., 0] > 127) == buildings).mean() > 0.995
    assert 0.05 < np.mean([buildings.mean() for _, buildings in crops]) < 0.9


def test_a_tile_is_mirrored_at_its_edges():
    image = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    seen, _ = aerial_tile(np.random.default_rng(1), [View("a", image, image[..., 0] > 99, 0.5)], 38, 64)
    assert np.array_equal(seen[13 - 5], seen[13 + 5])
    assert np.array_equal(seen[:, 50 - 3], seen[:, 50 + 3])


def test_another_camera_leaves_values_in_range_and_shapes_alone():
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    seen = disturb(np.random.default_rng(2), image, 1.0)
    assert seen.shape == image.shape
    assert seen.dtype == np.float32
    assert 0 <= seen.min() < seen.max() <= 1


def test_no_ground_serves_twice(task):
    trained = {view.name for view in task.views}
    assert len(trained) == 1
    assert set(task.test_grounds).isdisjoint(task.val_grounds)
    assert trained.isdisjoint(task.test_grounds + task.val_grounds)


def test_a_cached_landscape_is_the_one_that_would_be_drawn(task, monkeypatch):
    heights, seed = task.landscapes.heights_m("0"), zlib.crc32(b"0 5")
    drawn = landscape_image(heights, seed)
    assert drawn.shape[:2] == task.landscapes.buildings("0").shape
    for _ in ("drawn", "read"):
        assert np.array_equal(task.landscapes.image("0", 5), drawn)
    turned = np.ascontiguousarray(heights[::-1])  # another block has taken the id
    monkeypatch.setattr(task.landscapes, "heights_m", lambda block_id: turned)
    assert np.array_equal(task.landscapes.image("0", 5), landscape_image(turned, seed))
    assert not np.array_equal(landscape_image(turned, seed), drawn)


def test_steps_lower_the_loss(task):
    rng = np.random.default_rng(0)
    task.options["tile_steps"] = 0.0
    losses = [task.step(rng)["loss"] for _ in range(24)]
    assert np.mean(losses[-6:]) < 0.9 * np.mean(losses[:6])


def test_small_tiles_are_learned_under_the_statistics_of_whole_crops(task):
    task.options["tile_steps"] = 1.0
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    task.step(np.random.default_rng(0))
    after = task.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not [name for name in changed if "running" in name]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_exported_weights_run_at_any_size_and_are_listed_with_their_scores(task, tmp_path):
    (path,) = task.export(tmp_path, {"recipe": "models/recipes/segmenter.toml"})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = torch.rand(1, 3, 96, 160)
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.no_grad():
        assert np.abs(found - task.network(x).numpy()).max() < 1e-4
    (entry,) = tomllib.loads((tmp_path / "MANIFEST.toml").read_text())["weights"]
    assert entry["name"] == "segmenter"
    assert {"iou_rendered_test", "iou_real_test", "iou_real_test_zoom21"} <= set(entry["metrics"])
    assert entry["meta"]["held_out_grounds"] == task.test_grounds
