"""Files of an observation: what is wrong in one is named by file, line and column."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiosem.errors import InputError
from radiosem.types import Grid
from testbed.observation import build_observation, read_samples, read_transmitters

HEADER = "transmitter,col,row,power_dbm\n"


def samples_of(tmp_path: Path, text: str | bytes, transmitters: int = 1) -> object:
    path = tmp_path / "drive.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_samples(path, Grid(), transmitters)


def test_samples_are_read_with_columns_in_any_order_and_a_byte_order_mark(tmp_path: Path) -> None:
    samples = samples_of(tmp_path, "\ufeffpower_dbm, row,col,transmitter\r\n-71.5,3,2,1\r\n\r\n-80,255,0,0\r\n", 2)
    np.testing.assert_array_equal(samples.transmitter, [1, 0])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(samples.col, [2, 0])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(samples.row, [3, 255])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(samples.power_dbm, [-71.5, -80])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ("0,256,3,-70", "col", "256"),
        ("0,3,-1,-70", "row", "-1"),
        ("0,3.5,1,-70", "col", "3.5"),
        ("1,3,1,-70", "transmitter", "1"),
        ("0,3,1,nan", "power_dbm", "nan"),
        ("0,3,1,-inf", "power_dbm", "-inf"),
        ("0,3,1,loud", "power_dbm", "loud"),
        ("0,3,1,", "power_dbm", ""),
    ],
)
def test_a_bad_cell_is_named_by_file_line_column_and_value(tmp_path: Path, line: str, column: str, value: str) -> None:
    with pytest.raises(InputError, match=r"drive\.csv, line 3, column ") as caught:
        samples_of(tmp_path, f"{HEADER}0,1,1,-60\n{line}\n")
    assert f"column {column}: {value!r} must be" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (HEADER, "holds no samples"),
        ("col,row,power_dbm\n1,1,-60\n", "line 1: the header is 'col,row,power_dbm'"),
        (HEADER + "0,1,1\n", "line 2 has 3 values"),
        (HEADER + '0,1,1,"-60\n', "is not CSV"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_of_samples_is_refused_with_the_reason(
    tmp_path: Path, text: str | bytes, says: str
) -> None:
    with pytest.raises(InputError) as caught:
        samples_of(tmp_path, text)
    assert says in str(caught.value)
    assert "drive.csv" in str(caught.value)


def test_columns_that_a_drive_test_has_beside_are_left_out(tmp_path: Path) -> None:
    read = samples_of(tmp_path, "time,power_dbm,col,row,transmitter\n12:00:01,-60.5,3,4,0\n")
    assert (read.col[0], read.row[0], read.power_dbm[0]) == (3, 4, -60.5)
    with pytest.raises(InputError, match="each of transmitter,col,row,power_dbm once"):
        samples_of(tmp_path, "col,transmitter,col,row,power_dbm\n1,0,1,1,-60\n")


@given(st.binary(max_size=80))
def test_no_bytes_make_the_reader_fail_otherwise_than_by_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes
) -> None:
    with pytest.raises(InputError):
        samples_of(tmp_path_factory.mktemp("junk"), HEADER.encode() + b"x" + junk)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"samples is .*none\.csv.*No such file"):
        read_samples(tmp_path / "none.csv", Grid(), 1)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (f'[{{"col": 1, "row": {"9" * 400}}}]', "is outside the grid"),
        (f'[{{"col": 1, "row": 2, "height_m": {"9" * 400}}}]', "height_m is 999"),
        ("[]", "a list of 1..16"),
        ("[3]", "transmitter 0 is 3"),
        ('[{"col": 1}]', "transmitter 0 has no row"),
        ('[{"col": 1, "row": "2"}]', "transmitter 0, row is '2'"),
        ('[{"col": 1, "row": 2.5}]', "row is 2.5; it must be a whole pixel"),
        ('[{"col": 1, "row": NaN}]', "row is nan"),
        ('[{"col": 1, "row": 2, "power": 3}]', "unknown key 'power'"),
        ('[{"col": 1, "row": 2}, {"col": 1, "row": 256}]', "transmitter 1 at col 1, row 256 is outside the grid"),
        ('[{"col": 1, "row": 2, "height_m": 900}]', "height_m is 900"),
    ],
)
def test_unusable_transmitters_are_refused_with_the_reason(tmp_path: Path, entries: str, says: str) -> None:
    path = tmp_path / "masts.json"
    path.write_text(entries)
    with pytest.raises(InputError) as caught:
        read_transmitters(path, Grid())
    assert says in str(caught.value)
    assert "masts.json" in str(caught.value)


def test_the_message_carries_every_file_and_only_the_options_given(tmp_path: Path) -> None:
    (tmp_path / "block.png").write_bytes(b"picture")
    (tmp_path / "cars.png").write_bytes(b"cars")
    (tmp_path / "drive.csv").write_text(HEADER + "0,1,2,-60.25\n")
    (tmp_path / "masts.json").write_text(json.dumps([{"col": 5, "row": 6, "power_dbm": 0}]))
    files = (tmp_path / "block.png", tmp_path / "drive.csv", tmp_path / "masts.json", tmp_path / "cars.png")
    message = build_observation(*files, Grid(64, 96, 2.0), "block-7", -110.5, 0, codec="jpeg", es_n0_db=0.0, link=None)
    assert (message.image, message.cars_png) == (b"picture", b"cars")
    assert (message.grid.rows, message.grid.cols, message.grid.cell_size_m) == (64, 96, 2.0)
    assert list(message.samples.power_dbm) == [-60.25]
    assert message.transmitters[0].power_dbm == 0
    assert message.transmitters[0].height_m == 10
    assert (message.observation_id, message.codec, message.link.link) == ("block-7", "jpeg", "")
    assert message.link.HasField("es_n0_db")
    assert not message.link.HasField("noise_seed")
    assert (message.samples.floor_dbm, message.readings) == (-110.5, 0)
    assert message.HasField("readings")
    silent = build_observation(*files, Grid(64, 96, 2.0))
    assert not silent.HasField("readings")
    assert not silent.samples.HasField("floor_dbm")
