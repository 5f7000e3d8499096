"""More calls than a gRPC service takes at once -> a refusal at the door, so that health checks still find a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

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
