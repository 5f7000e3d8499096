"""What is installed: every package, by the same steps everywhere, and torch only for training."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]


def needs(extra: str) -> set[str]:
    """Names of what an extra brings, other extras of ours included."""
    found = set()
    for requirement in EXTRAS[extra]:
        ours = re.fullmatch(r"radiosem\[(.+)\]", requirement)
        if ours:
            found |= set().union(*(needs(name) for name in ours[1].split(",")))
        else:
            found.add(re.match(r"[\w-]+", requirement)[0])
    return found


def test_every_package_of_the_tree_is_installed():
    places = PROJECT["tool"]["setuptools"]["package-dir"]
    found = set()
    for top in {name.split(".")[0] for name in PROJECT["tool"]["setuptools"]["packages"]}:
        folder = ROOT / places.get(top, top)
        for path in folder.rglob("__init__.py"):
            found.add(".".join((top, *path.parent.relative_to(folder).parts)))
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_torch_comes_for_training_alone():
    assert "torch" in needs("train")
    for extra in ("edge", "server", "demo"):
        assert not {"torch", "onnx"} & needs(extra)


@pytest.mark.parametrize("name", ["edge", "server"])
def test_a_container_installs_as_make_does_and_does_not_run_as_root(name):
    lines = (ROOT / f"Dockerfile.{name}").read_text("utf-8").splitlines()
    install = [line for line in lines if "make install" in line]
    assert install == [f"RUN make install EXTRA={name} VENV=/opt/radiosem"]
    assert name in EXTRAS
    assert not any("pip install" in line for line in lines)
    user = lines.index("USER radiosem")
    assert user < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
    assert any(re.search(r"useradd .*--uid [1-9]\d+ radiosem", line) for line in lines[:user])


def test_what_is_required_is_pinned():
    pinned = {re.split("==", line)[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    names = set().union(*map(needs, EXTRAS)) | {
        re.match(r"[\w-]+", requirement)[0]
        for requirement in PROJECT["project"]["dependencies"]
        if "!= 'linux'" not in requirement
    }
    normal = {name.replace("_", "-") for name in pinned}
    assert {name.lower().replace("_", "-") for name in names} <= normal
