"""gRPC calls -> the edge pipeline: Transmit and TransmitStream, health and reflection."""

import logging
from collections.abc import Iterator
from concurrent import futures
from typing import NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from channel_sim.places import SPARE_THREADS, Places, awaited
from channel_sim.wire import server_options
from edge_tx.pipeline import EdgePipeline
from edge_tx.segment import Segmenter
from edge_tx.settings import EdgeSettings
from radiosem.errors import InputError, RadiosemError, WeightsError
from radiosem_proto.v1 import radiosem_pb2 as pb
from radiosem_proto.v1 import radiosem_pb2_grpc as pb_grpc

log = logging.getLogger(__name__)

BESIDE_IMAGE_BYTES = 8 * 2**20  # of an observation: the most samples that are taken, and masks
SERVICE = pb.DESCRIPTOR.services_by_name["Transmitter"].full_name

# The first row whose exception matches counts.
TABLE: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    (InputError, grpc.StatusCode.INVALID_ARGUMENT),
    (WeightsError, grpc.StatusCode.FAILED_PRECONDITION),
    (RadiosemError, grpc.StatusCode.ABORTED),
)


class TransmitterService(pb_grpc.TransmitterServicer):
    """`radiosem.v1.Transmitter` on a pipeline, for as many calls at once as there are `workers`."""

    def __init__(self, pipeline: EdgePipeline, workers: int) -> None:
        self._pipeline = pipeline
        self._places = Places(workers, "EDGE_TX_WORKERS")

    def Transmit(self, request: pb.Observation, context: grpc.ServicerContext) -> pb.Receipt:  # noqa: N802
        """Send one observation; one that is unusable ends the call with INVALID_ARGUMENT and the reason."""
        with self._places.taken(context):
            try:
                return self._pipeline.transmit(request)
            except Exception as error:
                _abort(context, error)

    def TransmitStream(  # noqa: N802
        self, request_iterator: Iterator[pb.Observation], context: grpc.ServicerContext
    ) -> Iterator[pb.Receipt]:
        """Send many, one after another; one that is unusable is answered by a REFUSED receipt and the stream goes on.

        One larger than an observation may be, see `BESIDE_IMAGE_BYTES`, is not read, and ends the stream.

        The next observation is taken from the wire only when the one before has its receipt; a stream that brings none
        for two minutes ends.
        """
        with self._places.taken(context):
            for request in awaited(request_iterator, context, "observation"):
                try:
                    receipt = self._pipeline.transmit(request)
                except InputError as error:
                    receipt = pb.Receipt(
                        observation_id=request.observation_id, status=pb.STATUS_REFUSED, message=str(error)
                    )
                except Exception as error:
                    _abort(context, error)
                yield receipt


def _abort(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    """End the call with the status of the error; what is not meant for users stays in the log."""
    for kind, status in TABLE:
        if isinstance(error, kind):
            context.abort(status, str(error))
    log.error("an observation failed", exc_info=error)
    context.abort(grpc.StatusCode.INTERNAL, "internal error; the edge's log has the reason")
    raise error


class EdgeServer:
    """The edge service on a port of its own.

    raises  InputError when the port cannot be had
    """

    def __init__(self, settings: EdgeSettings, pipeline: EdgePipeline) -> None:
        self._pipeline = pipeline
        self._health = health.HealthServicer()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(settings.workers + SPARE_THREADS, "edge"),
            options=server_options(settings.max_image_bytes + BESIDE_IMAGE_BYTES),
            maximum_concurrent_rpcs=settings.workers + SPARE_THREADS,
        )
        pb_grpc.add_TransmitterServicer_to_server(TransmitterService(pipeline, settings.workers), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        self._say(health_pb2.HealthCheckResponse.NOT_SERVING)
        where = f"{settings.address}:{settings.port}"
        try:
            self.port = int(self._server.add_insecure_port(where))
        except RuntimeError:
            self.port = 0
        if not self.port:
            pipeline.close()
            raise InputError(
                f"the edge cannot listen on {where}: the port is taken or the address is not this machine's; "
                "set EDGE_TX_PORT or EDGE_TX_ADDRESS to others"
            )

    def start(self) -> None:
        """Take observations."""
        self._server.start()
        self._say(health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace_s: float = 5.0) -> None:
        """Take no more observations, give those under way the time to end, and hang up."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait()
        self._pipeline.close()

    def wait(self) -> None:
        """Return once the server has stopped."""
        self._server.wait_for_termination()

    def _say(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in ("", SERVICE):
            self._health.set(name, status)


def create_server(settings: EdgeSettings | None = None, segmenter: Segmenter | None = None) -> EdgeServer:
    """An edge that is ready to be started.

    settings   EDGE_TX_* of the environment unless given
    segmenter  the manifest's unless given
    raises     WeightsError when the segmenter is missing or altered; InputError when the port cannot be had, or a
               setting names no link or codec
    """
    settings = settings or EdgeSettings()
    return EdgeServer(settings, EdgePipeline(settings, segmenter))
