"""Maps as they become durable -> server-sent events, by following the store: what a client missed is still there."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool

from server_rx.errors import BusyError
from server_rx.storage.records import StoredMap
from server_rx.storage.store import Store

MAX_LISTENERS = 64
_LOOK_S = 2.0  # also without a wake-up, for maps that another receiver put into the same store
_HEARTBEAT_S = 15.0
_RETRY_MS = 2000


class Events:
    """Wakes every listener when there is something new, and ends all of them at shutdown.

    describe  a stored map as the JSON of its event
    """

    def __init__(self, store: Store, describe: Callable[[StoredMap], str]) -> None:
        self._store = store
        self._describe = describe
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._closed = False

    def wake(self) -> None:
        """Tell every listener to look into the store; from any thread."""
        with self._lock:
            for bell, loop in self._listeners.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(bell.set)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self.wake()

    async def listen(self, after: int | None) -> AsyncIterator[str]:
        """The event stream of one client, from behind the sequence `after` or else from now on.

        raises  BusyError, before the first event, when too many listen already
        """
        if len(self._listeners) >= MAX_LISTENERS:
            raise BusyError(f"{MAX_LISTENERS} clients follow the events already; try again later")
        newest = await run_in_threadpool(self._store.last_sequence)
        # Who was last told a higher number followed another store: behind that number there would be silence.
        return self._stream(newest if after is None else min(after, newest))

    async def _stream(self, last: int) -> AsyncIterator[str]:
        bell = asyncio.Event()
        with self._lock:
            self._listeners[bell] = asyncio.get_running_loop()
        try:
            yield f"retry: {_RETRY_MS}\n: following\n\n"
            quiet_s = 0.0
            while not self._closed:
                bell.clear()
                news = await run_in_threadpool(self._store.after, last)
                for stored in news:
                    last = stored.sequence
                    yield f"id: {last}\nevent: map\ndata: {self._describe(stored)}\n\n"
                if news:
                    quiet_s = 0.0
                    continue
                try:
                    await asyncio.wait_for(bell.wait(), _LOOK_S)
                except TimeoutError:
                    quiet_s += _LOOK_S
                if quiet_s >= _HEARTBEAT_S:
                    quiet_s = 0.0
                    yield ": still here\n\n"
        finally:
            with self._lock:
                self._listeners.pop(bell, None)
