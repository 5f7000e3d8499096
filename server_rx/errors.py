"""Domain exception -> receipt, gRPC status and HTTP status, by one table; no internal text leaves the process."""

import logging
import secrets
from dataclasses import dataclass

import grpc
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from radiosem.errors import (
    ChannelError,
    DamagedFrameError,
    FrameError,
    InputError,
    RadiosemError,
    StoreError,
    UnknownCodecError,
    WeightsError,
)
from radiosem_proto.v1.radiosem_pb2 import Burst, Receipt, Status

log = logging.getLogger(__name__)


class BusyError(RadiosemError):
    """The receiver takes no more work now; the same may be asked again later."""


class NotFoundError(RadiosemError):
    """There is no such map, or it has no such part."""


class StrongPartLostError(FrameError):
    """Noise destroyed the header, the transmitters or their laws; without them there is no map."""


class Problem(BaseModel):
    """An error: a stable code, and a text for people."""

    code: str = Field(description="stable name of the kind of error")
    detail: str = Field(description="what is wrong and what would be right")
    log_id: str | None = Field(default=None, description="names the entry in the receiver's log, for internal errors")


@dataclass(frozen=True)
class Answer:
    """How one kind of error is told to a sender (gRPC) and to a reader (HTTP)."""

    code: str
    receipt: Status
    retryable: bool
    grpc: grpc.StatusCode
    http: int


_REFUSED, _FAILED = Status.STATUS_REFUSED, Status.STATUS_FAILED

# The first row whose exception matches counts, so the narrow ones come first.
TABLE: tuple[tuple[type[Exception], Answer], ...] = (
    (BusyError, Answer("busy", _REFUSED, True, grpc.StatusCode.RESOURCE_EXHAUSTED, 503)),
    (NotFoundError, Answer("not_found", _REFUSED, False, grpc.StatusCode.NOT_FOUND, 404)),
    (UnknownCodecError, Answer("unknown_codec", _REFUSED, False, grpc.StatusCode.FAILED_PRECONDITION, 422)),
    (StrongPartLostError, Answer("strong_part_lost", _REFUSED, True, grpc.StatusCode.DATA_LOSS, 422)),
    (DamagedFrameError, Answer("frame", _REFUSED, True, grpc.StatusCode.DATA_LOSS, 422)),
    (FrameError, Answer("frame", _REFUSED, False, grpc.StatusCode.INVALID_ARGUMENT, 422)),
    (ChannelError, Answer("channel", _REFUSED, True, grpc.StatusCode.DATA_LOSS, 422)),
    (InputError, Answer("input", _REFUSED, False, grpc.StatusCode.INVALID_ARGUMENT, 422)),
    (StoreError, Answer("store", _FAILED, True, grpc.StatusCode.UNAVAILABLE, 503)),
    (WeightsError, Answer("weights", _FAILED, False, grpc.StatusCode.FAILED_PRECONDITION, 503)),
)
INTERNAL = Answer("internal", _FAILED, False, grpc.StatusCode.INTERNAL, 500)


def answer(error: BaseException) -> Answer:
    """The row of the table for this error; `INTERNAL` when it was not raised on purpose."""
    return next((row for kind, row in TABLE if isinstance(error, kind)), INTERNAL)


def problem(error: BaseException) -> Problem:
    """The error as told to a user: its own text if it was raised on purpose, else only where to find it in the log."""
    row = answer(error)
    if row is not INTERNAL:
        if row.http >= 500 and error.__cause__ is not None:
            log.warning("%s: %s", row.code, error, exc_info=error)
        return Problem(code=row.code, detail=str(error))
    log_id = secrets.token_hex(6)
    log.error("internal error %s", log_id, exc_info=error)
    return Problem(code=row.code, detail=f"internal error; the receiver's log has it as {log_id}", log_id=log_id)


def refusal(error: BaseException, burst: Burst) -> Receipt:
    """The receipt of a burst that came to nothing: why, and whether the same may be sent again."""
    row = answer(error)
    return Receipt(
        observation_id=burst.observation_id,
        status=row.receipt,
        message=problem(error).detail,
        retryable=row.retryable,
        channel_uses=len(burst.symbols) // 8,
        es_n0_db=burst.es_n0_db,
    )


def abort(error: BaseException, context: grpc.ServicerContext) -> None:
    """End a call with the status of the table. Raises, as gRPC wants it."""
    context.abort(answer(error).grpc, problem(error).detail)


def _respond(status: int, body: Problem) -> JSONResponse:
    return JSONResponse(body.model_dump(), status, headers={"Cache-Control": "no-store"})


def install(app: FastAPI) -> None:
    """Make every error of the HTTP interface a `Problem`, by the table."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = (f"{item['loc'][-1]} is {str(item['input'])[:80]!r}: {item['msg']}" for item in error.errors())
        return _respond(422, Problem(code="input", detail="; ".join(faults)))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = "not_found" if error.status_code == 404 else "http"
        return _respond(error.status_code, Problem(code=code, detail=str(error.detail)))

    @app.exception_handler(RadiosemError)
    async def known(request: Request, error: RadiosemError) -> JSONResponse:
        return _respond(answer(error).http, problem(error))

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return _respond(INTERNAL.http, problem(error))
