"""A whole receiver on loopback: real gRPC in, real HTTP out, an orderly start and end."""

import io
import json
import os
import shutil
import signal
import socket
import threading

import grpc
import httpx
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from radiosem.errors import InputError, StoreError, WeightsError
from radiosem.weights import folder as weights_folder
from radiosem_proto.v1.radiosem_pb2 import Burst, Status
from radiosem_proto.v1.radiosem_pb2_grpc import ReceiverStub
from server_rx.__main__ import main
from server_rx.app import SERVICE, create_server
from server_rx.networks import load_networks
from server_rx.settings import ServerSettings


def settings(folder, **more):
    return ServerSettings(**{"grpc_port": 0, "http_port": 0, "data_dir": folder, **more})


@pytest.fixture(scope="module")
def receiver(tmp_path_factory, networks):
    """A running receiver."""
    server = create_server(settings(tmp_path_factory.mktemp("receiver") / "data"), lambda threads: networks)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def channel(receiver):
    with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc_port}") as opened:
        yield opened


@pytest.fixture(scope="module")
def deliver(channel):
    return lambda *bursts: list(ReceiverStub(channel).Deliver(iter(bursts), timeout=60))


@pytest.fixture(scope="module")
def http(receiver):
    with httpx.Client(base_url=f"http://127.0.0.1:{receiver.http_port}", timeout=60) as client:
        yield client


def test_symbols_go_in_by_grpc_and_the_map_comes_out_by_http(deliver, http, send, record):
    (receipt,) = deliver(send("end-to-end"))
    assert receipt.status == Status.STATUS_ACCEPTED
    served = np.load(io.BytesIO(http.get(f"/v1/maps/{receipt.map_id}/map.npy").content))
    assert np.array_equal(served, record.map_dbm, equal_nan=True)
    body = http.get(f"/v1/maps/{receipt.map_id}").json()
    assert body["observation_id"] == receipt.observation_id == "end-to-end"
    assert body["channel_uses"] == receipt.channel_uses
    by_network = http.get(
        f"/v1/maps/{receipt.map_id}/outage.npy", params={"method": "classifier", "threshold_dbm": -80}
    )
    by_threshold = http.get(f"/v1/maps/{receipt.map_id}/outage.npy", params={"threshold_dbm": -80})
    assert by_network.content == by_threshold.content  # this classifier compares


def test_every_burst_of_a_stream_is_answered_in_order(deliver, send, send_without_mask, send_without_laws):
    receipts = deliver(
        send("stream-1"),
        Burst(observation_id="not / a name"),
        send_without_mask("stream-3"),
        send_without_laws("stream-4"),
        send("stream-1"),
    )
    assert [receipt.observation_id for receipt in receipts] == [
        *("stream-1", "not / a name", "stream-3", "stream-4", "stream-1")
    ]
    assert [Status.Name(receipt.status)[7:] for receipt in receipts] == [
        *("ACCEPTED", "REFUSED", "DEGRADED", "REFUSED", "ACCEPTED")
    ]
    assert [receipt.retryable for receipt in receipts] == [False, False, False, True, False]
    assert receipts[0].map_id == receipts[4].map_id
    assert "observation_id" in receipts[1].message


def test_a_stream_longer_than_what_is_read_ahead_is_answered_to_its_end(deliver):
    receipts = deliver(*(Burst(observation_id=f"empty-{number}", link="qpsk-1/2") for number in range(40)))
    assert [receipt.observation_id for receipt in receipts] == [f"empty-{number}" for number in range(40)]
    assert {receipt.message[:7] for receipt in receipts} == {"symbols"}


def test_a_sender_may_wait_for_each_receipt_before_it_sends_on(channel, send):
    step = threading.Semaphore(0)

    def bursts():
        for number in range(2):
            yield send(f"step-{number}")
            step.acquire(timeout=60)

    answered = []
    for receipt in ReceiverStub(channel).Deliver(bursts(), timeout=60):
        answered.append(receipt.observation_id)
        step.release()
    assert answered == ["step-0", "step-1"]


def test_a_sender_that_goes_away_leaves_the_receiver_well(channel, deliver, send):
    call = ReceiverStub(channel).Deliver(iter([send("gone-1"), send("gone-2")]), timeout=60)
    call.cancel()
    assert deliver(send("after"))[0].status == Status.STATUS_ACCEPTED


def test_health_and_reflection_answer(channel):
    check = health_pb2_grpc.HealthStub(channel).Check
    assert check(health_pb2.HealthCheckRequest(service=SERVICE)).status == health_pb2.HealthCheckResponse.SERVING
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([request]))
    assert SERVICE in [service.name for service in answer.list_services_response.service]


def test_ready_and_counting(deliver, http, send):
    deliver(send("counted"))
    assert http.get("/readyz").json() == {"ready": True, "reason": ""}
    assert 'radiosem_bursts_total{status="accepted"}' in http.get("/metrics").text


def test_a_receiver_whose_worker_has_ended_is_not_ready(tmp_path, networks):
    server = create_server(settings(tmp_path / "data"), lambda threads: networks)
    server.start()
    try:
        server._worker.close()
        response = httpx.get(f"http://127.0.0.1:{server.http_port}/readyz", timeout=60)
        assert response.status_code == 503
        assert "worker has ended" in response.json()["reason"]
    finally:
        server.stop()


def next_event(lines):
    event = {}
    for line in lines:
        if not line and "data" in event:
            return event
        name, _, value = line.partition(": ")
        event[name] = value
    raise AssertionError("the stream of events ended")


def test_a_new_map_is_told_to_who_follows_and_to_who_comes_back(deliver, http, send):
    with http.stream("GET", "/v1/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        first_id = deliver(send("event-1"))[0].map_id
        first = next_event(lines)
    assert first["event"] == "map"
    assert json.loads(first["data"]) == http.get(f"/v1/maps/{first_id}").json()
    second_id = deliver(send("event-2"))[0].map_id
    with http.stream("GET", "/v1/events", headers={"Last-Event-ID": first["id"]}) as stream:
        second = next_event(stream.iter_lines())
    assert json.loads(second["data"])["map_id"] == second_id
    assert int(second["id"]) > int(first["id"])


def test_stopping_ends_event_streams_and_answers_what_is_queued(tmp_path, networks, send):
    server = create_server(settings(tmp_path / "data"), lambda threads: networks)
    server.start()
    receipts, ended = [], threading.Event()
    with (
        httpx.stream("GET", f"http://127.0.0.1:{server.http_port}/v1/events", timeout=60) as stream,
        grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
    ):
        lines = stream.iter_lines()
        next(lines)
        call = ReceiverStub(channel).Deliver(iter([send(f"queued-{number}") for number in range(3)]), timeout=60)
        receipts.append(next(call))
        stopper = threading.Thread(target=lambda: (server.stop(), ended.set()))
        stopper.start()
        receipts.extend(call)
        assert len(receipts) == 3
        assert {receipt.status for receipt in receipts} <= {Status.STATUS_ACCEPTED, Status.STATUS_REFUSED}
        assert all(receipt.retryable for receipt in receipts if receipt.status == Status.STATUS_REFUSED)
        assert any(True for _ in lines)  # the rest of the stream, which has an end
        stopper.join(60)
    assert ended.is_set()
    server.stop()  # again, at once
    server.wait()


@pytest.fixture
def busy(tmp_path, networks, send, monkeypatch):
    """A receiver with room for one stream, which stays open until it is released: stub, stream, release."""
    monkeypatch.setattr("server_rx.service.MAX_STREAMS", 1)
    server = create_server(settings(tmp_path / "data"), lambda threads: networks)
    server.start()
    release = threading.Event()

    def bursts():
        yield send("first")
        release.wait(60)

    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = ReceiverStub(channel)
        held = stub.Deliver(bursts(), timeout=60)
        assert next(held).status == Status.STATUS_ACCEPTED
        yield stub, held, release
        release.set()
    server.stop()


def test_more_streams_than_there_is_room_for_are_put_off(busy, send):
    stub, held, release = busy
    with pytest.raises(grpc.RpcError) as error:
        next(stub.Deliver(iter([send("second")]), timeout=60))
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    release.set()
    assert list(held) == []
    assert next(stub.Deliver(iter([send("second")]), timeout=60)).status == Status.STATUS_ACCEPTED


def test_an_idle_stream_gives_its_place_to_another(monkeypatch, request, send):
    monkeypatch.setattr("server_rx.service.IDLE_S", 0.5)
    stub, held, _ = request.getfixturevalue("busy")
    with pytest.raises(grpc.RpcError, match="open a new stream"):
        next(held)
    assert next(stub.Deliver(iter([send("second")]), timeout=60)).status == Status.STATUS_ACCEPTED


def test_a_port_that_is_taken_is_named_with_its_setting(tmp_path, networks):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for kind in ("grpc", "http"):
            with pytest.raises(InputError) as error:
                create_server(settings(tmp_path / kind, **{f"{kind}_port": port}), lambda threads: networks)
            assert str(port) in str(error.value)
            assert f"SERVER_RX_{kind.upper()}_PORT" in str(error.value)


def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path, networks):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="SERVER_RX_DATA_DIR"):
        create_server(settings(tmp_path / "file" / "data"), lambda threads: networks)


def test_altered_weights_stop_the_start_and_everything_begun(tmp_path):
    def altered(threads):
        assert httpx.get(f"http://127.0.0.1:{server.http_port}/readyz", timeout=60).status_code == 503
        raise WeightsError("weights file generator.onnx was altered")

    server = create_server(settings(tmp_path / "data"), altered)
    with pytest.raises(WeightsError, match="altered"):
        server.start()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{server.http_port}/healthz")


def test_a_weights_file_that_differs_from_the_manifest_is_named(tmp_path, monkeypatch):
    digest, size = "0" * 64, 7
    (tmp_path / "generator.onnx").write_bytes(b"altered")
    (tmp_path / "MANIFEST.toml").write_text(
        f'[[weights]]\nname = "generator"\nfile = "generator.onnx"\nsha256 = "{digest}"\nbytes = {size}\n'
        'licence = "MIT"\nrecipe = "generator"\ndata = "none"\n'
    )
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    server = create_server(settings(tmp_path / "data"))
    with pytest.raises(WeightsError, match=r"generator\.onnx was altered"):
        server.start()


@pytest.mark.parametrize("name", ["generator", "outage", "jscc-decoder"])
def test_one_flipped_byte_in_the_weights_stops_the_start(tmp_path, monkeypatch, name):
    weights = tmp_path / "weights"
    shutil.copytree(weights_folder(), weights)
    path = weights / f"{name}.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(weights))
    with pytest.raises(WeightsError, match=rf"{name}\.onnx was altered"):
        create_server(settings(tmp_path / "data")).start()


@pytest.mark.parametrize(
    ("name", "meta", "text"),
    [
        ("generator", 'scale = "radiomapseer"', "generator was trained with scale radiomapseer"),
        ("generator", 'channels = ["buildings"]', r"trained with channels \['buildings'\]; this receiver has"),
        ("outage", 'scale = "radiomapseer"', "outage was trained with scale"),
    ],
)
def test_a_network_trained_on_other_inputs_stops_the_start(tmp_path, monkeypatch, name, meta, text):
    (tmp_path / "MANIFEST.toml").write_text(
        f'[[weights]]\nname = "{name}"\nfile = "{name}.onnx"\nsha256 = "{"0" * 64}"\nbytes = 7\n'
        f'licence = "MIT"\nrecipe = "none"\ndata = "none"\n[weights.meta]\n{meta}\n'
    )
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=text):
        load_networks()


def test_sigterm_ends_a_process_in_order(tmp_path, networks, monkeypatch):
    server = create_server(settings(tmp_path / "data"), lambda threads: networks)
    server.start()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        server.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{server.http_port}/healthz")


def test_a_process_that_cannot_start_says_why_in_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SERVER_RX_DATA_DIR", str(tmp_path / "file" / "data"))
    assert main() == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: the data folder")
    assert complaint.count("\n") == 1


def test_settings_that_make_no_sense_are_told_by_their_variable(monkeypatch, capsys):
    monkeypatch.setenv("SERVER_RX_HTTP_PORT", "99999")
    assert main() == 1
    assert "SERVER_RX_HTTP_PORT" in capsys.readouterr().err
