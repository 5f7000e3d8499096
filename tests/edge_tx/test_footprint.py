"""The edge process stays small: no torch, and at most 300 MB resident with an observation served."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from radiosem import weights
from radiosem.errors import WeightsError
from radiosem_proto.v1 import radiosem_pb2 as pb

MOST_RESIDENT_KB = 300_000

SERVE = """
import sys
import grpc
from edge_tx.service import create_server
from edge_tx.settings import EdgeSettings
from radiosem_proto.v1 import radiosem_pb2 as pb, radiosem_pb2_grpc as pb_grpc

server = create_server(EdgeSettings(port=0, receiver="127.0.0.1:1", retries=1, backoff_s=0.01))
server.start()
with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
    receipt = pb_grpc.TransmitterStub(channel).Transmit(pb.Observation.FromString(sys.stdin.buffer.read()), timeout=60)
server.stop(0)
print(receipt.payload_bits)
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def run(code: str, data: bytes = b"") -> list[str]:
    """Run code in a process of its own and return the lines it prints."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().split("\n")


def test_edge_process_imports_no_torch() -> None:
    found = run("import sys, edge_tx.service; print(sorted({'torch', 'onnx', 'fastapi', 'ray'} & set(sys.modules)))")
    assert found[0] == "[]"


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="resident memory is read from Linux's /proc")
def test_edge_serves_an_observation_within_300_megabytes() -> None:
    try:
        weights.verified_path("segmenter")
    except WeightsError as error:
        pytest.skip(str(error))
    rng = np.random.default_rng(5)
    image = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (512, 512, 3), np.uint8)).save(image, "PNG")
    samples = rng.integers(0, 256, (2, 300))
    observation = pb.Observation(
        image=image.getvalue(),
        transmitters=[pb.Antenna(col=128, row=128)],
        samples=pb.SampleSet(transmitter=[0] * 300, col=samples[0], row=samples[1], power_dbm=[-80.0] * 300),
    )
    payload_bits, peak_kb, *_ = run(SERVE, observation.SerializeToString())
    assert int(payload_bits) > 0
    assert int(peak_kb) < MOST_RESIDENT_KB
