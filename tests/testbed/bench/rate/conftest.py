"""What sweeps share: the receiver's networks, its pipeline, and a map to send."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from server_rx.networks import load_networks
from server_rx.pipeline import Pipeline
from testbed.bench.rate.scenes import DataSource, Scene


@pytest.fixture(scope="session")
def networks() -> Any:
    """The receiver's networks and codecs."""
    return load_networks(threads=1)


@pytest.fixture(scope="session")
def pipeline(networks: Any) -> Pipeline:
    """The receiver's pipeline."""
    return Pipeline(networks.generator, networks.codecs)


@pytest.fixture
def scene(small_city: Path) -> Scene:
    """The first map of the small city."""
    source = DataSource(small_city)
    return source.scene(source.ids()[0])


class _Tags(HTMLParser):
    """Raises where tags do not nest; notes what the page would fetch."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_page(path: Path) -> str:
    """The text of a page that is well formed and needs nothing else."""
    tags, text = _Tags(), path.read_text("utf-8")
    tags.feed(text)
    assert not tags.open
    assert all(source.startswith("data:image/png;base64,") for source in tags.fetched)
    return text
