"""Bursts in by gRPC -> noise added -> bursts out by gRPC to the receiver, its receipts passed back."""

from collections.abc import Iterator
from concurrent import futures
from itertools import count

import grpc
import numpy as np
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from channel_sim.awgn import awgn, check_es_n0_db, combined_es_n0_db
from channel_sim.places import SPARE_THREADS, Places, awaited
from channel_sim.wire import GRPC_OPTIONS, server_options, symbols_from_bytes, symbols_to_bytes
from radiosem.errors import ChannelError, InputError
from radiosem_proto.v1 import radiosem_pb2_grpc
from radiosem_proto.v1.radiosem_pb2 import STATUS_FAILED, STATUS_REFUSED, Burst, Receipt

SERVICE = "radiosem.v1.Receiver"

_CHANNEL_OPTIONS = (
    *GRPC_OPTIONS,
    # A receiver that comes back is found again within seconds.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
)
_RETRYABLE = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)


class RelaySettings(BaseSettings):
    """Everything the relay can be told; each field is the variable CHANNEL_SIM_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="CHANNEL_SIM_", frozen=True, extra="forbid", allow_inf_nan=False)

    address: str = Field("127.0.0.1", min_length=1, description="address bursts are taken on; 0.0.0.0 for all")
    port: int = Field(50056, ge=0, le=65535, description="port bursts are taken on; 0 takes any free one")
    upstream: str = Field("127.0.0.1:50051", pattern=r"^\S+:\d{1,5}$", description="host:port of the receiver")
    es_n0_db: float = Field(10.0, ge=-30, le=60, description="Es/N0 of the noise the relay adds, dB")
    noise_seed: int | None = Field(None, ge=0, description="makes the noise repeatable, burst after burst")
    deadline_s: float = Field(30.0, gt=0, le=600, description="longest wait for the receiver's receipt, s")
    workers: int = Field(8, ge=1, le=64, description="streams of bursts served at once; one more is refused")


class Relay(radiosem_pb2_grpc.ReceiverServicer):
    """The Receiver service as the air plays it: each burst is made noisier and handed on, each receipt handed back."""

    def __init__(self, settings: RelaySettings, upstream: grpc.Channel) -> None:
        self._settings = settings
        self._receiver = radiosem_pb2_grpc.ReceiverStub(upstream)
        self._bursts = count()
        self._places = Places(settings.workers, "CHANNEL_SIM_WORKERS")

    def Deliver(self, request_iterator: Iterator[Burst], context: grpc.ServicerContext) -> Iterator[Receipt]:  # noqa: N802
        """One receipt a burst, in order; a burst that cannot be handed on gets one that says why."""
        running: list[grpc.Call] = []
        # A sender that hangs up takes the call to the receiver with it.
        context.add_callback(lambda: [call.cancel() for call in running])
        with self._places.taken(context):
            for burst in awaited(request_iterator, context, "burst"):
                try:
                    noisy = self._add_noise(burst)
                except (ChannelError, InputError) as error:
                    yield Receipt(observation_id=burst.observation_id, status=STATUS_REFUSED, message=str(error))
                    continue
                yield self._hand_on(noisy, context, running)

    def _add_noise(self, burst: Burst) -> Burst:
        check_es_n0_db(burst.es_n0_db)
        symbols = symbols_from_bytes(burst.symbols)
        # The number of the burst goes into the seed: the same frame sent again must meet other noise.
        number, seed = next(self._bursts), self._settings.noise_seed
        rng = np.random.default_rng(None if seed is None else [seed, number])
        return Burst(
            observation_id=burst.observation_id,
            symbols=symbols_to_bytes(awgn(symbols, self._settings.es_n0_db, rng)),
            es_n0_db=combined_es_n0_db(burst.es_n0_db, self._settings.es_n0_db),
            link=burst.link,
        )

    def _hand_on(self, burst: Burst, context: grpc.ServicerContext, running: list[grpc.Call]) -> Receipt:
        left_s = context.time_remaining()
        deadline_s = self._settings.deadline_s if left_s is None else min(left_s, self._settings.deadline_s)
        call = self._receiver.Deliver(iter([burst]), timeout=max(deadline_s, 0.0))
        running[:] = [call]
        if not context.is_active():  # hung up before the call could be listed
            call.cancel()
        try:
            receipt = next(call, None)
        except grpc.RpcError as error:
            return Receipt(
                observation_id=burst.observation_id,
                status=STATUS_FAILED,
                message=f"the relay cannot deliver to the receiver at {self._settings.upstream}: {error.code().name}",
                retryable=error.code() in _RETRYABLE,
            )
        return receipt or Receipt(
            observation_id=burst.observation_id,
            status=STATUS_FAILED,
            message=f"the receiver at {self._settings.upstream} closed the call without a receipt",
            retryable=True,
        )


class RelayServer:
    """A running relay: `port` is the one it listens on."""

    def __init__(self, settings: RelaySettings) -> None:
        self._upstream = grpc.insecure_channel(settings.upstream, options=_CHANNEL_OPTIONS)
        self._health = health.HealthServicer()
        threads = settings.workers + SPARE_THREADS
        self._server = grpc.server(
            futures.ThreadPoolExecutor(threads, "relay"), options=server_options(), maximum_concurrent_rpcs=threads
        )
        radiosem_pb2_grpc.add_ReceiverServicer_to_server(Relay(settings, self._upstream), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        try:
            self.port: int = self._server.add_insecure_port(f"{settings.address}:{settings.port}")
        except RuntimeError as error:
            self._upstream.close()
            raise InputError(
                f"relay address is {settings.address}:{settings.port}; it is taken or not on this machine, "
                "set CHANNEL_SIM_ADDRESS and CHANNEL_SIM_PORT to a free one (port 0 finds one)"
            ) from error

    def start(self) -> None:
        """Begin to serve."""
        self._server.start()
        for service in ("", SERVICE):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace_s: float = 2.0) -> None:
        """Refuse new streams, let running ones end within the grace, then close."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait()
        self._upstream.close()

    def wait(self) -> None:
        """Block until stopped."""
        self._server.wait_for_termination()


def create_relay(settings: RelaySettings) -> RelayServer:
    """A relay bound to its port, not yet started; raises InputError when the port is taken."""
    return RelayServer(settings)
