"""A block whose segmentation is known, a network written by hand, and a receiver that does as told."""

import io
from collections.abc import Callable, Iterator
from concurrent import futures
from types import SimpleNamespace

import grpc
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edge_tx.segment import Segmenter
from edge_tx.settings import EdgeSettings
from radiosem.inference import Network
from radiosem_proto.v1 import radiosem_pb2 as pb
from radiosem_proto.v1 import radiosem_pb2_grpc as pb_grpc

ROOF, GROUND = (200, 60, 50), (90, 100, 80)


@pytest.fixture(scope="session")
def segmenter_model() -> bytes:
    """A 1 x 1 convolution that calls building what is red: logit = 20 red - 10."""
    weight = np.array([20, 0, 0], np.float32).reshape(1, 3, 1, 1)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight", "bias"], ["logits"])],
        "segmenter",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, "H", "W"])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.array([-10], np.float32), "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="session")
def segmenter(segmenter_model: bytes) -> Segmenter:
    return Segmenter(Network(segmenter_model, threads=1))


@pytest.fixture(scope="session")
def buildings() -> NDArray[np.bool_]:
    """Four houses on a grid of 64 x 64 cells."""
    mask = np.zeros((64, 64), bool)
    for row, col in ((6, 6), (6, 38), (38, 6), (38, 38)):
        mask[row : row + 20, col : col + 20] = True
    return mask


def draw(buildings: NDArray[np.bool_]) -> Image.Image:
    """What a camera sees of the buildings at 0.5 m a pixel, for cells of 1 m."""
    big = np.repeat(np.repeat(buildings, 2, 0), 2, 1)
    return Image.fromarray(np.where(big[..., None], np.uint8(ROOF), np.uint8(GROUND)))


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The bytes of an image file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def observation(buildings: NDArray[np.bool_]) -> pb.Observation:
    """A usable observation: 64 x 64 m, one transmitter in the street crossing, 20 samples of a known law."""
    rng = np.random.default_rng(7)
    rows, cols = np.nonzero(~buildings)
    chosen = rng.choice(len(rows), 20, replace=False)
    col, row = cols[chosen], rows[chosen]
    distance_m = np.maximum(np.sqrt((col - 32) ** 2 + (row - 32) ** 2 + 8.5**2), 1)
    return pb.Observation(
        observation_id="block-1",
        image=file_of(draw(buildings)),
        grid=pb.Grid(rows=64, cols=64, cell_size_m=1),
        transmitters=[pb.Antenna(col=32, row=32, height_m=10)],
        samples=pb.SampleSet(
            transmitter=[0] * 20, col=col.tolist(), row=row.tolist(), power_dbm=23 - 40 - 30 * np.log10(distance_m)
        ),
    )


Answer = Callable[[pb.Burst, grpc.ServicerContext], pb.Receipt | None]


class ScriptedReceiver(pb_grpc.ReceiverServicer):
    """A receiver that answers each burst by the next line of its script, the last line again and again."""

    def __init__(self) -> None:
        self.script: list[Answer] = [receipt(pb.STATUS_ACCEPTED)]
        self.bursts: list[pb.Burst] = []
        self.address = ""

    def Deliver(self, request_iterator: Iterator[pb.Burst], context: grpc.ServicerContext) -> Iterator[pb.Receipt]:  # noqa: N802
        for burst in request_iterator:
            self.bursts.append(burst)
            answer = self.script[min(len(self.bursts), len(self.script)) - 1](burst, context)
            if answer is not None:
                yield answer


def receipt(status: pb.Status, message: str = "", retryable: bool = False) -> Answer:
    """Script: this receipt."""
    return lambda burst, context: pb.Receipt(
        observation_id=burst.observation_id, status=status, message=message, retryable=retryable, map_id="m1",
        stage_ms={"decode": 1.0},
    )  # fmt: skip


def failure(code: grpc.StatusCode) -> Answer:
    """Script: the call ends with this status."""

    def answer(burst: pb.Burst, context: grpc.ServicerContext) -> pb.Receipt:
        context.abort(code, "as the script says")
        raise AssertionError

    return answer


@pytest.fixture
def script() -> SimpleNamespace:
    """What the scripted receiver can answer: script.receipt(...), script.failure(...)."""
    return SimpleNamespace(receipt=receipt, failure=failure)


@pytest.fixture
def receiver() -> Iterator[ScriptedReceiver]:
    scripted = ScriptedReceiver()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    pb_grpc.add_ReceiverServicer_to_server(scripted, server)
    scripted.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield scripted
    server.stop(None).wait()


@pytest.fixture
def settings(receiver: ScriptedReceiver) -> EdgeSettings:
    return EdgeSettings(port=0, receiver=receiver.address, backoff_s=0.01, retries=3, deadline_s=20)
