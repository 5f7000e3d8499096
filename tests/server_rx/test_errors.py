"""One table tells every error; what was not raised on purpose is not told."""

import grpc
import pytest

from radiosem import errors as domain
from radiosem_proto.v1.radiosem_pb2 import Burst, Status
from server_rx import errors

BURST = Burst(observation_id="block-1", symbols=bytes(80), es_n0_db=3.0)


@pytest.mark.parametrize(
    "kind",
    [
        *(domain.InputError, domain.FrameError, domain.UnknownCodecError, domain.ChannelError),
        *(domain.WeightsError, domain.StoreError, errors.BusyError, errors.NotFoundError, errors.StrongPartLostError),
    ],
)
def test_an_error_raised_on_purpose_is_told_in_its_own_words(kind):
    receipt = errors.refusal(kind("what is wrong"), BURST)
    assert errors.answer(kind("x")) is not errors.INTERNAL
    assert receipt.message == "what is wrong"
    assert receipt.status in (Status.STATUS_REFUSED, Status.STATUS_FAILED)
    assert (receipt.observation_id, receipt.channel_uses, receipt.es_n0_db) == ("block-1", 10, 3.0)


@pytest.mark.parametrize("kind", [ValueError, KeyError, MemoryError, OSError])
def test_any_other_error_is_told_by_a_log_id_alone(kind, caplog):
    problem = errors.problem(kind("secret"))
    assert "secret" not in problem.detail
    assert problem.log_id
    assert problem.log_id in caplog.text


@pytest.mark.parametrize(
    ("kind", "retryable", "grpc_status", "http_status"),
    [
        (errors.BusyError, True, grpc.StatusCode.RESOURCE_EXHAUSTED, 503),
        (errors.StrongPartLostError, True, grpc.StatusCode.DATA_LOSS, 422),
        (domain.UnknownCodecError, False, grpc.StatusCode.FAILED_PRECONDITION, 422),
        (domain.InputError, False, grpc.StatusCode.INVALID_ARGUMENT, 422),
        (domain.StoreError, True, grpc.StatusCode.UNAVAILABLE, 503),
        (RuntimeError, False, grpc.StatusCode.INTERNAL, 500),
    ],
)
def test_resending_is_advised_only_where_it_may_help(kind, retryable, grpc_status, http_status):
    row = errors.answer(kind("x"))
    assert (row.retryable, row.grpc, row.http) == (retryable, grpc_status, http_status)
