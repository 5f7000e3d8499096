"""More calls than a gRPC service takes at once, or streams that bring nothing -> refused; others find a place."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc

Message = TypeVar("Message")

IDLE_S = 120.0  # a stream that brings nothing for so long gives its place to another
SPARE_THREADS = 2  # beyond the places: for health checks, and to turn away what is too much


class Places:
    """As many calls at once as there are places; `variable` is the setting that says how many."""

    def __init__(self, count: int, variable: str) -> None:
        self._places = threading.BoundedSemaphore(count)
        self._full = f"{count} calls are under way already, as many as {variable} allows; try again later"

    @contextmanager
    def taken(self, context: grpc.ServicerContext) -> Iterator[None]:
        """Hold a place for the time of a call; with none left the call ends at once as RESOURCE_EXHAUSTED."""
        if not self._places.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, self._full)
        try:
            yield
        finally:
            self._places.release()


def awaited(requests: Iterator[Message], context: grpc.ServicerContext, what: str) -> Iterator[Message]:
    """What a stream brings, each taken from the wire when it is asked for.

    A stream that brings nothing for `IDLE_S` ends as RESOURCE_EXHAUSTED; `what` names what it should have brought.
    """
    asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
    brought: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

    def read() -> None:
        while asked.get():
            try:
                brought.put(next(requests, None))
            except grpc.RpcError:  # the caller went away
                brought.put(None)

    threading.Thread(target=read, name="stream-reader", daemon=True).start()
    try:
        while True:
            asked.put(True)
            request = brought.get(timeout=IDLE_S)
            if request is None:
                return
            yield request
    except queue.Empty:
        context.abort(
            grpc.StatusCode.RESOURCE_EXHAUSTED, f"no {what} came for {IDLE_S:g} s; open a new stream for the next one"
        )
    finally:
        asked.put(False)
