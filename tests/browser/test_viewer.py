"""What a person sees and does at `/`, through a real browser."""

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

from server_rx.outage import floor_dbm, outage_share
from server_rx.web.render import viridis

WAIT_S = 20.0


class Page:
    """The viewer in the browser: finds, reads, presses, and waits for what comes later."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, map_id: str = "") -> None:
        self.driver.get(f"{self.url}#{map_id}" if map_id else self.url)

    def script(self, source: str, *arguments: Any) -> Any:
        return self.driver.execute_script(source, *arguments)

    def text(self, selector: str) -> str:
        """Text of the first such element, "" when there is none."""
        return str(self.script("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def texts(self, selector: str) -> list[str]:
        found: list[str] = self.script(
            "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector
        )
        return found

    def until(self, source: str, *arguments: Any) -> Any:
        """Wait for a script to return something true, and return that."""
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(self.driver, WAIT_S, poll_frequency=0.1)
        return wait.until(lambda _: self.script(source, *arguments), f"never true: {source}")

    def until_text(self, selector: str, text: str) -> None:
        self.until("return document.querySelector(arguments[0])?.textContent.includes(arguments[1])", selector, text)

    def until_pixels(self) -> None:
        """Wait for the map's values, which the outage share is computed from."""
        self.until("return /\\d/.test(document.querySelector('#outage-share')?.textContent)")

    def set_threshold(self, dbm: float) -> None:
        self.script(
            "const slider = document.querySelector('#threshold'); slider.value = arguments[0];"
            "slider.dispatchEvent(new Event('input'))",
            dbm,
        )

    def press(self, selector: str, *keys: str) -> None:
        self.driver.find_element("css selector", selector).send_keys(*keys)

    def requested(self) -> list[str]:
        """Addresses the page asked for since the last call."""
        events = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


@pytest.fixture
def page(chromium: Any, site: Any) -> Iterator[Page]:
    """The viewer; whatever a test does there, the console stays clean and no request leaves this machine."""
    viewer = Page(chromium, site.url)
    yield viewer
    chromium.get("about:blank")
    assert [entry["message"] for entry in chromium.get_log("browser")] == []
    strangers = [url for url in viewer.requested() if not url.startswith((site.url, "blob:", "data:", "about:"))]
    assert strangers == []


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def test_maps_are_listed_newest_first_with_what_sets_them_apart(page: Page, site: Any) -> None:
    site.add("block-1", degraded=True)
    site.add("block-2", transmitters=2)
    page.open()
    page.until_pixels()
    assert page.texts("#list strong") == ["block-2", "block-1"]
    assert page.texts("#list .badge") == ["2 transmitters", "degraded"]
    assert page.text("#title") == "block-2"
    assert page.script("return document.querySelectorAll('.mast').length") == 2


def test_the_picture_is_the_map_at_its_own_pixels(page: Page, site: Any) -> None:
    stored = site.add("block-1")
    page.open(stored.map_id)
    size = page.until(
        "const i = document.querySelector('#map-image'); return i?.naturalWidth && [i.naturalWidth, i.naturalHeight]"
    )
    assert size == [96, 64]
    assert page.script("return getComputedStyle(document.querySelector('#map-image')).imageRendering") == "pixelated"


def test_the_colour_bar_has_the_colours_of_the_picture(page: Page, site: Any) -> None:
    page.open()
    bar = page.driver.execute_async_script(
        "const done = arguments[0];"
        "import(new URL('map/colours.js', document.baseURI)).then(({ colour }) =>"
        "  done(Array.from({ length: 255 }, (_, i) => colour(i / 254))), (error) => done(String(error)))"
    )
    np.testing.assert_allclose(np.array(bar, float), viridis().astype(float), atol=1)


def test_the_threshold_changes_the_outage_share_as_the_receiver_would(page: Page, site: Any) -> None:
    stored = site.add("block-1")
    map_dbm, floor = site.store.map_dbm(stored), floor_dbm(stored.powers_dbm)
    page.open(stored.map_id)
    page.until_pixels()
    assert page.text("#outage-share") == percent(stored.facts["outage_share"])
    for threshold_dbm in (-75.5, -60.0):
        page.set_threshold(threshold_dbm)
        assert page.text("#outage-share") == percent(outage_share(map_dbm, threshold_dbm, floor))
    assert len({percent(outage_share(map_dbm, at, floor)) for at in (-90.0, -75.5, -60.0)}) == 3


def test_the_outage_overlay_covers_the_pixels_of_the_receivers_outage_map(page: Page, site: Any) -> None:
    stored = site.add("block-1")
    page.open(stored.map_id)
    page.until_pixels()
    page.set_threshold(-75.5)
    page.script("document.querySelector('[data-layer=outage]').click()")
    painted = page.script(
        "const c = document.querySelector('#outage');"
        "const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
        "return [...data].filter((_, i) => i % 4 === 3).map(Boolean)"
    )
    with urlopen(f"{site.url}v1/maps/{stored.map_id}/outage.npy?threshold_dbm=-75.5") as answer:
        expected = np.load(io.BytesIO(answer.read()))
    np.testing.assert_array_equal(np.reshape(painted, expected.shape), expected)


def test_the_arrow_keys_read_the_power_of_a_pixel(page: Page, site: Any) -> None:
    stored = site.add("block-1")
    map_dbm = site.store.map_dbm(stored)
    page.open(stored.map_id)
    page.until_pixels()
    page.press("#map", "\ue014", "\ue014", "\ue013")  # right, right, up: from the middle (48, 32) to (50, 31)
    assert page.text("#readout b") == f"{map_dbm[31, 50]:.1f} dBm".replace("-", "−")
    page.press("#map", "\ue013", "\ue013", "\ue012", "\ue012")  # up, up, left, left: to (48, 29), in the building
    assert page.text("#readout b") == "building"


def test_a_map_that_arrives_is_listed_without_a_reload(page: Page, site: Any) -> None:
    site.add("block-1")
    page.open()
    page.until_text("#live", "live")
    page.until_text("#list", "block-1")
    page.script("window.same = true")
    site.add("block-2")
    page.until_text("#list li:first-child", "block-2")
    assert page.text("#title") == "block-1"
    page.script("document.querySelector('#follow').click()")
    site.add("block-3")
    page.until_text("#title", "block-3")
    assert page.script("return window.same")


def test_an_empty_receiver_says_how_to_send_and_opens_the_first_map(page: Page, site: Any) -> None:
    page.open()
    page.until_text("#stage", "No maps yet")
    assert "radiosem send" in page.text("#stage")
    page.until_text("#live", "live")
    site.add("block-1")
    page.until_text("#title", "block-1")


def test_provenance_tells_the_cost_on_the_air_and_the_networks(page: Page, site: Any) -> None:
    page.open(site.add("block-1").map_id)
    page.until_text("#inspector", "Payload")
    assert page.text("#payload-bits") == "4,312"
    told = page.text("#inspector")
    for part in (
        "4,650 symbols",
        "10.0 dB",
        "37 repaired",
        "context",
        "generator",
        "5f5f5f5f5f",
        "55.5",
        "47.00",
        "35.50",
    ):
        assert part in told


def test_a_degraded_map_says_so_until_the_complete_one_takes_its_place(page: Page, site: Any) -> None:
    degraded = site.add("block-1", degraded=True)
    page.open(degraded.map_id)
    page.until_text("#stage .notice", "building mask was lost")
    page.until_text("#live", "live")
    assert site.add("block-1").map_id == degraded.map_id
    page.until("return document.querySelector('#title') && !document.querySelector('.notice')")
    page.until_pixels()
    assert page.texts("#list .badge") == []


def test_text_from_the_air_is_never_markup(page: Page, site: Any) -> None:
    hostile = "<img src=x onerror=document.title='owned'>"
    stored = site.add(hostile, codec=f"{hostile}:00", link=hostile, stage_ms={hostile: 1.0})
    page.open(stored.map_id)
    page.until_text("#inspector", "Payload")
    assert page.text("#title") == hostile
    assert page.text("#list strong") == hostile
    assert hostile in page.text("#inspector")
    assert page.script("return document.querySelectorAll('img[src=x]').length") == 0


def test_the_classifier_can_be_asked_instead_of_the_threshold(page: Page, site: Any) -> None:
    stored = site.add("block-1")
    with urlopen(f"{site.url}v1/maps/{stored.map_id}/outage.npy?method=classifier") as answer:
        share = np.load(io.BytesIO(answer.read())).sum() / np.isfinite(site.store.map_dbm(stored)).sum()
    assert percent(share) != percent(stored.facts["outage_share"])
    page.open(stored.map_id)
    page.until_pixels()
    page.script(
        "const m = document.querySelector('#method'); m.value = 'classifier'; m.dispatchEvent(new Event('change'))"
    )
    page.until_text("#outage-share", percent(share))


def test_a_map_that_is_not_there_is_said_to_be_missing(page: Page, site: Any) -> None:
    site.add("block-1")
    page.open("0" * 32)
    page.until_text("#stage", "No such map")
    assert page.text("#list strong") == "block-1"
    page.driver.get_log("browser")  # the browser itself notes the 404
