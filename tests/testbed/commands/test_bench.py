"""`radiosem bench rate` names what it cannot do."""

import importlib.util
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from testbed.cli import app
from testbed.pack import SAMPLE_PACK


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bench", "rate", *arguments], env={"COLUMNS": "300", "TERM": "dumb"})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--codecs", "morse"), "codec is 'morse'"),
        (("--links", "string-and-cups"), "link is 'string-and-cups'"),
        (("--snr-db", "10,loud"), "snr_db has 'loud'; it must be numbers of dB"),
        (("--snr-db", "10,10"), "es_n0_db is 10.0, 10.0; give each value once"),
        (("--codecs", "context,vqvae,context"), "codecs is context, vqvae, context; give each value once"),
        (("--qualities", "5,5"), "qualities is 5, 5; give each value once"),
        (("--qualities", "200"), "jpeg quality is 200"),
        (("--scales", "3"), "jpeg scale is 3"),
        (("--map-senders", "pigeon"), "map sender is 'pigeon'"),
        (("--codecs", "", "--map-senders", ""), "nothing to send"),
        (("--maps", "99"), "maps is 99"),
        (("--split", "moon"), "split is 'moon'"),
        (("--pack",), "and --pack is given too; give one of them"),
        (("--links", ""), "links is empty"),
        (("--snr-db", ""), "es_n0_db is empty"),
    ],
)
def test_a_bad_argument_is_named(arguments: tuple[str, ...], says: str, small_city: Path, tmp_path: Path) -> None:
    result = run("--data", str(small_city), "--out", str(tmp_path / "out"), *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("option", "value"), [("--split", "val"), ("--gain", "carsRT")])
def test_what_a_pack_does_not_have_is_not_asked_of_it(option: str, value: str, tmp_path: Path) -> None:
    result = run("--pack", option, value, "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert f"{option[2:]} is '{value}' and --pack is given too; a pack has no {option[2:]}" in result.stderr


def test_a_pack_given_as_a_data_set_is_called_a_pack(tmp_path: Path) -> None:
    result = run("--data", str(SAMPLE_PACK), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert f"data is '{SAMPLE_PACK}', a pack of observations" in result.stderr


def test_ray_that_is_missing_is_named(small_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *a: None if name == "ray" else found(name, *a))
    result = run("--data", str(small_city), "--ray", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "--ray needs ray" in result.stderr
