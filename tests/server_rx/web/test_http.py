"""The manners of the HTTP interface: refusals, caching, HEAD, health, and what it says of itself."""

import asyncio

import anyio
import httpx
import pytest


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
