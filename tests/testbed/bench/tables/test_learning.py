"""What each network learned in what time, as its manifest tells: rows, late gains, curves."""

import json
from pathlib import Path
from typing import Any

import pytest

from radiosem import weights
from testbed.bench.tables import learning
from testbed.bench.tables.figures import draw_learning
from testbed.bench.tables.report import NOT_YET, told
from testbed.looks import pages


def _trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **networks: dict[str, Any]) -> None:
    """List networks, by their names with _ for -, and what the manifest says of their trainings."""
    listed = [_listed(name.replace("_", "-"), **meta) for name, meta in networks.items()]
    (tmp_path / "MANIFEST.toml").write_text("".join(listed))
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(learning, "map_codec_names", lambda: ())


def _listed(name: str, **meta: Any) -> str:
    entry = {key: "none" for key in ("recipe", "licence")} | {"name": name, "file": "it.onnx", "sha256": "0" * 64}
    lines = [
        f"{key} = {json.dumps(value)}" for key, value in (entry | {"bytes": 1, "data": "here, split train 1"}).items()
    ]
    lines += ["[weights.metrics]", "val_mse = 0.01", "[weights.meta]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in meta.items()]
    return "[[weights]]\n" + "\n".join(lines) + "\n"


def test_rivals_are_compared_at_equal_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = [[600, 10, 0.08], [1200, 20, 0.04], [1800, 30, 0.05], [2400, 40, 0.03]]
    facts = {"images": 20, "seconds": 1200.0, "parameters": 1_500_000, "judged_on": "ab"}
    _trained(tmp_path, monkeypatch, rival_ae={"curve": curve, **facts})
    (row,) = learning.learning_rows(("path-loss", "ae"))
    assert (row["data"], row["parameters_m"], row["val_e4"]) == ("here", 1.5, 100)
    assert (row["images"], row["minutes"], row["best_minutes"]) == (40, 40, 20)
    assert [row[f"val_e4_at_{minutes}"] for minutes in (15, 40, 80)] == [pytest.approx(800), pytest.approx(300), None]
    assert row["late_gain"] == pytest.approx(0.25)  # .04 by minute 30, .03 in the end
    assert draw_learning([row], tmp_path / "curves.png") is not None


def test_a_network_that_does_not_say_how_it_was_trained_has_a_row_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _trained(tmp_path, monkeypatch, rival_ae={})
    (row,) = learning.learning_rows(("ae",))
    assert {row[key] for key in ("images", "minutes", "parameters_m", "val_e4_at_15", "late_gain")} == {None}
    assert draw_learning([row], tmp_path / "curves.png") is None


@pytest.mark.parametrize(
    ("errors", "gain", "shown"),
    [
        ((0.08, 0.04, 0.07, 0.05), None, NOT_YET),  # a new phase, cut off before it came back to its best
        ((0.08, 0.04, 0.0405, 0.0405), 0.0, "0.0%"),  # a stall
        ((0.08, 0.04, 0.06, 0.03), 0.25, "25.0%"),
        ((0.08,), None, pages.NONE),  # nothing before the last quarter
    ],
)
def test_a_phase_that_was_cut_off_is_no_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: tuple[float, ...], gain: float | None, shown: str
) -> None:
    curve = [[600.0 * (step + 1), step, error] for step, error in enumerate(errors)]
    _trained(tmp_path, monkeypatch, rival_ae={"curve": curve})
    (row,) = learning.learning_rows(("ae",))
    assert row["late_gain"] == (None if gain is None else pytest.approx(gain))
    assert told("learning", row)["late"] == shown


def test_the_second_phase_alone_tells_whether_it_has_stalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = [[600.0, 10, 0.04], [1200.0, 20, 0.2], [1800.0, 30, 0.05], [2400.0, 40, 0.04]]
    _trained(tmp_path, monkeypatch, rival_ae={"curve": curve}, rival_both={"curve": curve, "first_images": 20})
    one, two = learning.learning_rows(("ae", "both"))
    assert one["late_gain"] == pytest.approx(0)
    assert two["late_gain"] == pytest.approx(0.2)


def test_every_rival_stands_beside_our_generator_at_the_time_that_both_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {"curve": [[600.0, 1, 0.05], [1200.0, 2, 0.02], [1800.0, 3, 0.01]], "judged_on": "ab"}
    longer = {"curve": [[600.0, 1, 0.06], [1800.0, 2, 0.04], [3600.0, 3, 0.02]], "judged_on": "ab"}
    shorter = {"curve": [[1200.0, 2, 0.03]], "judged_on": "ab"}
    _trained(
        tmp_path,
        monkeypatch,
        generator=ours,
        rival_longer=longer,
        rival_shorter=shorter,
        rival_elsewhere=shorter | {"judged_on": "cd"},
    )
    rows = learning.learning_rows(("cgan", "longer", "shorter", "elsewhere"))
    keys = ("equal_minutes", "val_e4_at_equal", "cgan_e4_at_equal", "cgan_e4_at_images")
    found = [[row[key] for key in keys] for row in rows]
    assert found[1] == pytest.approx([30, 400, 100, 200])  # of our generator after its second image, in the longer time
    assert found[2] == pytest.approx([20, 300, 200, 200])
    assert found[0] == found[3] == [None] * 4
    printed = [line for row in rows for line in learning.two_rows(row)]
    assert [(line["model"], line["terms"], line["minutes"], line["images"]) for line in printed] == [
        ("cgan", "to its end", 30, 3),
        ("longer", "at equal time", 30, 2),
        ("longer", "to its end", 60, 3),
        ("shorter", "at equal time", 20, 2),
        ("shorter", "to its end", 20, 2),
        ("elsewhere", "to its end", 20, 2),
    ]
    assert [line["cgan_e4_at_equal"] for line in printed] == [None, 100, None, 200, None, None]


def test_a_sender_of_maps_stands_at_the_same_time_but_beside_no_error_of_another_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = [[600.0, 1, 0.05], [1800.0, 2, 0.02], [3600.0, 3, 0.01]]
    ours = {"curve": curve[:2], "judged_on": "ab"}
    _trained(tmp_path, monkeypatch, generator=ours, map_ae_decoder={"curve": curve, "judged_on": "ab"})
    monkeypatch.setattr(learning, "map_codec_names", lambda: ("map-ae",))
    (row,) = learning.learning_rows(())
    found = [(line["terms"], line["minutes"], line["cgan_e4_at_equal"]) for line in learning.two_rows(row)]
    assert found == [("at equal time", 30, None), ("to its end", 60, None)]
    assert row["val_e4_at_equal"] == pytest.approx(200)


def test_a_sender_of_masks_has_its_row_with_the_share_of_wrong_pixels() -> None:
    rows = {row["model"]: row for row in learning.learning_rows(())}
    assert weights.entry("vqvae-decoder").metrics["val_wrong_pixel_share"] == pytest.approx(
        rows["vqvae"]["val_e4"] / 1e4
    )
    for name in ("vqvae", "jscc"):
        assert rows[name]["learns"] == learning.SEND_MASKS
        assert rows[name]["val_e4"] == pytest.approx(1e4 * min(error for *_, error in rows[name]["curve"]), rel=0.01)
        assert rows[name]["cgan_e4_at_equal"] is None
