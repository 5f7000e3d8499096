"""The worker: everything is answered, nothing is acknowledged that is not durable, and the queue has an end."""

import dataclasses
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from channel_sim.air import Air
from radiosem.codecs import make_codec, receiver_codecs
from radiosem.errors import StoreError
from radiosem.frame import Frame, pack, seal
from radiosem.types import Readings
from radiosem_proto.v1.radiosem_pb2 import Status
from server_rx.errors import BusyError
from server_rx.metrics import Metrics
from server_rx.pipeline import Pipeline
from server_rx.worker import Worker
from tests.server_rx.conftest import FIRST, SECOND, block, semantics


@pytest.fixture
def make_worker(pipeline, store):
    made = []

    def make(queue_size=8, max_batch=4, **more):
        made.append(Worker(more.pop("pipeline", pipeline), store, Metrics(), queue_size, max_batch, **more))
        return made[-1]

    yield make
    for worker in made:
        worker.close()


def test_a_map_is_in_the_store_when_its_receipt_comes(make_worker, store, send):
    told = []
    worker = make_worker(on_stored=lambda: told.append(store.last_sequence()))
    worker.start()
    receipt = worker.submit(send()).result(30)
    assert receipt.status == Status.STATUS_ACCEPTED
    assert store.get(receipt.map_id).observation_id == "block-1"
    assert receipt.payload_bits > 0
    assert set(receipt.stage_ms) == {"queue", "decode", "unframe", "features", "generate", "mend", "outage", "store"}
    assert told == [1]


def test_a_resent_observation_gets_the_same_map_without_being_worked_on_again(make_worker, generator, send):
    worker = make_worker()
    worker.start()
    first = worker.submit(send()).result(30)
    again = worker.submit(send(seed=1)).result(30)
    assert (again.map_id, again.status, again.payload_bits) == (first.map_id, first.status, first.payload_bits)
    assert (first.already_held, again.already_held, again.message) == (False, True, "")
    assert len(generator.shapes) == 1


def test_twins_in_one_batch_become_one_map(make_worker, store, send):
    worker = make_worker()
    futures = [worker.submit(send()) for _ in range(3)]
    worker.start()
    assert len({future.result(30).map_id for future in futures}) == 1
    assert len(store.newest(10)) == 1


@pytest.mark.parametrize("held", ["jpeg", "vqvae"])
def test_a_codec_that_the_receiver_does_not_hold_is_told_to_the_sender(
    make_worker, generator, store, codec, send, held
):
    other = make_codec(held)
    worker = make_worker(pipeline=Pipeline(generator, {other.codec_id: other}))
    worker.start()
    receipt = worker.submit(send()).result(30)
    assert receipt.status == Status.STATUS_REFUSED
    assert not receipt.retryable
    assert f"frame names codec {codec.codec_id.hex()}" in receipt.message
    assert f"it holds {held} {other.codec_id.hex()}" in receipt.message
    assert not store.newest(10)


def test_a_degraded_map_is_kept_and_completed_by_a_resend(make_worker, store, send, send_without_mask):
    worker = make_worker()
    worker.start()
    poor = worker.submit(send_without_mask()).result(30)
    assert poor.status == Status.STATUS_DEGRADED
    assert "path-loss map" in poor.message
    full = worker.submit(send()).result(30)
    assert full.status == Status.STATUS_ACCEPTED
    assert full.map_id == poor.map_id
    assert worker.submit(send_without_mask()).result(30).status == Status.STATUS_ACCEPTED
    assert not store.get(full.map_id).degraded


@pytest.mark.parametrize("first", ["send", "send_without_mask"])
def test_an_id_used_for_another_observation_is_refused(make_worker, store, first, request, send):
    worker = make_worker()
    worker.start()
    held = worker.submit(request.getfixturevalue(first)()).result(30)
    other = worker.submit(send(causes=semantics(SECOND))).result(30)
    assert (other.status, other.retryable, other.map_id) == (Status.STATUS_REFUSED, False, "")
    assert f"another observation is held as map {held.map_id}" in other.message
    assert store.get(held.map_id).causes["transmitters"][0]["col"] == FIRST.col


def _other_mask() -> NDArray[np.bool_]:
    """As many cells as `block`, elsewhere."""
    return np.roll(block(), 3, axis=1)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("mask_codec", ["context", "bitmap"])
@pytest.mark.parametrize("changed", [{"cars": block()}, {"buildings": _other_mask()}])
def test_another_frame_under_the_id_of_a_complete_map_is_told_not_to_be_stored(
    make_worker, pipeline, store, changed, mask_codec, together
):
    codec = make_codec(mask_codec)
    pipeline = Pipeline(pipeline.generator, receiver_codecs())
    worker = make_worker(pipeline=pipeline)
    bursts = [
        Air(10.0).send(pack(causes, codec), "block-1", 0)
        for causes in (semantics(), dataclasses.replace(semantics(), **changed))
    ]
    if not together:
        worker.start()
        worker.submit(bursts[0]).result(30)
    futures = [worker.submit(burst) for burst in bursts]
    if together:
        worker.start()
    same, other = (future.result(30) for future in futures)
    assert (same.message, same.already_held) == ("", not together)
    assert (other.status, other.retryable, other.map_id) == (Status.STATUS_REFUSED, False, "")
    assert f"map {same.map_id} is held already" in other.message
    assert "another mask, cars, codec or readings, and was not stored" in other.message
    assert not store.get(same.map_id).causes["has_cars"]


def test_what_noise_did_to_an_analogue_mask_is_no_other_frame(make_worker, pipeline):
    worker = make_worker(pipeline=Pipeline(pipeline.generator, receiver_codecs()))
    worker.start()
    frame = pack(semantics(), make_codec("bitmap"))
    answers = [worker.submit(Air(5.0, "jscc").send(frame, "block-1", seed)).result(30) for seed in (0, 1)]
    assert [(one.status, one.message) for one in answers] == [(Status.STATUS_ACCEPTED, "")] * 2


def test_a_codec_that_is_not_held_is_refused_under_a_taken_id_too(make_worker, pipeline, send):
    worker = make_worker()
    worker.start()
    worker.submit(send()).result(30)
    other = Air(10.0).send(pack(semantics(), make_codec("bitmap")), "block-1", 0)
    answer = worker.submit(other).result(30)
    assert (answer.status, answer.retryable) == (Status.STATUS_REFUSED, False)
    assert "does not hold" in answer.message


def test_lost_readings_are_told_and_come_with_a_resend(make_worker, store, codec, send):
    readings = Readings(*(np.array([0]),) * 3, np.array([-80.0]), np.array([True]))
    causes = dataclasses.replace(semantics(), cars=block(), readings=readings)
    frame = pack(causes, codec)
    cut = Frame(frame.strong, frame.weak[: len(seal(codec.encode(causes.buildings), frame.strong))])
    worker = make_worker()
    worker.start()
    poor = worker.submit(Air(10.0).send(cut, "block-1", 0)).result(30)
    assert (poor.status, poor.message) == (
        Status.STATUS_DEGRADED,
        "cars and readings were lost on the air: the map is one without them",
    )
    full = worker.submit(send(causes=causes)).result(30)
    assert (full.status, full.message, full.map_id) == (Status.STATUS_ACCEPTED, "", poor.map_id)
    assert store.get(full.map_id).causes["has_cars"]


def test_what_waits_together_is_worked_on_together(make_worker, generator, send):
    worker = make_worker(max_batch=3)
    futures = [worker.submit(send(f"block-{number}")) for number in range(4)]
    worker.start()
    assert {future.result(30).status for future in futures} == {Status.STATUS_ACCEPTED}
    assert [shape[0] for shape in generator.shapes] == [3, 1]


def test_a_refused_burst_does_not_hurt_its_neighbours(make_worker, send, send_without_laws):
    worker = make_worker()
    futures = [worker.submit(burst) for burst in (send("good-1"), send_without_laws("bad"), send("good-2"))]
    worker.start()
    receipts = [future.result(30) for future in futures]
    assert [receipt.status for receipt in receipts] == [
        Status.STATUS_ACCEPTED,
        Status.STATUS_REFUSED,
        Status.STATUS_ACCEPTED,
    ]
    assert receipts[1].retryable
    assert "Es/N0 = 10 dB" in receipts[1].message


def test_a_map_that_breaks_the_network_does_not_hurt_its_neighbours(make_worker, pipeline, send, caplog):
    rebuild = pipeline.rebuild

    def spoilt(causes):
        if any(item.burst.observation_id == "poison" for item in causes):
            raise ZeroDivisionError("a secret of the house")
        return rebuild(causes)

    pipeline.rebuild = spoilt
    worker = make_worker()
    futures = [worker.submit(send(name)) for name in ("good-1", "poison", "good-2")]
    worker.start()
    good, bad, fine = (future.result(30) for future in futures)
    assert good.status == fine.status == Status.STATUS_ACCEPTED
    assert bad.status == Status.STATUS_FAILED
    assert "secret" not in bad.message
    log_id = bad.message.rsplit(" ", 1)[-1]
    assert log_id in caplog.text
    assert "a secret of the house" in caplog.text


def test_nothing_is_acknowledged_when_the_store_fails(make_worker, store, send, monkeypatch):
    def fail(record):
        raise StoreError("the disk is full")

    worker = make_worker()
    worker.start()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fail)
        receipt = worker.submit(send()).result(30)
    assert (receipt.status, receipt.retryable, receipt.map_id) == (Status.STATUS_FAILED, True, "")
    assert worker.submit(send()).result(30).status == Status.STATUS_ACCEPTED


def test_a_full_queue_puts_the_sender_off(make_worker, send):
    worker = make_worker(queue_size=1)
    waiting = worker.submit(send("block-1"))
    with pytest.raises(BusyError, match="queue of 1 bursts"):
        worker.submit(send("block-2"))
    worker.start()
    assert waiting.result(30).status == Status.STATUS_ACCEPTED


def test_a_queue_full_of_bursts_shuts_no_reader_out(make_worker, send):
    worker = make_worker(queue_size=1)
    waiting = worker.submit(send("block-1"))
    answers = []
    reader = threading.Thread(target=lambda: answers.append(worker.ask(lambda: 7)))
    reader.start()
    worker.start()
    reader.join(30)
    assert answers == [7]
    assert waiting.result(30).status == Status.STATUS_ACCEPTED


def test_few_large_bursts_fill_the_queue_too(make_worker, send, monkeypatch):
    size = len(send().symbols)
    monkeypatch.setattr("server_rx.worker.MAX_WAITING_BYTES", 2 * size + 1000)
    worker = make_worker(queue_size=64)
    waiting = [worker.submit(send(f"block-{number}")) for number in range(2)]
    with pytest.raises(BusyError, match="is full"):
        worker.submit(send("block-2"))
    worker.start()
    assert {future.result(30).status for future in waiting} == {Status.STATUS_ACCEPTED}
    assert worker.submit(send("block-2"), patience_s=5).result(30).status == Status.STATUS_ACCEPTED


def test_closing_finishes_what_is_queued_and_takes_nothing_more(make_worker, store, send):
    worker = make_worker(max_batch=2)
    futures = [worker.submit(send(f"block-{number}")) for number in range(3)]
    worker.start()
    worker.close()
    assert {future.result(0).status for future in futures} == {Status.STATUS_ACCEPTED}
    assert len(store.newest(10)) == 3
    assert not worker.working
    with pytest.raises(BusyError, match="shutting down"):
        worker.submit(send("late"))


def test_errands_run_on_the_thread_that_owns_the_device(make_worker):
    worker = make_worker()
    worker.start()
    assert worker.ask(lambda: threading.current_thread().name) == "receiver-worker"
    with pytest.raises(KeyError):
        worker.ask(lambda: {}["nothing"])


def test_an_errand_is_given_up_when_the_worker_does_not_get_to_it(make_worker):
    worker = make_worker()
    with pytest.raises(BusyError, match="busy"):
        worker.ask(lambda: None, timeout_s=0.01)
    worker.start()


def test_bursts_bits_and_stages_are_counted(pipeline, store, send, send_without_laws):
    metrics = Metrics()
    worker = Worker(pipeline, store, metrics, 8, 4)
    for burst in (send("a"), send("a"), send_without_laws("b")):
        worker.submit(burst)
    assert b"radiosem_queue_depth 3.0" in metrics.text()
    worker.start()
    worker.close()
    text = metrics.text().decode()
    assert 'radiosem_bursts_total{status="accepted"} 2.0' in text
    assert 'radiosem_bursts_total{status="refused"} 1.0' in text
    assert 'radiosem_stage_ms_count{stage="generate"} 1.0' in text
    counts = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    for name in ("channel_bit_errors", "payload_bits", "channel_uses"):
        assert float(counts[f"radiosem_{name}_total"]) > 0
    assert "radiosem_queue_depth 0.0" in text
