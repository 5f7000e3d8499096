"""The HTTP interface: what it serves, and how it refuses."""

import asyncio
import base64
import dataclasses
import io
import json

import anyio
import httpx
import numpy as np
import pytest
from PIL import Image

from radiosem.frame import unpack
from radiosem.types import Place, Readings
from server_rx.errors import BusyError
from server_rx.metrics import Metrics
from server_rx.outage import floor_dbm, threshold_outage
from server_rx.storage.store import refuse_another
from server_rx.web.events import Events
from server_rx.web.rest import Backend, create_app
from server_rx.web.schemas import semantics_body


class Client:
    """Calls an ASGI application in this process."""

    def __init__(self, app):
        self.app = app

    def get(self, path, method="GET", **more):
        async def call():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
                return await client.request(method, path, **more)

        return asyncio.run(call())


class Receiver:
    """A store behind the HTTP interface, with a switch for readiness."""

    def __init__(self, store):
        self.store = store
        self.why_not = ""
        self.asked = []
        events = Events(store, lambda stored: json.dumps({}))
        backend = Backend(store, Metrics(), events, self.outage, lambda: self.why_not)
        self.client = Client(create_app(backend))

    def outage(self, stored, threshold_dbm, method):
        self.asked.append((threshold_dbm, method))
        if method == "classifier":
            raise BusyError("the networks are not loaded yet; ask again later")
        return threshold_outage(self.store.map_dbm(stored), threshold_dbm, floor_dbm(stored.powers_dbm))


@pytest.fixture
def receiver(store):
    return Receiver(store)


@pytest.fixture
def stored(store, record):
    return store.save(record)[0]


def picture(response):
    assert response.headers["content-type"] == "image/png"
    return np.array(Image.open(io.BytesIO(response.content)).convert("RGBA"))


def test_metadata_holds_what_a_viewer_needs(receiver, stored, record):
    body = receiver.client.get(f"/v1/maps/{stored.map_id}").json()
    assert set(body) == {
        *("map_id", "observation_id", "created_at", "grid", "transmitters", "degraded", "lost", "place", "has_cars"),
        *("min_dbm", "max_dbm", "floor_dbm", "outage_threshold_dbm", "outage_share"),
        *("codec", "payload_bits", "channel_uses", "es_n0_db", "receiver_ms"),
    }
    assert body["grid"] == {"rows": 48, "cols": 72, "cell_size_m": 2.0}
    assert set(body["transmitters"][0]) == {
        *("col", "row", "height_m", "power_dbm", "frequency_hz", "pl0_db", "slope_db")
    }
    assert body["created_at"].endswith("+00:00")
    assert body["min_dbm"] == record.min_dbm


def test_maps_are_paged_newest_first(receiver, store, record):
    for number in range(5):
        store.save(dataclasses.replace(record, observation_id=f"block-{number}"))
    names, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = receiver.client.get("/v1/maps", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        names += [entry["observation_id"] for entry in page["maps"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert names == [f"block-{number}" for number in (4, 3, 2, 1, 0)]
    assert pages == 3


def test_an_empty_store_has_an_empty_page(receiver):
    assert receiver.client.get("/v1/maps").json() == {"maps": [], "next_cursor": None}


def test_the_map_comes_as_numbers(receiver, stored, record):
    response = receiver.client.get(f"/v1/maps/{stored.map_id}/map.npy")
    served = np.load(io.BytesIO(response.content), allow_pickle=False)
    assert np.array_equal(served, record.map_dbm, equal_nan=True)
    assert "immutable" in response.headers["cache-control"]
    tag = response.headers["etag"]
    again = receiver.client.get(f"/v1/maps/{stored.map_id}/map.npy", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""


def test_the_map_comes_as_a_picture_transparent_in_buildings(receiver, stored, record):
    response = receiver.client.get(f"/v1/maps/{stored.map_id}/map.png")
    assert np.array_equal(picture(response)[..., 3] == 0, record.semantics.buildings)
    assert float(response.headers["x-min-dbm"]) == pytest.approx(record.min_dbm, abs=1e-3)
    narrow = receiver.client.get(f"/v1/maps/{stored.map_id}/map.png?min_dbm=-90&max_dbm=-80")
    assert float(narrow.headers["x-max-dbm"]) == -80
    assert narrow.content != response.content
    assert narrow.headers["etag"] != response.headers["etag"]


def test_outage_follows_the_threshold(receiver, stored, record):
    for query, threshold in (("", -90.0), ("?threshold_dbm=-75.5", -75.5)):
        expected = record.map_dbm < threshold
        shown = receiver.client.get(f"/v1/maps/{stored.map_id}/outage.png{query}")
        assert np.array_equal(picture(shown)[..., 3] > 0, expected)
        array = np.load(io.BytesIO(receiver.client.get(f"/v1/maps/{stored.map_id}/outage.npy{query}").content))
        assert array.dtype == np.bool_
        assert np.array_equal(array, expected)


def test_the_classifier_is_asked_for_by_name(receiver, stored):
    response = receiver.client.get(f"/v1/maps/{stored.map_id}/outage.npy?method=classifier")
    assert receiver.asked == [(-90.0, "classifier")]
    assert response.status_code == 503
    assert response.json()["code"] == "busy"


def test_buildings_come_as_a_picture(receiver, stored, record):
    shown = picture(receiver.client.get(f"/v1/maps/{stored.map_id}/buildings.png"))
    assert np.array_equal(shown[..., 3] > 0, record.semantics.buildings)


def test_semantics_tell_the_readings_that_came_along(receiver, store, record):
    none, lost = (record.semantics, dataclasses.replace(record.semantics, readings_lost=True))
    some = dataclasses.replace(
        none,
        readings=Readings(
            np.array([0, 0]), np.array([1, 20]), np.array([3, 30]), np.array([-83.0, -131]), np.array([True, False])
        ),
    )
    bodies = []
    for number, causes in enumerate((none, lost, some)):
        stored, _ = store.save(dataclasses.replace(record, observation_id=f"block-{number}", semantics=causes))
        bodies.append(receiver.client.get(f"/v1/maps/{stored.map_id}/semantics").json())
    assert [body["lost"] for body in bodies] == [[], ["readings"], []]
    assert [len(body["readings"]) for body in bodies] == [0, 0, 2]
    assert bodies[2]["readings"] == [
        {"transmitter": 0, "col": 7, "row": 3, "power_dbm": -60.0, "heard": True},
        {"transmitter": 0, "col": 61, "row": 41, "power_dbm": -108.0, "heard": False},
    ]


def test_maps_stored_before_readings_were_sent_still_have_semantics(receiver, store, record):
    stored, _ = store.save(record)
    for key in ("readings", "lost"):
        del stored.causes[key]
    body = semantics_body(stored, b"", b"")
    assert (body.readings, body.lost) == ([], [])


def test_semantics_hold_the_received_frame(receiver, stored, record, codec):
    body = receiver.client.get(f"/v1/maps/{stored.map_id}/semantics").json()
    parts = [base64.b64decode(body[name]) for name in ("frame_strong_base64", "frame_weak_base64")]
    causes, _ = unpack(*parts, {codec.codec_id: codec})
    assert np.array_equal(causes.buildings, record.semantics.buildings)
    assert receiver.client.get(body["buildings_url"]).status_code == 200
    assert body["building_share"] == pytest.approx(record.semantics.buildings.mean())


def test_provenance_tells_cost_and_parts(receiver, stored):
    body = receiver.client.get(f"/v1/maps/{stored.map_id}/provenance").json()
    assert body["link"] == "qpsk-1/2"
    assert body["models"][0]["sha256"] == "ab" * 32
    assert body["map_sha256"] == stored.map_sha256
    assert body["receiver_ms"] == pytest.approx(sum(body["stage_ms"].values()))


def test_a_degraded_map_is_flagged_and_may_change(receiver, store, degraded):
    stored, _ = store.save(degraded)
    base = f"/v1/maps/{stored.map_id}"
    assert receiver.client.get(base).json()["degraded"] is True
    assert receiver.client.get(f"{base}/map.npy").headers["cache-control"] == "no-cache"
    missing = receiver.client.get(f"{base}/buildings.png")
    assert missing.status_code == 404
    assert "lost on the air" in missing.json()["detail"]
    assert receiver.client.get(f"{base}/semantics").json()["buildings_url"] is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v1/maps?limit=0", "limit is "),
        ("/v1/maps?limit=1000", "limit is "),
        ("/v1/maps?cursor=nonsense", "cursor is 'nonsense'"),
        ("/v1/maps?cursor=YmVmb3JlOi0x", "cursor is"),
        ("/v1/maps/xyz", "map_id is "),
        ("/v1/maps/..%2f..%2fetc", ""),
        ("/v1/maps/{id}/map.png?min_dbm=nan", "min_dbm is "),
        ("/v1/maps/{id}/map.png?min_dbm=warm", "min_dbm is "),
        ("/v1/maps/{id}/map.png?max_dbm=inf", "max_dbm is "),
        ("/v1/maps/{id}/map.png?min_dbm=-50&max_dbm=-60", "min_dbm must be below max_dbm"),
        ("/v1/maps/{id}/map.png?min_dbm=90", "min_dbm must be below max_dbm"),
        ("/v1/maps/{id}/outage.png?threshold_dbm=-1e9", "threshold_dbm is "),
        ("/v1/maps/{id}/outage.npy?method=guess", "method is "),
    ],
)
def test_a_bad_parameter_is_named(receiver, stored, path, text):
    response = receiver.client.get(path.format(id=stored.map_id))
    assert response.status_code == (422 if text else 404)
    assert text in response.json()["detail"]


@pytest.mark.parametrize("part", ["", "/map.npy", "/map.png", "/outage.png", "/semantics", "/provenance"])
def test_a_map_that_is_not_there_is_404(receiver, part):
    response = receiver.client.get(f"/v1/maps/{'0' * 32}{part}")
    assert response.status_code == 404
    assert response.json() == {"code": "not_found", "detail": f"there is no map {'0' * 32}", "log_id": None}


def test_internal_errors_tell_only_where_to_look(receiver, stored, store, monkeypatch, caplog):
    def fail(_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(store, "map_dbm", fail)
    response = receiver.client.get(f"/v1/maps/{stored.map_id}/map.png")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["log_id"] in caplog.text


def test_health_readiness_and_metrics(receiver):
    assert receiver.client.get("/healthz").json() == {"status": "ok"}
    assert receiver.client.get("/readyz").json() == {"ready": True, "reason": ""}
    receiver.why_not = "the networks are being verified and loaded"
    response = receiver.client.get("/readyz")
    assert (response.status_code, response.json()["ready"]) == (503, False)
    metrics = receiver.client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "radiosem_queue_depth" in metrics.text


def test_health_answers_while_every_thread_of_the_pool_waits(receiver):
    async def call():
        pool = anyio.to_thread.current_default_thread_limiter()
        pool.total_tokens = 1
        transport = httpx.ASGITransport(receiver.client.app)
        async with pool, httpx.AsyncClient(transport=transport, base_url="http://receiver", timeout=None) as client:
            return await asyncio.wait_for(client.get("/healthz"), 20)

    assert asyncio.run(call()).status_code == 200


def test_not_ready_when_the_database_is_gone(receiver, store):
    store.close()
    store.blobs.folder.parent.joinpath("radiosem.sqlite").write_bytes(b"not a database " * 400)
    response = receiver.client.get("/readyz")
    assert response.status_code == 503
    assert "could not be read" in response.json()["reason"]


def test_every_endpoint_is_described(receiver):
    paths = receiver.client.get("/openapi.json").json()["paths"]
    assert len(paths) == 14
    for methods in paths.values():
        assert methods["get"]["summary"]


def test_a_bad_last_event_id_is_refused(receiver):
    response = receiver.client.get("/v1/events", headers={"Last-Event-ID": "-3"})
    assert response.status_code == 422
    assert "last-event-id" in response.json()["detail"]


def test_the_viewer_is_at_the_root(receiver):
    response = receiver.client.get("/")
    assert response.status_code == 200
    assert "<title>" in response.text
    assert receiver.client.get("/nothing.js").status_code == 404


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/v1/maps", "/v1/maps/{}/map.npy", "/", "/v1/none"]
)
def test_head_tells_what_get_would_without_the_body(receiver, stored, path):
    get, head = (receiver.client.get(path.format(stored.map_id), method) for method in ("GET", "HEAD"))
    assert head.status_code == get.status_code
    assert head.headers.get("etag") == get.headers.get("etag")
    assert head.content == b""


def test_head_of_the_events_does_not_wait_for_one(receiver):
    head = receiver.client.get("/v1/events", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


def test_an_outage_of_the_settings_threshold_is_asked_for_again(receiver, stored):
    base = f"/v1/maps/{stored.map_id}/outage.png"
    assert receiver.client.get(base).headers["cache-control"] == "no-cache"
    assert "immutable" in receiver.client.get(f"{base}?threshold_dbm=-90").headers["cache-control"]


def test_an_unusable_parameter_is_told_with_its_value(receiver):
    answer = receiver.client.get("/v1/maps?limit=1000")
    assert answer.status_code == 422
    assert answer.json()["detail"] == "limit is '1000': Input should be less than or equal to 200"


def test_a_map_altered_on_disk_is_not_served(receiver, store, stored):
    store.blobs.path(stored.map_sha256).write_bytes(b"half a map")
    answer = receiver.client.get(f"/v1/maps/{stored.map_id}/map.npy")
    assert (answer.status_code, answer.json()["code"]) == (503, "store")
    assert "was altered on disk" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "outage.npy?treshold_dbm=-60",
            "treshold_dbm is '-60', but there is no such parameter; there are threshold_dbm, method",
        ),
        ("provenance?x=1", "x is '1', but there is no such parameter; there are none"),
    ],
)
def test_a_parameter_that_there_is_not_is_named(receiver, stored, path, told):
    answer = receiver.client.get(f"/v1/maps/{stored.map_id}/{path}")
    assert (answer.status_code, answer.json()["detail"]) == (422, told)


def test_a_map_is_found_by_its_senders_own_id(receiver, store, record):
    one, _ = store.save(record)
    store.save(dataclasses.replace(record, observation_id="another"))
    found = receiver.client.get("/v1/maps?observation_id=block-1").json()
    assert [body["map_id"] for body in found["maps"]] == [one.map_id]
    assert receiver.client.get("/v1/maps?observation_id=none").json() == {"maps": [], "next_cursor": None}


def test_a_map_with_a_place_comes_as_a_geotiff(receiver, store, record):
    place = Place(32631, 448262.5, 5411932.0)
    placed = dataclasses.replace(record, semantics=dataclasses.replace(record.semantics, place=place))
    stored, _ = store.save(placed)
    told = receiver.client.get(f"/v1/maps/{stored.map_id}").json()["place"]
    assert told == {"epsg": 32631, "west_m": 448262.5, "north_m": 5411932.0}
    answer = receiver.client.get(f"/v1/maps/{stored.map_id}/map.tif")
    assert answer.headers["content-type"] == "image/tiff"
    image = Image.open(io.BytesIO(answer.content))
    np.testing.assert_array_equal(np.asarray(image), record.map_dbm)
    assert image.tag_v2[33550] == (2.0, 2.0, 0.0)
    assert image.tag_v2[33922] == (0.0, 0.0, 0.0, 448262.5, 5411932.0, 0.0)
    assert image.tag_v2[34735][-1] == 32631
    assert image.tag_v2[42113] == "nan"


def test_a_map_without_a_place_has_no_coordinates(receiver, stored):
    assert receiver.client.get(f"/v1/maps/{stored.map_id}").json()["place"] is None
    image = Image.open(io.BytesIO(receiver.client.get(f"/v1/maps/{stored.map_id}/map.tif").content))
    assert 34735 not in image.tag_v2


def test_maps_stored_before_places_were_sent_have_none_and_are_the_same_observation(store, record):
    stored, _ = store.save(record)
    del stored.causes["place"]
    assert stored.place is None
    refuse_another(stored, record.semantics)
