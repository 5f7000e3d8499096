"""The edge half from message to receipt: the frame holds what was observed, the receipt tells how it went."""

import math
import socket
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from channel_sim.link import make_link
from channel_sim.wire import symbols_from_bytes
from edge_tx.pipeline import EdgePipeline
from edge_tx.segment import Segmenter
from edge_tx.settings import EdgeSettings
from radiosem.codecs import receiver_codecs
from radiosem.errors import InputError, WeightsError
from radiosem.frame import unpack
from radiosem.types import Place
from radiosem_proto.v1 import radiosem_pb2 as pb


@pytest.fixture
def edge(settings: EdgeSettings, segmenter: Segmenter) -> Iterator[EdgePipeline]:
    pipeline = EdgePipeline(settings, segmenter)
    yield pipeline
    pipeline.close()


def test_frame_holds_what_was_observed(
    edge: EdgePipeline, observation: pb.Observation, buildings: NDArray[np.bool_]
) -> None:
    observed = edge.observe(observation)
    semantics, codec = unpack(observed.frame.strong, observed.frame.weak, receiver_codecs())
    assert codec == "context"
    np.testing.assert_array_equal(semantics.buildings, observed.semantics.buildings)
    assert np.mean(semantics.buildings != buildings) < 0.005
    assert semantics.transmitters == observed.semantics.transmitters
    assert abs(semantics.path_losses[0].slope_db - observed.semantics.path_losses[0].slope_db) <= 0.0625
    assert set(observed.stage_ms) == {"sense", "segment", "fit", "compress"}
    assert observed.warnings == ()


def test_the_place_goes_along(edge: EdgePipeline, observation: pb.Observation) -> None:
    observation.place.CopyFrom(pb.Place(epsg=32631, west_m=448262.504, north_m=5411932))
    frame = edge.observe(observation).frame
    assert unpack(frame.strong, frame.weak, receiver_codecs())[0].place == Place(32631, 448262.5, 5411932.0)
    for degrees in ((4326, 500_000.0, 5e6), (32632, 11.25, 43.77)):
        observation.place.CopyFrom(pb.Place(epsg=degrees[0], west_m=degrees[1], north_m=degrees[2]))
        with pytest.raises(InputError, match=rf"place is {degrees[0]},.* looks like degrees; .* 32631,448262"):
            edge.observe(observation)
    observation.place.CopyFrom(pb.Place(epsg=0, west_m=448262.504, north_m=5411932))
    with pytest.raises(InputError, match=r"place epsg is 0; it must lie in 1024\.\.32767"):
        edge.observe(observation)


@pytest.mark.parametrize("with_image", [True, False])
def test_a_given_mask_is_sent_as_it_is(
    edge: EdgePipeline, observation: pb.Observation, buildings: NDArray[np.bool_], with_image: bool
) -> None:
    mask = buildings.copy()
    mask[50:54, 4:20] = True  # which no image shows
    observation.mask_png = cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes()
    if not with_image:
        observation.ClearField("image")
    observed = edge.observe(observation)
    np.testing.assert_array_equal(observed.semantics.buildings, mask)
    assert observed.warnings == ()


def test_a_given_mask_that_cannot_be_is_refused(edge: EdgePipeline, observation: pb.Observation) -> None:
    observation.mask_png = cv2.imencode(".png", np.full((64, 64), 255, np.uint8))[1].tobytes()
    with pytest.raises(InputError, match="mask_png is building throughout"):
        edge.observe(observation)
    observation.mask_png = cv2.imencode(".png", np.ones((64, 64), np.uint8))[1].tobytes()
    with pytest.raises(InputError, match="mask_png has grey of at most 1; over 127 is set"):
        edge.observe(observation)
    observation.ClearField("mask_png")
    observation.ClearField("image")
    with pytest.raises(InputError, match="there is neither image nor mask_png"):
        edge.observe(observation)


def test_samples_at_the_floor_of_their_meter_do_not_bend_the_law(
    settings: EdgeSettings, segmenter: Segmenter, edge: EdgePipeline, observation: pb.Observation
) -> None:
    heard = edge.observe(observation).semantics.path_losses
    for col in (30, 31, 33):  # close by, where they would weigh
        observation.samples.transmitter.append(0)
        observation.samples.col.append(col)
        observation.samples.row.append(33)
        observation.samples.power_dbm.append(-110.0)
    deaf = EdgePipeline(settings.model_copy(update={"floor_dbm": -110.0}), segmenter)
    assert deaf.observe(observation).semantics.path_losses == heard
    assert edge.observe(observation).semantics.path_losses != heard
    deaf.close()
    observation.samples.floor_dbm = -110.0  # the observation knows best
    observed = edge.observe(observation).semantics
    assert observed.path_losses == heard
    assert observed.readings is not None
    assert observed.readings.heard.sum() == len(observed.readings) - 2  # the three lie in two coarse cells


def test_an_edge_that_rehearses_chooses_other_readings(
    settings: EdgeSettings, segmenter: Segmenter, edge: EdgePipeline, observation: pb.Observation
) -> None:
    rehearsing = EdgePipeline(settings.model_copy(update={"rehearse": True}), segmenter)
    observation.readings = 6
    blind, rehearsed = edge.observe(observation), rehearsing.observe(observation)
    rehearsing.close()
    assert set(rehearsed.stage_ms) - set(blind.stage_ms) == {"rehearse"}
    assert blind.semantics.readings is not None
    assert rehearsed.semantics.readings is not None
    assert len(blind.semantics.readings) == 6
    chosen = [
        set(zip(one.row, one.col, strict=True)) for one in (blind.semantics.readings, rehearsed.semantics.readings)
    ]
    assert chosen[0] != chosen[1]


def test_an_observation_says_how_many_readings_go_along(
    settings: EdgeSettings, edge: EdgePipeline, observation: pb.Observation
) -> None:
    some = edge.observe(observation)
    assert some.semantics.readings is not None
    assert 0 < len(some.semantics.readings) <= settings.readings
    observation.readings = 5
    few = edge.observe(observation)
    assert few.semantics.readings is not None
    assert len(few.semantics.readings) == 5
    observation.readings = 0
    none = edge.observe(observation)
    assert none.semantics.readings is None
    assert len(none.frame.weak) < len(few.frame.weak) < len(some.frame.weak)
    observation.readings = 1024
    with pytest.raises(InputError, match=r"readings is 1024; a frame carries 0\.\.1023"):
        edge.observe(observation)


@pytest.mark.parametrize("codec", ["context", "jpeg"])
def test_observation_may_name_its_codec(edge: EdgePipeline, observation: pb.Observation, codec: str) -> None:
    observation.codec = codec
    observed = edge.observe(observation)
    assert observed.codec.name == codec
    assert unpack(observed.frame.strong, observed.frame.weak, receiver_codecs())[1] == codec


def test_unknown_codec_is_refused_with_the_known_ones(edge: EdgePipeline, observation: pb.Observation) -> None:
    observation.codec = "zip"
    with pytest.raises(InputError, match=r"'zip'.*context, jpeg"):
        edge.observe(observation)


def test_unknown_link_is_refused_before_anything_is_sent(
    edge: EdgePipeline, observation: pb.Observation, receiver
) -> None:
    observation.link.link = "smoke"
    with pytest.raises(InputError, match=r"'smoke'.*qpsk-1/2"):
        edge.transmit(observation)
    assert receiver.bursts == []


@pytest.mark.parametrize("es_n0_db", [math.nan, math.inf, 1000.0])
def test_impossible_noise_is_refused(edge: EdgePipeline, observation: pb.Observation, es_n0_db: float) -> None:
    observation.link.es_n0_db = es_n0_db
    with pytest.raises(InputError, match=r"es_n0_db is .* must lie in -30\.\.60 dB"):
        edge.transmit(observation)


def test_receiver_gets_the_symbols_of_the_frame_with_the_noise_asked_for(
    edge: EdgePipeline, observation: pb.Observation, receiver
) -> None:
    observation.link.es_n0_db = 6.0
    edge.transmit(observation)
    (burst,) = receiver.bursts
    clean = make_link("qpsk-1/2").encode(edge.observe(observation).frame)
    noise = symbols_from_bytes(burst.symbols) - clean
    assert (burst.observation_id, burst.link, burst.es_n0_db) == ("block-1", "qpsk-1/2", 6.0)
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(10**-0.6, rel=0.2)


def test_receipt_tells_both_halves(edge: EdgePipeline, observation: pb.Observation, receiver) -> None:
    receipt = edge.transmit(observation)
    frame = edge.observe(observation).frame
    assert (receipt.observation_id, receipt.status, receipt.map_id) == ("block-1", pb.STATUS_ACCEPTED, "m1")
    assert receipt.message == ""
    assert receipt.payload_bits == 8 * (len(frame.strong) + len(frame.weak))
    assert receipt.channel_uses == len(make_link("qpsk-1/2").encode(frame))
    assert receipt.es_n0_db == 10.0
    assert receipt.codec.startswith("context:")
    stages = {"sense", "segment", "fit", "compress", "encode", "deliver"}
    assert set(receipt.stage_ms) == {"decode"} | {f"edge_{stage}" for stage in stages}


def test_noise_repeats_with_its_seed_and_differs_between_attempts(
    edge: EdgePipeline, observation: pb.Observation, receiver, script
) -> None:
    receiver.script = [script.receipt(pb.STATUS_REFUSED, "noise", True), script.receipt(pb.STATUS_ACCEPTED)]
    observation.link.noise_seed = 5
    edge.transmit(observation)
    edge.transmit(observation)
    first, second, third = (burst.symbols for burst in receiver.bursts)
    assert first == third
    assert first != second


def test_to_a_relay_the_symbols_go_clean(
    settings: EdgeSettings, segmenter: Segmenter, observation: pb.Observation, receiver
) -> None:
    edge = EdgePipeline(settings.model_copy(update={"relay": True}), segmenter)
    edge.transmit(observation)
    clean = make_link("qpsk-1/2").encode(edge.observe(observation).frame)
    np.testing.assert_array_equal(symbols_from_bytes(receiver.bursts[0].symbols), clean)
    edge.close()


def test_doubts_reach_the_receipt(edge: EdgePipeline, observation: pb.Observation) -> None:
    observation.transmitters.add(col=6, row=7)
    receipt = edge.transmit(observation)
    assert receipt.status == pb.STATUS_ACCEPTED
    assert "transmitter 1 at col 6, row 7 was 1.0 m inside a building" in receipt.message
    assert "transmitter 1 has 0 usable samples" in receipt.message


def test_transmitter_inside_a_building_is_refused(edge: EdgePipeline, observation: pb.Observation, receiver) -> None:
    observation.transmitters[0].col = observation.transmitters[0].row = 16
    with pytest.raises(InputError, match="transmitter 0 at col 16, row 16 is inside a building"):
        edge.transmit(observation)
    assert receiver.bursts == []


def test_receiver_that_is_down_makes_a_failed_receipt_that_says_so(
    settings: EdgeSettings, segmenter: Segmenter, observation: pb.Observation
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    edge = EdgePipeline(settings.model_copy(update={"receiver": address}), segmenter)
    receipt = edge.transmit(observation)
    edge.close()
    assert (receipt.status, receipt.retryable, receipt.map_id) == (pb.STATUS_FAILED, True, "")
    assert f"no answer from the receiver at {address} to 4 attempts" in receipt.message
    assert receipt.payload_bits > 0


@pytest.mark.parametrize(("name", "value"), [("codec", "zip"), ("link", "smoke")])
def test_setting_that_names_nothing_stops_the_start(
    settings: EdgeSettings, segmenter: Segmenter, name: str, value: str
) -> None:
    with pytest.raises(InputError, match=value):
        EdgePipeline(settings.model_copy(update={name: value}), segmenter)


def test_altered_segmenter_stops_the_start(
    settings: EdgeSettings, segmenter_model: bytes, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "segmenter.onnx").write_bytes(segmenter_model)
    (tmp_path / "MANIFEST.toml").write_text(
        f'[[weights]]\nname = "segmenter"\nfile = "segmenter.onnx"\nsha256 = "{"0" * 64}"\n'
        f'bytes = {len(segmenter_model)}\nlicence = "MIT"\nrecipe = "none"\ndata = "none"\n'
    )
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"segmenter\.onnx was altered"):
        EdgePipeline(settings)
