"""The HTTP interface: what it serves of a map."""

import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from radiosem.frame import unpack
from radiosem.types import Place, Readings
from server_rx.storage.store import refuse_another
from server_rx.web.schemas import semantics_body


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
