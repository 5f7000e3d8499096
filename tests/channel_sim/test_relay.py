"""The relay over loopback: noise added on the way, receipts handed back, failures told."""

import math
import threading
from concurrent import futures

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import ValidationError

from channel_sim.air import Air
from channel_sim.digital import MAX_SYMBOLS
from channel_sim.link import make_link
from channel_sim.relay import RelaySettings, create_relay
from channel_sim.wire import GRPC_OPTIONS, symbols_from_bytes
from radiosem.errors import InputError
from radiosem_proto.v1 import radiosem_pb2_grpc
from radiosem_proto.v1.radiosem_pb2 import STATUS_ACCEPTED, STATUS_FAILED, STATUS_REFUSED, Burst, Receipt


class Receiver(radiosem_pb2_grpc.ReceiverServicer):
    """Keeps what arrives, and treats observations by name: "mute", "slow", "forbidden"."""

    def __init__(self):
        self.bursts = []
        self.arrived, self.abandoned = threading.Event(), threading.Event()

    def Deliver(self, request_iterator, context):  # noqa: N802
        for burst in request_iterator:
            self.bursts.append(burst)
            if burst.observation_id == "slow":
                context.add_callback(self.abandoned.set)
                self.arrived.set()
                self.abandoned.wait(20)
            if burst.observation_id == "forbidden":
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
            if burst.observation_id != "mute":
                yield Receipt(observation_id=burst.observation_id, status=STATUS_ACCEPTED, map_id="m1")


@pytest.fixture
def receiver():
    servicer = Receiver()
    server = grpc.server(futures.ThreadPoolExecutor(4), options=GRPC_OPTIONS)
    radiosem_pb2_grpc.add_ReceiverServicer_to_server(servicer, server)
    servicer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer
    server.stop(None).wait()


@pytest.fixture
def start_relay():
    running = []

    def start(upstream, **settings):
        relay = create_relay(RelaySettings(port=0, upstream=upstream, **settings))
        relay.start()
        channel = grpc.insecure_channel(f"127.0.0.1:{relay.port}", options=GRPC_OPTIONS)
        running.append((relay, channel))
        return channel

    yield start
    for relay, channel in running:
        channel.close()
        relay.stop(grace_s=0.0)


def deliver(channel, *bursts):
    return list(radiosem_pb2_grpc.ReceiverStub(channel).Deliver(iter(bursts), timeout=20))


def test_clean_bursts_arrive_noisy_and_still_decode(receiver, start_relay, frame):
    channel = start_relay(receiver.address, es_n0_db=6.0)
    sent = Air(math.inf).send(frame, "one")
    (receipt,) = deliver(channel, sent)
    assert (receipt.observation_id, receipt.status, receipt.map_id) == ("one", STATUS_ACCEPTED, "m1")
    (burst,) = receiver.bursts
    assert (burst.observation_id, burst.link) == ("one", "qpsk-1/2")
    assert burst.es_n0_db == pytest.approx(6.0)
    noise = symbols_from_bytes(burst.symbols) - symbols_from_bytes(sent.symbols)
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(10**-0.6, rel=0.1)
    assert make_link(burst.link).decode(symbols_from_bytes(burst.symbols), burst.es_n0_db).weak == frame.weak


def test_noise_adds_to_the_noise_that_is_there(receiver, start_relay, frame):
    deliver(start_relay(receiver.address, es_n0_db=10.0), Air(10.0).send(frame, "one", 1))
    assert receiver.bursts[0].es_n0_db == pytest.approx(10 - 10 * math.log10(2))


def test_receipts_come_in_the_order_of_the_bursts(receiver, start_relay, frame):
    bursts = [Air(math.inf).send(frame, f"o{index}") for index in range(5)]
    receipts = deliver(start_relay(receiver.address), *bursts)
    assert [receipt.observation_id for receipt in receipts] == [f"o{index}" for index in range(5)]


def test_a_resent_burst_meets_other_noise_even_with_a_seed(receiver, start_relay, frame):
    burst = Air(math.inf).send(frame, "one")
    deliver(start_relay(receiver.address, noise_seed=4), burst, burst)
    deliver(start_relay(receiver.address, noise_seed=4), burst)
    first, second, again = (burst.symbols for burst in receiver.bursts)
    assert first != second
    assert first == again


@pytest.mark.parametrize(
    ("burst", "says"),
    [
        (Burst(observation_id="bad", symbols=b"1234567", es_n0_db=10), "a symbol takes 8"),
        (Burst(observation_id="bad", symbols=bytes(8), es_n0_db=math.nan), "es_n0_db is nan"),
        (Burst(observation_id="bad", symbols=bytes(8 * MAX_SYMBOLS + 8), es_n0_db=10), "it may have 32000000"),
    ],
    ids=["odd", "nan", "huge"],
)
def test_an_unusable_burst_is_refused_and_the_stream_goes_on(receiver, start_relay, frame, burst, says):
    refused, accepted = deliver(start_relay(receiver.address), burst, Air(10.0).send(frame, "good", 1))
    assert (refused.observation_id, refused.status, refused.retryable) == ("bad", STATUS_REFUSED, False)
    assert says in refused.message
    assert accepted.status == STATUS_ACCEPTED
    assert [burst.observation_id for burst in receiver.bursts] == ["good"]


@pytest.mark.filterwarnings("error")
def test_hostile_symbols_are_handed_on_for_the_receiver_to_judge(receiver, start_relay):
    symbols = np.array([np.nan, np.inf, 3e38 + 3e38j], np.complex64).tobytes()
    (receipt,) = deliver(start_relay(receiver.address), Burst(observation_id="h", symbols=symbols, es_n0_db=10))
    assert receipt.status == STATUS_ACCEPTED
    assert len(receiver.bursts[0].symbols) == len(symbols)


def test_a_receiver_that_is_down_gives_a_receipt_that_says_so(start_relay, frame):
    (receipt,) = deliver(start_relay("127.0.0.1:1"), Air(10.0).send(frame, "one", 1))
    assert (receipt.observation_id, receipt.status, receipt.retryable) == ("one", STATUS_FAILED, True)
    assert "127.0.0.1:1" in receipt.message


def test_a_receiver_that_closes_without_a_receipt_is_reported(receiver, start_relay, frame):
    (receipt,) = deliver(start_relay(receiver.address), Air(10.0).send(frame, "mute", 1))
    assert (receipt.status, receipt.retryable) == (STATUS_FAILED, True)
    assert "without a receipt" in receipt.message


def test_a_sender_that_hangs_up_takes_its_call_to_the_receiver_with_it(receiver, start_relay, frame):
    call = radiosem_pb2_grpc.ReceiverStub(start_relay(receiver.address)).Deliver(
        iter([Air(10.0).send(frame, "slow", 1)]), timeout=20
    )
    assert receiver.arrived.wait(10)
    call.cancel()
    assert receiver.abandoned.wait(10)


def test_a_refused_call_is_final(receiver, start_relay, frame):
    (receipt,) = deliver(start_relay(receiver.address), Air(10.0).send(frame, "forbidden", 1))
    assert (receipt.status, receipt.retryable) == (STATUS_FAILED, False)


def test_the_relay_reports_its_health(receiver, start_relay):
    stub = health_pb2_grpc.HealthStub(start_relay(receiver.address))
    for service in ("", "radiosem.v1.Receiver"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_busy_relay_refuses_one_stream_more_and_still_says_that_it_is_well(receiver, start_relay, frame):
    channel = start_relay(receiver.address, workers=1)
    stub, finish = radiosem_pb2_grpc.ReceiverStub(channel), threading.Event()

    def slowly():
        yield Air(10.0).send(frame, "one", 1)
        finish.wait(20)

    stream = stub.Deliver(slowly(), timeout=30)
    assert next(stream).status == STATUS_ACCEPTED
    with pytest.raises(grpc.RpcError) as refusal:
        deliver(channel, Air(10.0).send(frame, "two", 1))
    assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "CHANNEL_SIM_WORKERS" in refusal.value.details()
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    finish.set()
    assert list(stream) == []
    assert deliver(channel, Air(10.0).send(frame, "two", 1))[0].status == STATUS_ACCEPTED


def test_a_taken_port_is_told_with_the_setting_that_moves_it(receiver):
    port = int(receiver.address.rpartition(":")[2])
    with pytest.raises(InputError, match=f"127.0.0.1:{port}.*CHANNEL_SIM_PORT"):
        create_relay(RelaySettings(port=port))


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("CHANNEL_SIM_ES_N0_DB", "3.5")
    monkeypatch.setenv("CHANNEL_SIM_UPSTREAM", "receiver:50051")
    settings = RelaySettings()
    assert (settings.es_n0_db, settings.upstream) == (3.5, "receiver:50051")


@pytest.mark.parametrize("bad", [{"es_n0_db": math.nan}, {"port": 70000}, {"upstream": "nowhere"}, {"deadline_s": 0}])
def test_unusable_settings_are_refused(bad):
    with pytest.raises(ValidationError):
        RelaySettings(**bad)
