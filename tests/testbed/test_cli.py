"""The `radiosem` command: what it promises, how it explains itself, and how it fails."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from channel_sim.relay import RelaySettings
from edge_tx.settings import EdgeSettings
from radiosem.errors import InputError
from server_rx.settings import ServerSettings
from testbed.cli import app
from testbed.commands.serve import read_settings, run_until_told


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of a command and of all below it."""
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


COMMANDS = list(commands(typer.main.get_command(app)))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "300", "TERM": "dumb"})


def test_the_commands_are_those_promised() -> None:
    promised = {("demo",), ("send",), ("train",), ("edge", "serve"), ("receiver", "serve"), ("relay", "serve")}
    assert promised | {("data", "samples")} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_ends_in_an_example(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    is_leaf = not any(other != command and other[: len(command)] == command for other in COMMANDS)
    assert ("Example" in result.stdout) == is_leaf


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_argument_and_option_is_explained(command: tuple[str, ...]) -> None:
    found: Any = typer.main.get_command(app)
    for name in command:
        found = found.commands[name]
    shown = " ".join(run(*command, "--help").stdout.replace("│", " ").split())
    for parameter in found.params:
        assert parameter.help, parameter.name
        assert parameter.help.replace("`", "").split("[")[0].strip()[:30] in shown, parameter.name


@pytest.mark.parametrize(
    ("service", "settings"), [("edge", EdgeSettings), ("receiver", ServerSettings), ("relay", RelaySettings)]
)
def test_every_setting_of_a_service_is_a_flag_that_names_its_variable(service: str, settings: Any) -> None:
    shown = run(service, "serve", "--help").stdout
    prefix = settings.model_config["env_prefix"]
    for name in settings.model_fields:
        assert f"--{name.replace('_', '-')} " in shown
        assert f"{prefix}{name.upper()})" in shown


def test_a_flag_wins_over_the_environment_and_the_environment_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_TX_PORT", "1234")
    monkeypatch.setenv("EDGE_TX_RETRIES", "9")
    settings = read_settings(EdgeSettings, {"port": "4321", "retries": None, "link": None})
    assert (settings.port, settings.retries, settings.link) == (4321, 9, "qpsk-1/2")


def test_a_bad_setting_is_named_by_flag_and_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"--port \(SERVER_RX_GRPC_PORT\)|--grpc-port \(SERVER_RX_GRPC_PORT\) is 'x'"):
        read_settings(ServerSettings, {"grpc_port": "x"})
    monkeypatch.setenv("EDGE_TX_ES_N0_DB", "loud")
    result = run("edge", "serve")
    assert result.exit_code == 2
    assert "--es-n0-db (EDGE_TX_ES_N0_DB) is 'loud'" in result.stderr


def test_an_error_on_purpose_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = run("demo", "--only", "atlantis", "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "only is 'atlantis', which the pack does not hold" in result.stderr
    assert "Traceback" not in result.output


def test_training_without_torch_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text("")
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *a: None if name == "torch" else found(name, *a))
    result = run("train", str(recipe), "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "make install EXTRA=train" in result.stderr


def test_scoring_without_scipy_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *a: None if name == "scipy" else found(name, *a))
    result = run("reconstruct", "eval", "--model", "cgan", "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "make install EXTRA=demo" in result.stderr


def test_a_service_whose_libraries_are_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *a: None if name == "fastapi" else found(name, *a))
    result = run("receiver", "serve")
    assert result.exit_code == 2
    assert "the receiver needs fastapi" in result.stderr
    assert "make install EXTRA=server" in result.stderr


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    result = run("train", str(tmp_path / "none.toml"), "--data", str(tmp_path))
    assert result.exit_code == 2
    assert "none.toml" in result.stderr


def test_a_service_that_ends_by_itself_ends_the_command() -> None:
    class Ended:
        stopped = False

        def start(self) -> None: ...

        def wait(self) -> None: ...

        def stop(self) -> None:
            self.stopped = True

    server = Ended()
    run_until_told(server)
    assert server.stopped


def test_the_command_line_imports_no_torch() -> None:
    import subprocess

    modules = "testbed.cli, testbed.demo.run, testbed.demo.panel, testbed.demo.report"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
