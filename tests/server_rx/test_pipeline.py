"""Bursts become maps, or a refusal that says why."""

import dataclasses
import inspect

import numpy as np
import pytest

from radiosem.errors import ChannelError, FrameError, InputError, UnknownCodecError
from radiosem.physics.depth import path_loss_db
from radiosem.physics.features import CHANNELS
from radiosem.types import Grid, Readings, Semantics, Transmitter
from radiosem_proto.v1.radiosem_pb2 import Burst
from server_rx.errors import StrongPartLostError
from server_rx.pipeline import Pipeline, check_burst
from tests.server_rx.conftest import drown

GRID = Grid(48, 72, 2.0)
FIRST, SECOND = Transmitter(10, 8), Transmitter(60, 40, power_dbm=30.0)


def with_transmitters(like: Semantics, *transmitters: Transmitter) -> Semantics:
    law = like.path_losses[0]
    return Semantics(like.grid, transmitters, (law,) * len(transmitters), like.buildings)


def milliwatts(map_dbm):
    return 10 ** (np.asarray(map_dbm, float) / 10)


def test_map_is_in_dbm_and_nan_exactly_inside_the_received_buildings(record):
    buildings = record.semantics.buildings
    assert record.map_dbm.dtype == np.float32
    assert np.array_equal(np.isnan(record.map_dbm), buildings)
    expected = 23.0 - path_loss_db(GRID, FIRST, record.semantics.path_losses[0])
    assert np.allclose(record.map_dbm[~buildings], expected[~buildings], atol=0.01)
    assert record.min_dbm == np.nanmin(record.map_dbm)
    assert record.max_dbm == np.nanmax(record.map_dbm)


def test_two_transmitters_add_up_in_milliwatts(pipeline, record, send):
    def rebuild(burst):
        return pipeline.rebuild([pipeline.receive(burst)])[0]

    like = record.semantics
    alone = [rebuild(send(causes=with_transmitters(like, one))).map_dbm for one in (FIRST, SECOND)]
    both = rebuild(send(causes=with_transmitters(like, FIRST, SECOND))).map_dbm
    assert np.allclose(milliwatts(both), milliwatts(alone[0]) + milliwatts(alone[1]), rtol=1e-4, equal_nan=True)


def test_readings_that_came_along_mend_the_map_of_their_transmitter(pipeline, record, send):
    like = record.semantics
    alone, both = (with_transmitters(like, *transmitters) for transmitters in ((FIRST,), (FIRST, SECOND)))
    gain_db = -path_loss_db(GRID, SECOND, like.path_losses[0])
    at = np.array([3, 15]), np.array([30, 5])  # coarse cells of 2 x 2 pixels
    off_db = gain_db[at[0] * 2 + 1, at[1] * 2 + 1] - 20
    readings = Readings(np.array([1, 1]), *at, off_db.astype(float), np.array([True, True]))
    plain, mended, degraded = (
        pipeline.rebuild([pipeline.receive(one)])[0]
        for one in (
            send(causes=both),
            send(causes=dataclasses.replace(both, readings=readings)),
            drown(send(causes=dataclasses.replace(both, readings=readings)), -100, None),
        )
    )
    assert len(mended.semantics.readings) == 2
    first = milliwatts(pipeline.rebuild([pipeline.receive(send(causes=alone))])[0].map_dbm)
    second = [10 * np.log10(milliwatts(one.map_dbm) - first) for one in (plain, mended)]
    lower_db = second[0] - second[1]
    assert lower_db[7, 61] == pytest.approx(6, abs=2)  # in sight a map is believed more than a reading
    assert 0 <= lower_db[45, 70] < 1  # far from both
    assert degraded.semantics.degraded
    assert degraded.semantics.readings is None


def test_any_grid_is_padded_to_what_the_network_takes_and_cropped_again(generator, pipeline, send):
    (record,) = pipeline.rebuild([pipeline.receive(send())])
    assert generator.shapes == [(1, len(CHANNELS), 64, 96)]
    assert record.map_dbm.shape == (48, 72)


def test_maps_of_one_shape_share_a_call_of_the_network(pipeline, generator, record, send):
    like = record.semantics
    other = Semantics(Grid(32, 32), like.transmitters, like.path_losses, np.zeros((32, 32), np.bool_))
    bursts = [send("a"), send("b", with_transmitters(like, FIRST, SECOND)), send("c", other)]
    records = pipeline.rebuild([pipeline.receive(burst) for burst in bursts])
    assert [shape[0] for shape in generator.shapes] == [3, 1]
    assert [record.observation_id for record in records] == ["a", "b", "c"]
    assert np.array_equal(
        records[0].map_dbm, pipeline.rebuild([pipeline.receive(bursts[0])])[0].map_dbm, equal_nan=True
    )


def test_a_batch_never_outgrows_what_the_network_has_memory_for(pipeline, generator, record, send, monkeypatch):
    monkeypatch.setattr("server_rx.pipeline.BATCH_PIXELS", 2 * GRID.rows * GRID.cols)
    pipeline.rebuild([pipeline.receive(send(causes=with_transmitters(record.semantics, FIRST, SECOND, FIRST)))])
    assert [shape[0] for shape in generator.shapes] == [2, 1]


def test_a_network_that_answers_nonsense_makes_no_map(pipeline, generator, send, monkeypatch):
    monkeypatch.setattr(type(generator), "__call__", lambda self, features: [np.full_like(features[:, :1], np.nan)])
    with pytest.raises(FloatingPointError, match="not finite"):
        pipeline.rebuild([pipeline.receive(send())])


def test_a_lost_mask_leaves_a_flagged_path_loss_map(degraded):
    assert degraded.semantics.degraded
    assert degraded.provenance.models == ()
    assert not np.isnan(degraded.map_dbm).any()
    expected = 23.0 - path_loss_db(GRID, FIRST, degraded.semantics.path_losses[0])
    assert np.allclose(degraded.map_dbm, expected, atol=0.01)


def test_provenance_tells_cost_parts_and_times(record, send):
    told = record.provenance
    assert told.channel_uses == len(send().symbols) // 8
    assert 0 < told.payload_bits < told.coded_bits
    assert told.codec.startswith("context:")
    assert told.models[0]["name"] == "generator"
    assert list(told.stage_ms) == ["decode", "unframe", "features", "generate", "mend", "outage"]


def test_what_was_lost_on_the_air_was_sent_all_the_same(record, degraded):
    assert (
        degraded.provenance.payload_bits
        == record.provenance.payload_bits
        == 8 * (len(record.strong) + len(record.weak))
    )


def test_the_receiver_is_given_nothing_but_what_arrives_over_the_air():
    assert {field.name for field in Burst.DESCRIPTOR.fields} == {"observation_id", "symbols", "es_n0_db", "link"}
    assert list(inspect.signature(Pipeline.receive).parameters) == ["self", "burst"]


def test_without_the_symbols_there_is_no_map(pipeline, send):
    burst = send()
    burst.symbols = bytes(len(burst.symbols))
    with pytest.raises((ChannelError, FrameError)):
        pipeline.receive(burst)


def test_a_lost_strong_part_is_refused_naming_the_snr(pipeline, send_without_laws):
    with pytest.raises(StrongPartLostError, match=r"strong part .* lost at Es/N0 = 10 dB"):
        pipeline.receive(send_without_laws())


def test_hopeless_noise_is_refused_naming_the_snr(pipeline, send):
    with pytest.raises((ChannelError, StrongPartLostError), match=r"Es/N0 = -15 dB"):
        pipeline.receive(send(es_n0_db=-15.0))


def test_an_unknown_codec_is_refused_by_its_id(generator, codec, send):
    with pytest.raises(UnknownCodecError, match=codec.codec_id.hex()):
        Pipeline(generator, {}).receive(send())


def test_a_block_that_is_all_building_is_refused(pipeline, record, send):
    like = record.semantics
    full = Semantics(like.grid, like.transmitters, like.path_losses, np.ones(like.grid.shape, np.bool_))
    with pytest.raises(InputError, match="no outdoor pixel"):
        pipeline.receive(send(causes=full))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"observation_id": ""}, "observation_id is ''"),
        ({"observation_id": "../x"}, "observation_id is '../x'"),
        ({"observation_id": "a" * 65}, "1 to 64"),
        ({"link": "smoke"}, "link is 'smoke'; this receiver knows qpsk-1/2"),
        ({"es_n0_db": float("nan")}, "es_n0_db is nan"),
        ({"es_n0_db": float("inf")}, "es_n0_db is inf"),
        ({"symbols": b""}, "symbols has 0 bytes"),
        ({"symbols": b"x" * 804}, "symbols has 804 bytes; it must be a multiple of 8"),
        ({"symbols": np.full(2000, np.nan, "<f4").tobytes()}, "not finite"),
        ({"symbols": np.full(2000, 1e30, "<f4").tobytes()}, "above 1e"),
    ],
)
def test_an_unusable_field_is_named_with_its_value(send, change, text):
    burst = send()
    for name, value in change.items():
        setattr(burst, name, value)
    with pytest.raises(InputError) as error:
        check_burst(burst)
    assert text in str(error.value)
