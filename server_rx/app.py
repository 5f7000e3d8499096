"""Settings -> a running receiver: store, networks, worker, gRPC in, HTTP out, and an orderly end."""

import logging
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from channel_sim.wire import server_options
from radiosem.errors import InputError
from radiosem_proto.v1 import radiosem_pb2
from radiosem_proto.v1.radiosem_pb2_grpc import add_ReceiverServicer_to_server
from server_rx.errors import BusyError
from server_rx.metrics import Metrics
from server_rx.networks import Networks, load_networks, warm_up
from server_rx.outage import OutageMap, classify_outage, floor_dbm, threshold_outage
from server_rx.pipeline import Pipeline
from server_rx.service import MAX_STREAMS, ReceiverService
from server_rx.settings import ServerSettings, read_settings
from server_rx.storage.records import StoredMap
from server_rx.storage.store import Store
from server_rx.web.events import Events
from server_rx.web.rest import Backend, create_app
from server_rx.web.schemas import map_body
from server_rx.worker import Worker

SERVICE = radiosem_pb2.DESCRIPTOR.services_by_name["Receiver"].full_name
_SPARE_THREADS = 8  # beside one a stream: health checks and reflection always get through
_GRACE_S = 2.0

log = logging.getLogger(__name__)


class ReceiverServer:
    """A receiver with its ports bound and its store open; `start` loads the networks and begins to serve.

    grpc_port, http_port  where it listens, also where the settings said 0
    """

    def __init__(self, settings: ServerSettings, load: Callable[[int], Networks]) -> None:
        self._settings = settings
        self._load = load
        self._not_ready = "the networks are being verified and loaded"
        self._ended = threading.Event()
        self._end_asked = threading.Event()
        self._worker: Worker | None = None
        self._networks: Networks | None = None
        self.store = Store(settings.data_dir, settings.database_url)
        self.metrics = Metrics()
        self._events = Events(self.store, lambda stored: map_body(stored).model_dump_json())
        self._health = health.HealthServicer()
        self._socket = _bind_http(settings)
        self.http_port: int = self._socket.getsockname()[1]
        try:
            self._grpc, self.grpc_port = _bind_grpc(settings)
        except InputError:
            self._socket.close()
            self.store.close()
            raise
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        self._say_serving(False)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._grpc)
        app = create_app(
            Backend(
                self.store,
                self.metrics,
                self._events,
                self._outage,
                self._why_not_ready,
                settings.outage_threshold_dbm,
            )
        )
        self._http = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=int(_GRACE_S),
            )
        )
        self._http_thread = threading.Thread(
            target=self._http.run, args=([self._socket],), name="receiver-http", daemon=True
        )

    def start(self) -> None:
        """Serve health at once, and bursts and maps when the networks are verified, loaded and have run once.

        raises  WeightsError when a network is missing or altered; everything is stopped then
        """
        self._http_thread.start()
        try:
            self._networks = self._load(self._settings.threads)
            pipeline = Pipeline(
                self._networks.generator,
                self._networks.codecs,
                self._networks.models,
                self._settings.outage_threshold_dbm,
            )
            warm_up(pipeline, self._networks)
        except BaseException:
            self.stop()
            raise
        self._worker = Worker(
            pipeline,
            self.store,
            self.metrics,
            self._settings.queue_size,
            self._settings.max_batch,
            self._events.wake,
        )
        self._worker.start()
        add_ReceiverServicer_to_server(ReceiverService(self._worker, self.metrics), self._grpc)
        self._grpc.start()
        self._say_serving(True)
        self._not_ready = ""
        log.info("bursts on port %d, maps on port %d", self.grpc_port, self.http_port)

    def stop(self) -> None:
        """Take no more bursts, finish and answer what is queued, then close everything. May be called twice."""
        if self._end_asked.is_set():
            self._ended.wait()
            return
        self._end_asked.set()
        self._not_ready = "the receiver is shutting down"
        self._say_serving(False)
        if self._worker:
            self._worker.close()
        self._grpc.stop(_GRACE_S).wait()
        self._events.close()
        self._http.should_exit = True
        if self._http_thread.is_alive():
            self._http_thread.join()
        self._socket.close()
        self.store.close()
        self._ended.set()

    def wait(self) -> None:
        """Block until stopped. In the main thread of a process, SIGTERM and SIGINT stop the receiver in order."""
        asked = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: asked.set())
        while not self._ended.wait(0.2):
            if asked.is_set():
                self.stop()

    def _outage(self, stored: StoredMap, threshold_dbm: float, method: str) -> OutageMap:
        """An outage map for the HTTP interface; the classifier runs where the device is owned."""
        map_dbm, floor = self.store.map_dbm(stored), floor_dbm(stored.powers_dbm)
        if method == "threshold":
            return threshold_outage(map_dbm, threshold_dbm, floor)
        if self._worker is None or self._networks is None:
            raise BusyError("the networks are not loaded yet; ask again later")
        network, strongest_dbm = self._networks.outage, max(stored.powers_dbm)
        return self._worker.ask(lambda: classify_outage(network, map_dbm, threshold_dbm, floor, strongest_dbm))

    def _why_not_ready(self) -> str:
        if not self._not_ready and self._worker and not self._worker.working:
            return "the worker has ended; the receiver must be started again"
        return self._not_ready

    def _say_serving(self, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        for service in ("", SERVICE):
            self._health.set(service, status.SERVING if serving else status.NOT_SERVING)


def create_server(
    settings: ServerSettings | None = None, load: Callable[[int], Networks] = load_networks
) -> ReceiverServer:
    """A receiver bound to its ports, not yet started.

    settings  from the environment unless given
    load      threads -> the networks to run
    raises    StoreError when the data folder cannot be written; InputError naming the setting of a port that is taken
    """
    return ReceiverServer(settings or read_settings(), load)


def _bind_http(settings: ServerSettings) -> socket.socket:
    try:
        return socket.create_server((settings.http_address, settings.http_port), backlog=128)
    except OSError as error:
        raise _unusable("HTTP", settings.http_address, settings.http_port) from error


def _bind_grpc(settings: ServerSettings) -> tuple[grpc.Server, int]:
    pool = ThreadPoolExecutor(MAX_STREAMS + _SPARE_THREADS, thread_name_prefix="receiver-grpc")
    server = grpc.server(pool, options=server_options())
    try:
        return server, server.add_insecure_port(f"{settings.grpc_address}:{settings.grpc_port}")
    except RuntimeError as error:
        raise _unusable("GRPC", settings.grpc_address, settings.grpc_port) from error


def _unusable(kind: str, address: str, port: int) -> InputError:
    return InputError(
        f"the receiver cannot listen on {address}:{port}: the port is taken, or the address is not this machine's; "
        f"set SERVER_RX_{kind}_ADDRESS and SERVER_RX_{kind}_PORT to free ones (port 0 takes any)"
    )
