"""Bursts of one observation -> the receiver's receipt, through losses, restarts and noise."""

import random
import time
from collections.abc import Callable

import grpc

from channel_sim.wire import GRPC_OPTIONS
from edge_tx.settings import EdgeSettings
from radiosem.errors import DeliveryError
from radiosem_proto.v1 import radiosem_pb2 as pb
from radiosem_proto.v1.radiosem_pb2_grpc import ReceiverStub

# Worth another try: the far side may be starting, restarting, slow or full. Anything else would answer the same again.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
_DURABLE = (pb.STATUS_ACCEPTED, pb.STATUS_DEGRADED)
MAX_BACKOFF_S = 5.0
# A receiver that comes back is found again within a second.
_RECONNECT = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)

Burst = Callable[[int], pb.Burst]  # attempt, from 0 -> the burst with that attempt's noise


class Sender:
    """A connection to the receiver, or to a relay on the way to it; calls from several threads are safe."""

    def __init__(self, settings: EdgeSettings) -> None:
        self._settings = settings
        self._channel = grpc.insecure_channel(
            settings.receiver,
            options=(*GRPC_OPTIONS, *_RECONNECT),
        )
        self._stub = ReceiverStub(self._channel)

    def close(self) -> None:
        """Hang up; calls under way end with an error."""
        self._channel.close()

    def deliver(self, burst: Burst) -> pb.Receipt:
        """Deliver one observation, until its receipt is final or the retries or the deadline are used up.

        Sent again is a burst that got no answer, one whose refusal says that it may help, and, a few times, one of
        which a part was lost. Every attempt crosses the air anew under the same observation id, which tells the
        receiver that it is the same observation.

        burst    makes the burst of an attempt
        returns  the best receipt there was: ACCEPTED, DEGRADED, REFUSED, or FAILED where a relay could not get through
        raises   DeliveryError when the receiver never answered
        """
        settings = self._settings
        deadline = time.monotonic() + settings.deadline_s
        answered: pb.Receipt | None = None
        degraded = sent = 0
        reason = "no time"
        for attempt in range(settings.retries + 1):
            if attempt and not _pause(settings.backoff_s, attempt, deadline):
                break
            sent += 1
            try:
                receipt = self._exchange(burst(attempt), min(settings.attempt_s, deadline - time.monotonic()))
            except grpc.RpcError as error:
                reason = _reason(error)
                if error.code() not in _PASSING:
                    break
                continue
            except DeliveryError:
                if answered is None:
                    raise
                break
            answered = _better(answered, receipt)
            degraded += receipt.status == pb.STATUS_DEGRADED
            if _final(receipt) or degraded > settings.degraded_retries:
                break
        if answered is None:
            attempts = "1 attempt" if sent == 1 else f"{sent} attempts"
            raise DeliveryError(
                f"no answer from the receiver at {settings.receiver} to {attempts} ({reason}); "
                "check that it runs, that EDGE_TX_RECEIVER is its gRPC address, and that the network lets it through"
            )
        if answered.status not in _DURABLE and sent > 1:
            answered.message += f" (sent {sent} times)"
        return answered

    def _exchange(self, burst: pb.Burst, timeout_s: float) -> pb.Receipt:
        call = self._stub.Deliver(iter([burst]), timeout=max(timeout_s, 0.001))
        receipt: pb.Receipt | None = next(call, None)
        call.cancel()
        if receipt is None:
            raise DeliveryError(f"the receiver at {self._settings.receiver} closed the call without a receipt")
        if receipt.observation_id != burst.observation_id:
            raise DeliveryError(
                f"the receiver at {self._settings.receiver} answered observation {burst.observation_id!r} "
                f"with the receipt of {receipt.observation_id!r}"
            )
        return receipt


def _final(receipt: pb.Receipt) -> bool:
    if receipt.status == pb.STATUS_DEGRADED:
        return False
    return receipt.status == pb.STATUS_ACCEPTED or not receipt.retryable


def _better(old: pb.Receipt | None, new: pb.Receipt) -> pb.Receipt:
    """The one that tells more of what the receiver now holds: a later refusal does not undo a durable map.

    Nor does a burst that lost as much as the one before, whose receipt says only that the map was there.
    """
    if old is None or old.status not in _DURABLE:
        return new
    brought_nothing = new.status not in _DURABLE or (new.already_held and new.status == old.status)
    return old if brought_nothing else new


def _pause(backoff_s: float, attempt: int, deadline: float) -> bool:
    """Wait before a retry, twice as long each time, with jitter so that many edges do not return at once.

    returns  False when the deadline comes first
    """
    pause_s = min(backoff_s * 2 ** (attempt - 1), MAX_BACKOFF_S) * random.uniform(0.5, 1.5)
    if time.monotonic() + pause_s >= deadline:
        return False
    time.sleep(pause_s)
    return True


def _reason(error: grpc.RpcError) -> str:
    return f"{error.code().name.lower().replace('_', ' ')}: {error.details()}"
