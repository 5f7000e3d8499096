"""Services as child processes: ready, named with their last words, and always ended."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from radiosem.errors import DeliveryError
from testbed.demo.processes import Service, ended_with, free_port, grpc_ready, http_ready


def alive(service: Service) -> bool:
    return service._process.poll() is None


def test_a_service_that_cannot_start_is_named_with_its_log_and_last_words(tmp_path: Path) -> None:
    service = Service("edge", ["edge", "serve", "--port", "x"], tmp_path / "edge.log")
    with pytest.raises(DeliveryError, match=r"the edge ended with code 2 .*edge\.log: radiosem: --port .* is 'x'"):
        service.wait_ready(lambda: False, 30)


def test_a_service_that_never_becomes_ready_is_named(tmp_path: Path) -> None:
    service = Service("relay", ["relay", "serve", "--port", "0"], tmp_path / "relay.log")
    with ended_with([service]), pytest.raises(DeliveryError, match=r"the relay was not ready within 0\.3 s"):
        service.wait_ready(lambda: False, 0.3)
    assert not alive(service)


def test_services_end_with_the_rig_when_it_is_told_to_stop(tmp_path: Path) -> None:
    port = free_port()
    service = Service("relay", ["relay", "serve", "--port", str(port)], tmp_path / "relay.log")

    def use_and_be_stopped() -> None:
        with ended_with([service]):
            service.wait_ready(lambda: grpc_ready(f"127.0.0.1:{port}"), 30)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(SystemExit):
        use_and_be_stopped()
    assert not alive(service)
    assert service._process.returncode == 0  # it ended in order


def test_nobody_listening_is_not_ready() -> None:
    port = free_port()
    assert not http_ready(f"http://127.0.0.1:{port}/readyz")
    assert not grpc_ready(f"127.0.0.1:{port}")


def test_services_run_in_the_interpreter_of_the_rig(tmp_path: Path) -> None:
    service = Service("radiosem", ["--help"], tmp_path / "help.log")
    service.wait()
    assert "Usage: radiosem" in (tmp_path / "help.log").read_text()
    assert service._process.args[0] == sys.executable  # type: ignore[index]
