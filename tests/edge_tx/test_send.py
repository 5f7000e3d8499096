"""A delivery outlives what passes, gives up on what does not, and says which it was."""

import socket
import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from edge_tx.send import Sender
from edge_tx.settings import EdgeSettings
from radiosem.errors import DeliveryError
from radiosem_proto.v1 import radiosem_pb2 as pb


def burst(attempt: int) -> pb.Burst:
    return pb.Burst(observation_id="a", symbols=bytes(8 * attempt + 8), link="qpsk-1/2")


@pytest.fixture
def send(settings: EdgeSettings) -> Iterator[Callable[..., pb.Receipt]]:
    """Deliver the burst under settings that may be changed."""
    senders = []

    def deliver(**changes: object) -> pb.Receipt:
        senders.append(Sender(settings.model_copy(update=changes)))
        return senders[-1].deliver(burst)

    yield deliver
    for sender in senders:
        sender.close()


def test_accepted_burst_is_sent_once(receiver, send) -> None:
    assert send().status == pb.STATUS_ACCEPTED
    assert len(receiver.bursts) == 1


@pytest.mark.parametrize(
    "code",
    [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED],
)
def test_passing_failure_is_retried_with_new_noise_under_the_same_id(receiver, send, script, code) -> None:
    receiver.script = [script.failure(code), script.failure(code), script.receipt(pb.STATUS_ACCEPTED)]
    assert send().status == pb.STATUS_ACCEPTED
    assert [len(sent.symbols) for sent in receiver.bursts] == [8, 16, 24]
    assert {sent.observation_id for sent in receiver.bursts} == {"a"}


def test_lasting_failure_is_not_retried(receiver, send, script) -> None:
    receiver.script = [script.failure(grpc.StatusCode.UNIMPLEMENTED)]
    with pytest.raises(DeliveryError, match=r"to 1 attempt \(unimplemented"):
        send()
    assert len(receiver.bursts) == 1


def test_silent_receiver_is_given_up_with_a_count_and_what_to_check(receiver, send, script) -> None:
    receiver.script = [script.failure(grpc.StatusCode.UNAVAILABLE)]
    with pytest.raises(DeliveryError, match=r"4 attempts \(unavailable: .*check that it runs.*EDGE_TX_RECEIVER"):
        send()
    assert len(receiver.bursts) == 4


def test_receiver_that_is_down_is_tried_again_and_then_named(settings: EdgeSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    sender = Sender(settings.model_copy(update={"receiver": address, "retries": 2}))
    with pytest.raises(DeliveryError, match=f"no answer from the receiver at {address} to 3 attempts"):
        sender.deliver(burst)
    sender.close()


def test_attempt_that_hangs_is_cut_short_and_repeated(receiver, send, script) -> None:
    def hang(sent: pb.Burst, context: grpc.ServicerContext) -> pb.Receipt:
        while context.is_active():
            time.sleep(0.01)
        return pb.Receipt(observation_id=sent.observation_id)

    receiver.script = [hang, script.receipt(pb.STATUS_ACCEPTED)]
    assert send(attempt_s=1, retries=10).status == pb.STATUS_ACCEPTED


def test_deadline_ends_the_retries(receiver, send, script) -> None:
    receiver.script = [script.failure(grpc.StatusCode.UNAVAILABLE)]
    with pytest.raises(DeliveryError):
        send(deadline_s=0.5, retries=100, backoff_s=0.1)
    assert len(receiver.bursts) < 20


def test_refusal_that_may_pass_is_retried(receiver, send, script) -> None:
    receiver.script = [script.receipt(pb.STATUS_REFUSED, "busy", True), script.receipt(pb.STATUS_ACCEPTED)]
    assert send().status == pb.STATUS_ACCEPTED
    assert len(receiver.bursts) == 2


def test_refusal_that_stays_is_returned_with_its_count(receiver, send, script) -> None:
    receiver.script = [script.receipt(pb.STATUS_REFUSED, "path loss lost", True)]
    receipt = send()
    assert receipt.status == pb.STATUS_REFUSED
    assert receipt.message == "path loss lost (sent 4 times)"


def test_final_refusal_is_returned_at_once(receiver, send, script) -> None:
    receiver.script = [script.receipt(pb.STATUS_REFUSED, "unknown codec 'x'")]
    assert send().message == "unknown codec 'x'"
    assert len(receiver.bursts) == 1


def test_lost_mask_is_sent_once_more(receiver, send, script) -> None:
    receiver.script = [script.receipt(pb.STATUS_DEGRADED), script.receipt(pb.STATUS_ACCEPTED)]
    assert send().status == pb.STATUS_ACCEPTED


@pytest.mark.parametrize("more", [0, 1, 2])
def test_mask_that_stays_lost_is_sent_as_often_as_set(receiver, send, script, more: int) -> None:
    receiver.script = [script.receipt(pb.STATUS_DEGRADED)]
    assert send(degraded_retries=more).status == pb.STATUS_DEGRADED
    assert len(receiver.bursts) == 1 + more


def test_a_resend_that_brought_nothing_leaves_the_receipt_that_tells_how_it_went(receiver, send) -> None:
    answers = iter((False, True))
    receiver.script = [
        lambda sent, context: pb.Receipt(
            observation_id="a", status=pb.STATUS_DEGRADED, map_id="1", already_held=next(answers)
        )
    ]
    assert not send(degraded_retries=1).already_held
    assert len(receiver.bursts) == 2


@pytest.mark.parametrize("then", ["refused", "silent", "unimplemented", "no receipt"])
def test_map_that_is_durable_without_mask_is_not_forgotten_when_the_resend_fails(receiver, send, script, then) -> None:
    resent = {
        "refused": script.receipt(pb.STATUS_REFUSED, "noise", True),
        "silent": script.failure(grpc.StatusCode.UNAVAILABLE),
        "unimplemented": script.failure(grpc.StatusCode.UNIMPLEMENTED),
        "no receipt": lambda sent, context: None,
    }
    receiver.script = [script.receipt(pb.STATUS_DEGRADED), resent[then]]
    assert send().status == pb.STATUS_DEGRADED


def test_receipt_of_another_observation_is_an_error(receiver, send) -> None:
    receiver.script = [lambda sent, context: pb.Receipt(observation_id="b", status=pb.STATUS_ACCEPTED)]
    with pytest.raises(DeliveryError, match="'a' with the receipt of 'b'"):
        send()


def test_call_closed_without_receipt_is_an_error(receiver, send) -> None:
    receiver.script = [lambda sent, context: None]
    with pytest.raises(DeliveryError, match="without a receipt"):
        send()
