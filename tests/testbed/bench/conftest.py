"""What sweeps share: the receiver's networks, its pipeline, and a map to send."""

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
