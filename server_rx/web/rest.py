"""Stored maps -> the HTTP interface under /v1, its health and metrics, and the viewer at /."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import StreamingResponse
from fastapi.staticfiles import StaticFiles

from radiosem.errors import InputError, StoreError
from radiosem.types import DEFAULT_THRESHOLD_DBM
from server_rx import errors
from server_rx.errors import NotFoundError, Problem
from server_rx.metrics import Metrics
from server_rx.outage import OutageMap
from server_rx.storage.records import StoredMap
from server_rx.storage.store import Store, npy
from server_rx.web.events import Events
from server_rx.web.render import buildings_png, map_png, map_tif, outage_png
from server_rx.web.requests import EVENT_STREAM, Heads, refuse_unknown
from server_rx.web.schemas import (
    Health,
    MapBody,
    MapPage,
    ProvenanceBody,
    Readiness,
    SemanticsBody,
    cursor_of,
    map_body,
    provenance_body,
    semantics_body,
    sequence_of,
)

VIEWER = Path(__file__).parent.parent / "viewer"
_LAST_SEQUENCE = 2**63 - 1
_PNG, _TIF, _NPY = "image/png", "image/tiff", "application/octet-stream"

Method = Literal["threshold", "classifier"]
Dbm = Annotated[float | None, Query(ge=-400, le=100, allow_inf_nan=False, description="dBm")]


@dataclass(frozen=True)
class Backend:
    """What the HTTP interface stands on.

    outage                stored map, threshold in dBm, method -> outage map
    not_ready             why the receiver takes no bursts; empty when it does
    outage_threshold_dbm  threshold where a request names none
    """

    store: Store
    metrics: Metrics
    events: Events
    outage: Callable[[StoredMap, float, str], OutageMap]
    not_ready: Callable[[], str]
    outage_threshold_dbm: float = DEFAULT_THRESHOLD_DBM


def create_app(backend: Backend) -> FastAPI:
    """The whole HTTP interface; no documentation page, which would load scripts from elsewhere, but /openapi.json."""
    app = FastAPI(
        title="radiosem receiver",
        version="1",
        summary="Radio maps rebuilt from their causes, and where they say there is no coverage",
        docs_url=None,
        redoc_url=None,
    )
    errors.install(app)
    app.add_middleware(Heads)
    app.include_router(_map_routes(backend))
    app.include_router(_operation_routes(backend))
    app.mount("/", StaticFiles(directory=VIEWER, html=True), name="viewer")
    return app


def _map_routes(backend: Backend) -> APIRouter:
    store = backend.store
    router = APIRouter(
        prefix="/v1",
        tags=["maps"],
        dependencies=[Depends(refuse_unknown)],
        responses={422: {"model": Problem, "description": "A parameter is unusable; `detail` says which and why"}},
    )

    def find(map_id: Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$", description="32 hex digits")]) -> StoredMap:
        return store.get(map_id)

    Found = Annotated[StoredMap, Depends(find)]
    missing: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "There is no such map or part"}}

    @router.get("/maps", summary="Maps, newest first")
    def maps(
        limit: Annotated[int, Query(ge=1, le=200, description="maps on the page")] = 50,
        cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before")] = None,
        observation_id: Annotated[
            str | None, Query(max_length=64, description="only the map of this observation, if there is one")
        ] = None,
    ) -> MapPage:
        if observation_id is not None:
            held = store.find(observation_id)
            return MapPage(maps=[map_body(held)] if held else [], next_cursor=None)
        found = store.newest(limit + 1, None if cursor is None else sequence_of(cursor))
        more = cursor_of(found[limit - 1]) if len(found) > limit else None
        return MapPage(maps=[map_body(stored) for stored in found[:limit]], next_cursor=more)

    @router.get("/maps/{map_id}", summary="Metadata of a map", responses=missing)
    def metadata(stored: Found) -> MapBody:
        return map_body(stored)

    @router.get("/maps/{map_id}/semantics", summary="The causes the frame carried", responses=missing)
    def semantics(stored: Found) -> SemanticsBody:
        return semantics_body(stored, *store.frame(stored))

    @router.get("/maps/{map_id}/provenance", summary="Cost on the air, models and times", responses=missing)
    def provenance(stored: Found) -> ProvenanceBody:
        return provenance_body(stored)

    @router.get(
        "/maps/{map_id}/map.npy",
        summary="The radio map as NPY: float32 [rows, cols] dBm, NaN inside buildings, row 0 = north",
        response_class=Response,
        responses=missing | _content(_NPY),
    )
    def map_as_npy(request: Request, stored: Found) -> Response:
        return _cached(request, stored, "npy", _NPY, lambda: store.blobs.get(stored.map_sha256))

    @router.get(
        "/maps/{map_id}/map.tif",
        summary="The radio map as GeoTIFF: float32 dBm, NaN inside buildings; without coordinates where none were sent",
        response_class=Response,
        responses=missing | _content(_TIF),
    )
    def map_as_tif(request: Request, stored: Found) -> Response:
        return _cached(
            request,
            stored,
            "tif",
            _TIF,
            lambda: map_tif(store.map_dbm(stored), stored.grid.cell_size_m, stored.place),
        )

    @router.get(
        "/maps/{map_id}/map.png",
        summary="The radio map as a picture: viridis, transparent inside buildings, row 0 = north",
        description="The headers X-Min-Dbm and X-Max-Dbm give the range of the colours, in dBm.",
        response_class=Response,
        responses=missing | _content(_PNG),
    )
    def map_as_png(request: Request, stored: Found, min_dbm: Dbm = None, max_dbm: Dbm = None) -> Response:
        low = stored.facts["min_dbm"] if min_dbm is None else min_dbm
        high = stored.facts["max_dbm"] if max_dbm is None else max_dbm
        if min_dbm is None and max_dbm is None and low == high:
            high = low + 1  # a flat map
        if low >= high:
            raise InputError(f"min_dbm is {low:g} and max_dbm is {high:g}; min_dbm must be below max_dbm")
        response = _cached(
            request, stored, f"png:{low!r}:{high!r}", _PNG, lambda: map_png(store.map_dbm(stored), low, high)
        )
        response.headers["X-Min-Dbm"], response.headers["X-Max-Dbm"] = f"{low:.4f}", f"{high:.4f}"
        return response

    @router.get(
        "/maps/{map_id}/buildings.png",
        summary="The received building mask: dark grey, transparent outdoors; 404 when it was lost on the air",
        response_class=Response,
        responses=missing | _content(_PNG),
    )
    def buildings_as_png(request: Request, stored: Found) -> Response:
        if stored.degraded:
            raise NotFoundError(f"map {stored.map_id} has no building mask; it was lost on the air")
        return _cached(request, stored, "buildings", _PNG, lambda: buildings_png(np.isnan(store.map_dbm(stored))))

    def outage_response(
        request: Request, stored: StoredMap, threshold_dbm: float | None, method: Method, as_png: bool
    ) -> Response:
        threshold = backend.outage_threshold_dbm if threshold_dbm is None else threshold_dbm

        def make() -> bytes:
            outage = backend.outage(stored, threshold, method)
            return outage_png(outage) if as_png else npy(outage)

        media = _PNG if as_png else _NPY
        if method == "classifier":  # the network may be another one tomorrow
            response = Response(make(), media_type=media, headers={"Cache-Control": "no-store"})
        else:
            # Where the request names no threshold the setting does, which may be another one tomorrow.
            settled = threshold_dbm is not None
            response = _cached(request, stored, f"outage:{threshold!r}:{media}", media, make, settled)
        response.headers["X-Threshold-Dbm"] = f"{threshold:g}"
        return response

    @router.get(
        "/maps/{map_id}/outage.png",
        summary="Where received power is below a threshold: orange, everything else transparent",
        description="`threshold_dbm` defaults to the receiver's setting, -90 dBm unless changed.",
        response_class=Response,
        responses=missing | _content(_PNG),
    )
    def outage_as_png(
        request: Request, stored: Found, threshold_dbm: Dbm = None, method: Method = "threshold"
    ) -> Response:
        return outage_response(request, stored, threshold_dbm, method, as_png=True)

    @router.get(
        "/maps/{map_id}/outage.npy",
        summary="The outage map as NPY: bool [rows, cols], true in outage, false inside buildings",
        description="`threshold` compares the map; `classifier` asks the network trained on rebuilt maps.",
        response_class=Response,
        responses=missing | _content(_NPY),
    )
    def outage_as_npy(
        request: Request, stored: Found, threshold_dbm: Dbm = None, method: Method = "threshold"
    ) -> Response:
        return outage_response(request, stored, threshold_dbm, method, as_png=False)

    @router.get(
        "/events",
        summary="New maps as server-sent events: `event: map`, data = metadata as JSON",
        description="Starts with what is new; with Last-Event-ID it goes on behind that event.",
        response_class=StreamingResponse,
        responses=_content(EVENT_STREAM),
    )
    async def follow(
        last_event_id: Annotated[
            int | None, Header(ge=0, le=_LAST_SEQUENCE, description="id of the last event seen")
        ] = None,
    ) -> StreamingResponse:
        stream = await backend.events.listen(last_event_id)
        return StreamingResponse(
            stream, media_type=EVENT_STREAM, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )

    return router


def _operation_routes(backend: Backend) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", summary="The process answers")
    async def healthz() -> Health:  # on the loop: a pool whose threads all wait is busy, not dead
        return Health()

    @router.get(
        "/readyz",
        summary="Networks are verified and loaded, the store answers, bursts are taken",
        responses={503: {"model": Readiness, "description": "Not ready; `reason` says why"}},
    )
    def readyz(response: Response) -> Readiness:
        reason = backend.not_ready()
        if not reason:
            try:
                backend.store.last_sequence()
            except StoreError as error:
                reason = str(error)
        response.status_code = 503 if reason else 200
        return Readiness(ready=not reason, reason=reason)

    @router.get("/metrics", summary="Prometheus metrics", response_class=Response, responses=_content("text/plain"))
    def metrics() -> Response:
        return Response(backend.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _content(media_type: str) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "string"} if media_type.startswith("text/") else {"type": "string", "format": "binary"}
    return {200: {"content": {media_type: {"schema": schema}}}}


def _cached(
    request: Request, stored: StoredMap, variant: str, media_type: str, make: Callable[[], bytes], settled: bool = True
) -> Response:
    """A body named by its content, and for ever where the map may not be replaced.

    settled  the body follows from the stored map and the request alone
    """
    tag = f'"{stored.map_sha256[:32]}-{variant}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "public, max-age=31536000, immutable" if settled and not stored.lost else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(make(), media_type=media_type, headers=headers)
