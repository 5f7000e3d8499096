"""Bursts that wait -> receipts: one thread owns the device, works on what waits together, and answers when durable."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from channel_sim.link import make_link
from radiosem.errors import ChannelError, DamagedFrameError, InputError
from radiosem_proto.v1.radiosem_pb2 import Burst, Receipt, Status
from server_rx.errors import BusyError, StrongPartLostError, refusal
from server_rx.metrics import Metrics
from server_rx.pipeline import Causes, Pipeline
from server_rx.storage.records import MapRecord, StoredMap
from server_rx.storage.store import Store, refuse_another

T = TypeVar("T")


@dataclass(frozen=True)
class _Delivery:
    """A burst, since when it waits, and who waits for its receipt."""

    burst: Burst
    future: "Future[Receipt]" = field(default_factory=Future)
    since: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True)
class _Errand:
    """Any other work for the device."""

    function: Callable[[], Any]
    future: "Future[Any]" = field(default_factory=Future)


_LOST = {
    "": "",
    "buildings": "the building mask was lost on the air: this is a path-loss map",
    "cars": "the cars were lost on the air: the map is one without them",
    "readings": "the readings were lost on the air: the map is not mended by them",
    "cars and readings": "cars and readings were lost on the air: the map is one without them",
}
_END, _WAKE = object(), object()
MAX_ERRANDS = 16  # that may wait: they have a place of their own, so that a flood of bursts never shuts readers out
MAX_WAITING_BYTES = 256 * 2**20  # of symbols not yet answered: few large bursts fill the queue as many small ones do


class Worker:
    """A bounded queue before one thread.

    queue_size   bursts that may wait
    max_batch    bursts worked on together
    on_stored    called after a map became durable, on the worker's thread
    """

    def __init__(
        self,
        pipeline: Pipeline,
        store: Store,
        metrics: Metrics,
        queue_size: int,
        max_batch: int,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        self._pipeline = pipeline
        self._store = store
        self._metrics = metrics
        self._max_batch = max_batch
        self._on_stored = on_stored
        self._queue: queue.Queue[Any] = queue.Queue(queue_size)
        self._errands: queue.Queue[_Errand] = queue.Queue(MAX_ERRANDS)
        self._held_bytes = 0
        self._door = threading.Lock()  # nothing may enter the queue behind the end
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="receiver-worker", daemon=True)
        metrics.watch_queue(self._queue.qsize)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def working(self) -> bool:
        """True while the thread lives and new work is taken."""
        return self._thread.is_alive() and not self._closed

    def submit(self, burst: Burst, patience_s: float = 0.0) -> "Future[Receipt]":
        """Queue a burst. Raises BusyError when the queue stays full for that long, or the receiver is shutting down."""
        delivery = _Delivery(burst)
        size = len(burst.symbols)
        self._enter(delivery, patience_s, size)
        delivery.future.add_done_callback(lambda _: self._let_go(size))
        return delivery.future

    def ask(self, function: Callable[[], T], timeout_s: float = 30.0) -> T:
        """Run a function on the device's thread, between bursts, and wait for what it returns. Raises BusyError."""
        errand = _Errand(function)
        with self._door:
            if self._closed:
                raise BusyError("the receiver is shutting down; ask again later")
            try:
                self._errands.put_nowait(errand)
            except queue.Full:
                raise BusyError(f"{MAX_ERRANDS} requests are waiting for the device; ask again later") from None
            with contextlib.suppress(queue.Full):  # a full queue keeps the worker awake anyway
                self._queue.put_nowait(_WAKE)
        try:
            result: T = errand.future.result(timeout_s)
        except TimeoutError:
            errand.future.cancel()
            raise BusyError("the receiver is busy with bursts; ask again later") from None
        return result

    def close(self) -> None:
        """Take nothing more, finish what waits, and return when all of it is answered."""
        with self._door:
            self._closed = True
        if self._thread.is_alive():
            self._queue.put(_END)
            self._thread.join()

    def _enter(self, item: Any, patience_s: float, size: int = 0) -> None:
        deadline = time.monotonic() + patience_s
        while True:
            with self._door:
                if self._closed:
                    raise BusyError("the receiver is shutting down; send again later")
                if self._held_bytes + size <= MAX_WAITING_BYTES:
                    try:
                        self._queue.put_nowait(item)
                    except queue.Full:
                        pass
                    else:
                        self._held_bytes += size
                        return
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"the receiver's queue of {self._queue.maxsize} bursts and {MAX_WAITING_BYTES >> 20} MiB is full; "
                    "send again later"
                )
            time.sleep(0.02)

    def _let_go(self, size: int) -> None:
        with self._door:
            self._held_bytes -= size

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while batch[-1] is not _END and len(batch) < self._max_batch:
                    batch.append(self._queue.get_nowait())
            ended = batch[-1] is _END
            self._run_errands()
            self._deliver([item for item in batch if isinstance(item, _Delivery)])

    def _run_errands(self) -> None:
        with contextlib.suppress(queue.Empty):
            for _ in range(MAX_ERRANDS):
                errand = self._errands.get_nowait()
                _fulfil(errand.future, errand.function)

    def _deliver(self, deliveries: Sequence[_Delivery]) -> None:
        """Answer every delivery, whatever happens to the others."""
        started = time.perf_counter()
        ready: list[tuple[_Delivery, Causes]] = []
        for delivery in deliveries:
            try:
                held = self._store.find(delivery.burst.observation_id)
                if held and not held.lost:
                    self._answer(delivery, self._again(delivery.burst, held))
                else:
                    ready.append((delivery, self._pipeline.receive(delivery.burst)))
            except Exception as error:
                self._answer(delivery, refusal(error, delivery.burst))
        if not ready:
            return
        try:
            records = self._pipeline.rebuild([causes for _, causes in ready])
        except Exception as error:
            if len(ready) == 1:
                self._answer(ready[0][0], refusal(error, ready[0][0].burst))
            else:  # one of them spoils it for the others
                for delivery, _ in ready:
                    self._deliver([delivery])
            return
        for (delivery, _), record in zip(ready, records, strict=True):
            try:
                self._answer(delivery, self._keep(record, 1e3 * (started - delivery.since)))
            except Exception as error:
                self._answer(delivery, refusal(error, delivery.burst))

    def _again(self, burst: Burst, held: StoredMap) -> Receipt:
        """The receipt of a map that is complete, to whoever sends it once more; a burst too noisy to tell counts so."""
        try:
            reception, semantics = self._pipeline.recognise(burst)
        except (ChannelError, DamagedFrameError, StrongPartLostError):
            return receipt(held, {}, already_held=True)
        refuse_another(held, semantics)
        weak = reception.weak if reception.weak_whole and make_link(burst.link).exact else None
        return self._held(held, reception.strong or b"", weak)

    def _held(self, held: StoredMap, strong: bytes, weak: bytes | None) -> Receipt:
        """The receipt of a map that was there before.

        weak    None where noise may have changed it
        raises  InputError where another frame was sent now
        """
        before = self._store.frame(held)
        if strong != before[0] or (weak is not None and not held.lost and weak != before[1]):
            raise InputError(
                f"observation_id is {held.observation_id!r}, under which map {held.map_id} is held already; what was "
                "sent now has another mask, cars, codec or readings, and was not stored: give it an id of its own"
            )
        return receipt(held, {}, already_held=True)

    def _keep(self, record: MapRecord, queue_ms: float) -> Receipt:
        """Store a map; the receipt exists only after that."""
        start = time.perf_counter()
        stored, new = self._store.save(record)
        if not new:
            exact = not record.semantics.lost and make_link(record.provenance.link).exact
            return self._held(stored, record.strong, record.weak if exact else None)
        stage_ms = {"queue": queue_ms, **record.provenance.stage_ms, "store": 1e3 * (time.perf_counter() - start)}
        self._metrics.stored(record.provenance, stage_ms)
        self._on_stored()
        return receipt(stored, stage_ms)

    def _answer(self, delivery: _Delivery, answer: Receipt) -> None:
        self._metrics.answered(answer)
        delivery.future.set_result(answer)


def receipt(stored: StoredMap, stage_ms: Mapping[str, float], already_held: bool = False) -> Receipt:
    """The receipt of a durable map; no stages when it was durable before this burst came."""
    return Receipt(
        observation_id=stored.observation_id,
        status=Status.STATUS_DEGRADED if stored.lost else Status.STATUS_ACCEPTED,
        message=_LOST["buildings" if stored.degraded else " and ".join(stored.lost)],
        map_id=stored.map_id,
        codec=stored.facts["codec"],
        payload_bits=stored.facts["payload_bits"],
        channel_uses=stored.facts["channel_uses"],
        es_n0_db=stored.facts["es_n0_db"],
        stage_ms=stage_ms,
        already_held=already_held,
    )


def _fulfil(future: "Future[Any]", function: Callable[[], Any]) -> None:
    if future.set_running_or_notify_cancel():
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)
