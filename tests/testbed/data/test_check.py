"""`radiosem data check`: what is wrong in a data set is found and named."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from radiosem.images import read_grey
from radiosem.masks.fingerprints import redrawn
from radiosem_models.rendering.procedural import procedural_heights
from testbed.data.check import check_dataset
from tests.radiosem.conftest import png_claiming
from tests.testbed.data.conftest import run, write


def spoil(root: Path, file: str, change) -> None:
    image = read_grey(root / file)
    write(root / file, change(image.copy()))


def retile(root: Path, **tiles) -> None:
    about = json.loads((root / "dataset.json").read_text())
    for block, entry in tiles.items():
        about["tiles"].setdefault(block.strip("b"), {}).update(entry)
    (root / "dataset.json").write_text(json.dumps(about))


def test_a_sound_data_set_is_counted_and_nothing_is_wrong(sound):
    report = check_dataset(sound)
    assert report.findings == ()
    assert report.blocks == {"train": 2, "val": 1, "test": 1}
    assert report.maps == {"train": {"RT": 4, "carsRT": 2}, "val": {"RT": 2}, "test": {"RT": 2}}
    assert report.sizes == {"64 x 64": 4}
    assert report.cities == {"city train": 2, "city val": 1, "city test": 1}
    assert report.scale == (-150.0, -47.86)
    assert report.grey["RT"] == (1, 199)
    assert 0.05 < report.censored_share["RT"] < 0.2
    assert report.noise_db == {"RT": 1.5, "carsRT": 3.0}


def line(place):
    def change(image):
        image[place] = 77
        return image

    return change


def inside(root):
    row, col = np.argwhere(read_grey(root / "png/buildings_complete/1.png") > 0)[0]
    return int(row), int(col)


FAULTS = {
    "a map above 0 in a building": (
        lambda root: spoil(root, "gain/RT/1_0.png", line(inside(root))),
        "gain/RT/1_0.png",
        "above 0 on 1 cells inside",
    ),
    "a grey mask": (
        lambda root: spoil(root, "png/buildings_complete/2.png", line((0, 0))),
        "png/buildings_complete/2.png",
        "holds the values 77",
    ),
    "a map of another size": (
        lambda root: write(root / "gain/RT/3_1.png", np.ones((32, 64))),
        "gain/RT/3_1.png",
        "32 x 64 pixels, its mask 64 x 64",
    ),
    "a map in colour": (
        lambda root: write(root / "gain/RT/3_1.png", np.ones((64, 64, 3)) * 9),
        "gain/RT/3_1.png",
        "8-bit grey",
    ),
    "a map that is no image": (
        lambda root: (root / "gain/RT/3_0.png").write_bytes(b"no"),
        "gain/RT/3_0.png",
        "cannot be read",
    ),
    "a map beyond all memory": (
        lambda root: (root / "gain/RT/3_0.png").write_bytes(png_claiming(200_000, 200_000)),
        "gain/RT/3_0.png",
        "claims 200000 x 200000 pixels",
    ),
    "a dark map": (lambda root: write(root / "gain/RT/3_0.png", np.zeros((64, 64))), "gain/RT/3_0.png", "0 everywhere"),
    "a missing map": (lambda root: (root / "gain/RT/4_0.png").unlink(), "gain/RT/4_0.png", "is missing"),
    "a map too many": (
        lambda root: shutil.copy(root / "gain/RT/4_0.png", root / "gain/RT/4_2.png"),
        "gain/RT/4_2.png",
        "has no transmitter",
    ),
    "a map without a mask": (
        lambda root: shutil.copy(root / "gain/RT/4_0.png", root / "gain/RT/9_0.png"),
        "gain/RT/9_0.png",
        "has no mask",
    ),
    "a map of no number": (
        lambda root: shutil.copy(root / "gain/RT/4_0.png", root / "gain/RT/4_00.png"),
        "gain/RT/4_00.png",
        "is not named after a block and a transmitter",
    ),
    "missing cars": (lambda root: (root / "png/cars/1.png").unlink(), "png/cars/1.png", "gain/carsRT has maps"),
    "missing antennas": (lambda root: (root / "antenna/2.json").unlink(), "antenna/2.json", "is missing"),
    "a transmitter indoors": (
        lambda root: (root / "antenna/1.json").write_text(json.dumps([[*inside(root)[::-1]], [0, 0]])),
        "antenna/1.json",
        "inside a building",
    ),
    "another number of transmitters": (
        lambda root: retile(root, b3={"transmitters": 5}),
        "antenna/3.json",
        "dataset.json says 5",
    ),
    "heights outdoors": (
        lambda root: write(root / "png/heights/2.png", np.full((64, 64), 3)),
        "png/heights/2.png",
        "outside buildings",
    ),
    "a block that is not there": (
        lambda root: retile(root, b8={"split": "train"}),
        "png/buildings_complete/8.png",
        "is missing",
    ),
    "the same buildings in two splits": (
        lambda root: shutil.copy(root / "png/buildings_complete/1.png", root / "png/buildings_complete/4.png"),
        "png/buildings_complete/4.png",
        "of split test has the same buildings as 1.png of split train",
    ),
    "tiles of two splits that overlap": (
        lambda root: retile(root, b2={"cx": 100.0}, b3={"city": "city train"}),
        "png/buildings_complete/3.png",
        "of split val overlaps",
    ),
}

FAULTS |= {  # of what a file says
    name: (lambda root, file=file, text=text: (root / file).write_text(text), file, problem)
    for name, (file, text, problem) in {
        "antennas that are none": ("antenna/2.json", '{"a": 1}', "not a JSON list"),
        "a transmitter at no number": ("antenna/2.json", "[[NaN, 3], [0, 0]]", "transmitter 0 at column nan"),
        "a transmitter beyond all numbers": ("antenna/2.json", "[[0, 0], [3, 1e999]]", "transmitter 1 at row inf"),
        "a transmitter at a letter": ("antenna/2.json", '[["a", 3], [0, 0]]', "transmitter 0 at column 'a'"),
        "a transmitter in space": (
            "antenna/2.json",
            "[[0, 0, 999], [0, 0]]",
            "transmitter 0: transmitter height_m is 999",
        ),
        "antennas cut short": ("antenna/2.json", "[[0, 0], [3,", "is not JSON"),
        "a description that is none": ("dataset.json", "[1]", "is [1]; it must be a JSON object"),
        "a description cut short": ("dataset.json", '{"tiles": {', "is not JSON"),
        "half a scale": ("dataset.json", '{"floor_db": -150.0}', "has floor_db -150.0 alone"),
        "a scale upside down": (
            "dataset.json",
            '{"floor_db": -40, "top_db": -150}',
            "has floor_db -40; it must be below top_db",
        ),
        "a scale of no number": (
            "dataset.json",
            '{"floor_db": NaN, "top_db": -47}',
            "has floor_db nan; it must be a finite number",
        ),
        "a frequency of the infinite": ("dataset.json", '{"frequency_hz": 1e999}', "has frequency_hz inf"),
        "a frequency of sound": ("dataset.json", '{"frequency_hz": 440}', "frequency_hz is 440"),
        "cells of no size": ("dataset.json", '{"cell_size_m": 0}', "has cell_size_m 0"),
        "tiles in a list": ("dataset.json", '{"tiles": ["1"]}', "has tiles ['1']"),
        "a tile that is a text": (
            "dataset.json",
            '{"tiles": {"1": "train"}}',
            "has tiles.1 'train'; it must be an object",
        ),
        "half a place": ("dataset.json", '{"tiles": {"1": {"cx": 3}}}', "one of cx and cy"),
        "a place of text": ("dataset.json", '{"tiles": {"1": {"cx": "west", "cy": 1}}}', "has tiles.1.cx 'west'"),
        "a transmitter outside": ("antenna/2.json", "[[64, 0], [0, 0]]", "outside the grid"),
    }.items()
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_found_and_named(data, fault):
    spoilt, file, problem = FAULTS[fault]
    spoilt(data)
    found = [finding.problem for finding in check_dataset(data).findings if finding.file == file]
    assert any(problem in text for text in found), check_dataset(data).findings


@pytest.mark.parametrize("folder", ["buildings_complete", "heights"])
def test_an_unusable_image_of_a_block_does_not_end_the_search_for_leaks(data, folder):
    (data / f"png/{folder}/2.png").write_bytes(png_claiming(200_000, 200_000))
    retile(data, b1={"city": "here"}, b2={"city": "here"}, b4={"city": "here", "cx": 10.0})
    found = {finding.file: finding.problem for finding in check_dataset(data).findings}
    assert found[f"png/{folder}/2.png"] == "claims 200000 x 200000 pixels; at most 1024 a side are taken"
    assert "overlaps" in found["png/buildings_complete/4.png"]


def test_tiles_of_one_split_may_overlap(data):
    retile(data, b2={"cx": 10.0})
    assert check_dataset(data).findings == ()


def two_splits(root: Path, train: list[np.ndarray], test: list[np.ndarray]) -> None:
    """Add blocks of these masks to a data set, 10, 11, ... of train and 50, 51, ... of test, each a city of its own."""
    for split, first, masks in (("train", 10, train), ("test", 50, test)):
        for block, mask in enumerate(masks, first):
            write(root / f"png/buildings_complete/{block}.png", mask * 255)
            retile(root, **{f"b{block}": {"city": str(block), "split": split, "cx": 1e6 * block, "cy": 0.0}})


def leaks(root: Path) -> list[tuple[str, str]]:
    """File and problem of every leak."""
    return [(found.file, found.problem) for found in check_dataset(root).findings if found.problem.endswith("a leak")]


def test_a_mirrored_block_in_another_split_is_a_leak(data):
    town = procedural_heights(0, "perimeter") > 0
    two_splits(data, [procedural_heights(1, "estate") > 0, town], [town[::-1]])
    ((file, problem),) = leaks(data)
    assert file == "png/buildings_complete/50.png"
    assert "of the buildings of 11.png of split train" in problem


HALF_A_PIXEL = np.array([[1, 0, 0.5], [0, 1, 0.5]], np.float32)
REDRAWN = {
    "half a pixel on": lambda town: cv2.warpAffine(town.astype(np.uint8), HALF_A_PIXEL, town.shape[::-1]) > 0,
    "walls a pixel thicker": lambda town: redrawn(town)[0],
    "walls a pixel thinner": lambda town: redrawn(town)[1],
}


@pytest.mark.parametrize("how", REDRAWN)
def test_what_the_bench_would_refuse_as_seen_is_a_leak(data, how):
    town = procedural_heights(0, "perimeter") > 0
    two_splits(data, [procedural_heights(1, "estate") > 0, town], [REDRAWN[how](town)])
    assert [file for file, _ in leaks(data)] == ["png/buildings_complete/50.png"]


@pytest.mark.parametrize("kind", ["perimeter", "estate"])
def test_towns_that_are_built_alike_are_no_leak(data, kind):
    towns = [procedural_heights(seed, kind) > 0 for seed in range(24)]
    two_splits(data, towns[:16], towns[16:])
    assert leaks(data) == []


def test_a_block_with_unusable_heights_still_overlaps(data):
    retile(data, b2={"cx": 100.0}, b3={"city": "city train"})
    write(data / "png/heights/2.png", np.full((10, 10), 3))
    assert any(file == "png/buildings_complete/3.png" for file, _ in leaks(data))


def test_without_dataset_json_there_are_no_splits_and_no_leaks(data):
    (data / "dataset.json").unlink()
    report = check_dataset(data)
    assert report.blocks == {"all": 4}
    assert report.findings == ()
    assert report.scale == (-147.0, -47.84)  # RadioMapSeer's


def test_check_exits_with_1_and_names_the_file(data, tmp_path):
    sheet = tmp_path / "sheet.png"
    result = run("check", data, "--preview", sheet)
    assert result.exit_code == 0, result.output
    assert "nothing wrong" in result.stdout
    drawn = cv2.imread(str(sheet))
    assert drawn.shape[0] > 4 * 200  # a row a block
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 100
    (data / "antenna/2.json").unlink()
    result = run("check", data)
    assert result.exit_code == 1
    assert "WRONG  antenna/2.json is missing" in result.stdout
    told = json.loads(run("check", data, "--json").stdout)
    assert told["findings"] == [{"file": "antenna/2.json", "problem": "is missing"}]
    assert told["scale"] == [-150.0, -47.86]


def test_an_unusable_description_is_reported_and_no_traceback(data):
    (data / "dataset.json").write_text('{"floor_db": -150.0}')
    result = run("check", data)
    assert result.exit_code == 1
    assert "WRONG  dataset.json has floor_db -150.0 alone" in result.stdout


def test_a_folder_that_is_none_is_refused(tmp_path):
    result = run("check", tmp_path)
    assert result.exit_code == 2
    assert "png/buildings_complete" in result.stderr
