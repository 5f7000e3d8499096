"""gRPC streams of bursts -> the worker's queue -> streams of receipts, in the order the bursts came."""

import logging
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import grpc

from channel_sim.places import IDLE_S
from radiosem_proto.v1.radiosem_pb2 import Burst, Receipt
from radiosem_proto.v1.radiosem_pb2_grpc import ReceiverServicer
from server_rx.errors import BusyError, abort, refusal
from server_rx.metrics import Metrics
from server_rx.pipeline import check_burst
from server_rx.worker import Worker

MAX_STREAMS = 24  # streams that may be open at once; each holds a thread
_AHEAD = 16  # bursts of one stream that may be under way before it is read on
_PATIENCE_S = 2.0  # how long a burst waits for room in the queue, holding its stream back

log = logging.getLogger(__name__)


class _Ahead:
    """What one stream's reader has handed on and its writer has not answered yet; None ends it."""

    def __init__(self) -> None:
        self.futures: queue.SimpleQueue[Future[Receipt] | None] = queue.SimpleQueue()
        self.room = threading.Semaphore(_AHEAD)
        self.gone = threading.Event()


class ReceiverService(ReceiverServicer):
    """`radiosem.v1.Receiver`: every burst is answered by one receipt; ACCEPTED and DEGRADED mean durable."""

    def __init__(self, worker: Worker, metrics: Metrics) -> None:
        self._worker = worker
        self._metrics = metrics
        self._streams = threading.BoundedSemaphore(MAX_STREAMS)

    def Deliver(self, request_iterator: Iterator[Burst], context: grpc.ServicerContext) -> Iterator[Receipt]:  # noqa: N802
        """Answer each burst of the stream; a refused burst does not end it, two minutes without any do."""
        if not self._streams.acquire(blocking=False):
            abort(BusyError(f"{MAX_STREAMS} streams are open already; try again later"), context)
        # Reading ahead lets the worker see several bursts of one stream at a time.
        ahead = _Ahead()
        context.add_callback(ahead.gone.set)
        reader = threading.Thread(
            target=self._read, args=(request_iterator, ahead), name="receiver-stream", daemon=True
        )
        reader.start()
        try:
            while (future := ahead.futures.get(timeout=IDLE_S)) is not None:
                yield future.result()
                ahead.room.release()
        except queue.Empty:
            abort(BusyError(f"no burst came for {IDLE_S:g} s; open a new stream for the next one"), context)
        finally:
            self._streams.release()

    def _read(self, bursts: Iterator[Burst], ahead: _Ahead) -> None:
        try:
            for burst in bursts:
                while not ahead.room.acquire(timeout=0.5):
                    if ahead.gone.is_set():
                        return
                ahead.futures.put(self._submit(burst))
        except grpc.RpcError:
            log.debug("a sender went away in the middle of its stream")
        finally:
            ahead.futures.put(None)

    def _submit(self, burst: Burst) -> "Future[Receipt]":
        try:
            check_burst(burst)
            return self._worker.submit(burst, _PATIENCE_S)
        except Exception as error:
            refused: Future[Receipt] = Future()
            refused.set_result(refusal(error, burst))
            self._metrics.answered(refused.result())
            return refused
