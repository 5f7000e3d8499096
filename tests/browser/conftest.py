"""A receiver's HTTP side over a store of made-up maps, and a headless Chromium that reaches this machine alone."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn

from radiosem.types import Grid, PathLoss, RadioMap, Semantics, Transmitter
from server_rx.metrics import Metrics
from server_rx.outage import OutageMap, classify_outage, floor_dbm, outage_share, threshold_outage
from server_rx.storage.records import MapRecord, Provenance, StoredMap
from server_rx.storage.store import Store
from server_rx.web.events import Events
from server_rx.web.rest import Backend, create_app
from server_rx.web.schemas import map_body

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
GRID = Grid(rows=64, cols=96, cell_size_m=2.0)
SHA256 = "5f" * 32


class Timid:
    """Stands for the outage classifier: it sees outage wherever the map is in the lower half of its scale."""

    device = "cpu"

    def __call__(self, **inputs: Any) -> list[Any]:
        return [0.5 - inputs["map_grey"]]


@dataclass
class Site:
    """A served store: `add` puts a made-up map in and wakes the listeners, as the receiver's worker does."""

    store: Store
    events: Events
    url: str

    def add(self, observation_id: str, **what: Any) -> StoredMap:
        stored, _ = self.store.save(made_up_map(observation_id, **what))
        self.events.wake()
        return stored


def made_up_map(observation_id: str, *, transmitters: int = 1, degraded: bool = False, **facts: Any) -> MapRecord:
    """A block with one building, path loss around each transmitter; `facts` replace those of the provenance."""
    buildings = np.zeros(GRID.shape, bool)
    buildings[10:30, 20:50] = True
    antennas = tuple(Transmitter(col=60 + 10 * i, row=20 + 10 * i) for i in range(transmitters))
    laws = tuple(PathLoss(pl0_db=47.0 + i, slope_db=35.5) for i in range(transmitters))
    rows, cols = np.mgrid[: GRID.rows, : GRID.cols]
    watts = sum(
        10 ** ((23 - law.pl0_db) / 10)
        * np.maximum(1, np.hypot(cols - one.col, rows - one.row) * 2) ** (-law.slope_db / 10)
        for one, law in zip(antennas, laws, strict=True)
    )
    map_dbm: RadioMap = np.asarray(10 * np.log10(watts), np.float32)
    if not degraded:
        map_dbm[buildings] = np.nan
    provenance = Provenance(
        link="qpsk-1/2",
        codec="context:5f3a91c2",
        payload_bits=4312,
        channel_uses=4650,
        es_n0_db=10.0,
        bit_errors=37,
        coded_bits=9300,
        models=({"name": "generator", "sha256": SHA256, "device": "cpu"},),
        stage_ms={"decode": 14.0, "generate": 41.5},
    )
    return MapRecord(
        observation_id=observation_id,
        strong=b"strong",
        weak=b"" if degraded else b"weak",
        semantics=Semantics(GRID, antennas, laws, None if degraded else buildings),
        map_dbm=map_dbm,
        min_dbm=float(np.nanmin(map_dbm)),
        max_dbm=float(np.nanmax(map_dbm)),
        outage_threshold_dbm=-90.0,
        outage_share=outage_share(map_dbm, -90.0, floor_dbm(antenna.power_dbm for antenna in antennas)),
        provenance=replace(provenance, **facts),
    )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty receiver on a free port of the loopback."""
    store = Store(tmp_path / "data")
    events = Events(store, lambda stored: map_body(stored).model_dump_json())

    def outage(stored: StoredMap, threshold_dbm: float, method: str) -> OutageMap:
        floor = floor_dbm(stored.powers_dbm)
        if method == "threshold":
            return threshold_outage(store.map_dbm(stored), threshold_dbm, floor)
        return classify_outage(Timid(), store.map_dbm(stored), threshold_dbm, floor, max(stored.powers_dbm))

    app = create_app(Backend(store=store, metrics=Metrics(), events=events, outage=outage, not_ready=lambda: ""))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", ws="none", lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Site(store, events, f"http://127.0.0.1:{listener.getsockname()[1]}/")
    events.close()
    server.should_exit = server.force_exit = True  # nobody is left whose answer would be cut off
    thread.join(timeout=10)
    listener.close()
    store.close()
    assert not thread.is_alive(), "the HTTP server did not end"


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One headless Chromium for all tests, of which every host but the loopback is hidden."""
    for program in (CHROMIUM, CHROMEDRIVER):
        if not program.exists():
            pytest.skip(f"{program} is missing; the viewer is tested with Debian's chromium and chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="the viewer is tested through selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "disable-dev-shm-usage",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "window-size=1280,900",
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(f"--{flag}")
    options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(CHROMEDRIVER)))
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)  # the browser's own first page asked for its own parts
    yield driver
    driver.quit()
