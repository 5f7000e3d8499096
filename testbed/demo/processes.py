"""A `radiosem` subcommand -> a service process with its log, ready to be used and always ended."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from radiosem.errors import DeliveryError

STOP_WITHIN_S = 8.0


class Service:
    """A child process running `radiosem ARGUMENTS`, its output in a log file.

    name         what messages call it
    environment  variables added to the parent's
    """

    def __init__(self, name: str, arguments: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.name, self.log = name, log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "testbed.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            )

    def wait_ready(self, probe: Callable[[], bool], within_s: float) -> None:
        """Return once `probe` says so. raises DeliveryError naming the log when the process ends or time runs out."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            code = self._process.poll()
            if code is not None:
                raise DeliveryError(f"the {self.name} ended with code {code} before it was ready{self.last_words()}")
            if probe():
                return
            time.sleep(0.25)
        raise DeliveryError(f"the {self.name} was not ready within {within_s:g} s{self.last_words()}")

    def last_words(self) -> str:
        """Where its log is, and the last line in it."""
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return f"; its log is {self.log}" + (f": {lines[-1].strip()}" if lines else " (empty)")

    def wait(self) -> None:
        """Return when the process ends."""
        self._process.wait()

    def stop(self) -> None:
        """End the process: politely, then not."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextlib.contextmanager
def ended_with(services: list[Service]) -> Iterator[None]:
    """Whatever happens within, SIGTERM included, the services in the list are ended."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        for service in reversed(services):
            service.stop()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http_ready(url: str) -> bool:
    """Whether GET `url` is answered 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def grpc_ready(address: str) -> bool:
    """Whether the gRPC health service at `address` says SERVING."""
    with grpc.insecure_channel(address) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
