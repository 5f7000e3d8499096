"""The edge as its callers see it: receipts, clear refusals, health, and a port of its own."""

import threading
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from edge_tx.pipeline import EdgePipeline
from edge_tx.segment import Segmenter
from edge_tx.service import EdgeServer, TransmitterService, create_server
from edge_tx.settings import EdgeSettings
from radiosem.errors import InputError
from radiosem_proto.v1 import radiosem_pb2 as pb
from radiosem_proto.v1 import radiosem_pb2_grpc as pb_grpc


@pytest.fixture
def server(settings: EdgeSettings, segmenter: Segmenter) -> Iterator[EdgeServer]:
    edge = create_server(settings, segmenter)
    edge.start()
    yield edge
    edge.stop(0)


@pytest.fixture
def channel(server: EdgeServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as opened:
        yield opened


@pytest.fixture
def edge(channel: grpc.Channel) -> pb_grpc.TransmitterStub:
    return pb_grpc.TransmitterStub(channel)


def test_observation_is_answered_by_its_receipt(edge, observation: pb.Observation, receiver) -> None:
    receipt = edge.Transmit(observation, timeout=20)
    assert (receipt.observation_id, receipt.status) == ("block-1", pb.STATUS_ACCEPTED)
    assert len(receiver.bursts) == 1


def test_unusable_observation_is_an_invalid_argument_with_the_reason(
    edge, observation: pb.Observation, receiver
) -> None:
    observation.samples.col[0] = 999
    with pytest.raises(grpc.RpcError) as refusal:
        edge.Transmit(observation, timeout=20)
    assert refusal.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "sample 0 at col 999" in refusal.value.details()
    assert receiver.bursts == []


def test_stream_answers_in_order_and_outlives_an_unusable_observation(edge, observation: pb.Observation) -> None:
    observations = [pb.Observation() for _ in range(4)]
    for number, one in enumerate(observations):
        one.CopyFrom(observation)
        one.observation_id = f"o{number}"
    observations[1].image = b"no image"
    receipts = list(edge.TransmitStream(iter(observations), timeout=30))
    assert [receipt.observation_id for receipt in receipts] == ["o0", "o1", "o2", "o3"]
    accepted, refused = pb.STATUS_ACCEPTED, pb.STATUS_REFUSED
    assert [receipt.status for receipt in receipts] == [accepted, refused, accepted, accepted]
    assert "must be a PNG or JPEG" in receipts[1].message


def test_next_observation_is_taken_only_when_the_one_before_has_its_receipt(
    settings: EdgeSettings, segmenter: Segmenter, observation: pb.Observation
) -> None:
    taken = []

    def arriving() -> Iterator[pb.Observation]:
        for number in range(3):
            taken.append(number)
            yield observation

    pipeline = EdgePipeline(settings, segmenter)
    receipts = TransmitterService(pipeline, 1).TransmitStream(arriving(), None)
    for number in range(3):
        next(receipts)
        assert taken == list(range(number + 1))
    pipeline.close()


def test_what_goes_wrong_inside_stays_in_the_log(
    edge, observation: pb.Observation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: object) -> None:
        raise KeyError("a secret path")

    monkeypatch.setattr(EdgePipeline, "transmit", break_down)
    with pytest.raises(grpc.RpcError) as failure:
        edge.Transmit(observation, timeout=20)
    assert failure.value.code() == grpc.StatusCode.INTERNAL
    assert "secret" not in failure.value.details()
    assert "a secret path" in caplog.text


def test_missing_weights_of_a_codec_are_told(edge, observation: pb.Observation, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    observation.codec = "vqvae"
    with pytest.raises(grpc.RpcError) as refusal:
        edge.Transmit(observation, timeout=20)
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "MANIFEST.toml" in refusal.value.details()


def test_busy_edge_refuses_one_call_more_and_still_says_that_it_is_well(
    settings: EdgeSettings, segmenter: Segmenter, observation: pb.Observation
) -> None:
    busy = create_server(settings.model_copy(update={"workers": 1}), segmenter)
    busy.start()
    finish = threading.Event()

    def slowly() -> Iterator[pb.Observation]:
        yield observation
        finish.wait(20)

    with grpc.insecure_channel(f"127.0.0.1:{busy.port}") as channel:
        edge = pb_grpc.TransmitterStub(channel)
        stream = edge.TransmitStream(slowly(), timeout=30)
        assert next(stream).status == pb.STATUS_ACCEPTED
        with pytest.raises(grpc.RpcError) as refusal:
            edge.Transmit(observation, timeout=20)
        assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "EDGE_TX_WORKERS" in refusal.value.details()
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        finish.set()
        assert list(stream) == []
        assert edge.Transmit(observation, timeout=20).status == pb.STATUS_ACCEPTED
    busy.stop(0)


def test_a_stream_that_brings_nothing_gives_its_place_to_another(
    settings: EdgeSettings, segmenter: Segmenter, observation: pb.Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channel_sim.places.IDLE_S", 0.3)
    quiet = create_server(settings.model_copy(update={"workers": 1}), segmenter)
    quiet.start()
    end = threading.Event()

    def nothing() -> Iterator[pb.Observation]:
        end.wait(20)
        yield from ()

    with grpc.insecure_channel(f"127.0.0.1:{quiet.port}") as channel:
        edge = pb_grpc.TransmitterStub(channel)
        with pytest.raises(grpc.RpcError) as ended:
            list(edge.TransmitStream(nothing(), timeout=20))
        assert ended.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "no observation came for 0.3 s" in ended.value.details()
        assert edge.Transmit(observation, timeout=20).status == pb.STATUS_ACCEPTED
    end.set()
    quiet.stop(0)


def test_a_message_far_beyond_any_observation_is_not_parsed(edge, observation: pb.Observation) -> None:
    observation.samples.transmitter.extend([0] * 30_000_000)
    with pytest.raises(grpc.RpcError) as refusal:
        edge.Transmit(observation, timeout=20)
    assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in refusal.value.details()


@pytest.mark.parametrize("service", ["", "radiosem.v1.Transmitter"])
def test_health_says_serving(channel: grpc.Channel, service: str) -> None:
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_the_service(channel: grpc.Channel) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=10)
    assert "radiosem.v1.Transmitter" in [service.name for service in answer.list_services_response.service]


def test_taken_port_is_refused_by_name(server: EdgeServer, settings: EdgeSettings, segmenter: Segmenter) -> None:
    with pytest.raises(InputError, match=rf"cannot listen on 127\.0\.0\.1:{server.port}: the port is taken"):
        create_server(settings.model_copy(update={"port": server.port}), segmenter)


def test_stopped_server_frees_its_port(settings: EdgeSettings, segmenter: Segmenter) -> None:
    first = create_server(settings, segmenter)
    first.start()
    first.stop(0)
    first.wait()
    create_server(settings.model_copy(update={"port": first.port}), segmenter).stop(0)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_TX_RECEIVER", "far.example:50051")
    monkeypatch.setenv("EDGE_TX_ES_N0_DB", "4.5")
    settings = EdgeSettings()
    assert (settings.receiver, settings.es_n0_db) == ("far.example:50051", 4.5)
