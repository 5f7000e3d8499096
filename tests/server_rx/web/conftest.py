"""A receiver's HTTP interface over a store, called in this process."""

import asyncio
import json

import httpx
import pytest

from server_rx.errors import BusyError
from server_rx.metrics import Metrics
from server_rx.outage import floor_dbm, threshold_outage
from server_rx.web.events import Events
from server_rx.web.rest import Backend, create_app


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
