import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from channel_sim.relay import RelaySettings
from edge_tx.settings import EdgeSettings
from radiosem.errors import InputError
from server_rx.settings import ServerSettings
from testbed.cli import app
from testbed.commands.serve import read_settings, run_until_told

COMMANDS: list[list[str]] = [
    [],
    ["demo"],
    ["send"],
    ["train"],
    ["edge"],
    ["edge", "serve"],
    ["receiver"],
    ["receiver", "serve"],
    ["relay"],
    ["relay", "serve"],
    ["data"],
    ["data", "samples"],
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "300", "TERM": "dumb"})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    is_leaf = command in (["demo"], ["send"], ["train"]) or len(command) == 2
    assert ("Example" in result.stdout) == is_leaf


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
    assert "pip install 'radiosem[train]'" in result.stderr


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

    code = "import sys, testbed.cli, testbed.demo, testbed.panel, testbed.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
