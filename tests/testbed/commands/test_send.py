"""`radiosem send`: an observation reaches an edge whole, and its answer is told."""

import json
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from click.testing import Result
from typer.testing import CliRunner

from radiosem_proto.v1 import radiosem_pb2 as pb
from radiosem_proto.v1 import radiosem_pb2_grpc as rpc
from testbed.cli import app
from testbed.commands.send import _stages
from testbed.pack import PackEntry

ARRIVED = pb.Receipt(
    observation_id="block-7",
    status=pb.STATUS_ACCEPTED,
    map_id="feed" * 8,
    codec="context:00112233",
    payload_bits=4000,
    channel_uses=4400,
    es_n0_db=10.0,
    stage_ms={"edge_segment": 61.0},
)


class FakeEdge(rpc.TransmitterServicer):
    """An edge that keeps what it is given and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[pb.Observation] = []
        self.answer: pb.Receipt | tuple[grpc.StatusCode, str] = ARRIVED

    def Transmit(self, request: pb.Observation, context: grpc.ServicerContext) -> pb.Receipt:  # noqa: N802
        self.seen.append(request)
        if isinstance(self.answer, tuple):
            context.abort(*self.answer)
            raise AssertionError("abort raises")
        return self.answer


@pytest.fixture
def edge() -> Iterator[tuple[FakeEdge, str]]:
    fake, server = FakeEdge(), grpc.server(futures.ThreadPoolExecutor(1))
    rpc.add_TransmitterServicer_to_server(fake, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield fake, f"127.0.0.1:{port}"
    server.stop(None).wait()


Send = Callable[..., Result]


@pytest.fixture
def send(edge: tuple[FakeEdge, str], entries: dict[str, PackEntry]) -> Send:
    folder = entries["florence-02-cars"].folder

    def run(*more: str, samples: Path = folder / "samples.csv") -> Result:
        files = [str(folder / "landscape.jpg"), "--samples", str(samples)]
        files += ["--transmitters", str(folder / "transmitters.json"), "--cars", str(folder / "cars.png")]
        return CliRunner().invoke(app, ["send", *files, "--edge", edge[1], *more])

    return run


def test_stages_are_told_by_end_longest_first() -> None:
    told = _stages(pb.Receipt(stage_ms={"decode": 20.0, "edge_fit": 2.0, "edge_deliver": 80.0, "generate": 30.0}))
    assert told == [
        ("edge", [("deliver", 80.0), ("fit", 2.0)]),
        ("receiver, within deliver", [("generate", 30.0), ("decode", 20.0)]),
    ]


def test_an_observation_reaches_the_edge_whole(
    edge: tuple[FakeEdge, str], send: Send, entries: dict[str, PackEntry]
) -> None:
    result = send("--id", "block-7", "--es-n0-db", "4")
    assert result.exit_code == 0, result.output
    (seen,) = edge[0].seen
    assert seen.observation_id == "block-7"
    assert len(seen.samples.power_dbm) == len(entries["florence-02-cars"].samples())
    assert seen.cars_png.startswith(b"\x89PNG")
    assert seen.link.es_n0_db == 4
    for words in ("feed" * 8, "4000 payload bits", "4400 channel uses", "segment 61 ms"):
        assert words in result.stdout


def test_a_mask_of_ones_own_is_sent_instead_of_an_image(
    edge: tuple[FakeEdge, str], entries: dict[str, PackEntry]
) -> None:
    folder = entries["florence-02-a"].folder
    files = ["--samples", str(folder / "samples.csv"), "--transmitters", str(folder / "transmitters.json")]
    given = ["send", *files, "--edge", edge[1]]
    result = CliRunner().invoke(app, [*given, "--mask", str(folder / "buildings.png")])
    assert result.exit_code == 0, result.output
    (seen,) = edge[0].seen
    assert seen.mask_png == (folder / "buildings.png").read_bytes()
    assert seen.image == b""
    refused = CliRunner().invoke(app, given)
    assert refused.exit_code == 2
    assert "give the image of the block, or its buildings by --mask" in refused.stderr


def test_a_place_is_read_from_one_option(edge: tuple[FakeEdge, str], send: Send) -> None:
    assert send("--place", "32631,448262.5,5411932").exit_code == 0
    place = edge[0].seen[0].place
    assert (place.epsg, place.west_m, place.north_m) == (32631, 448262.5, 5411932.0)
    for wrong in ("Paris", "32631,1", "32631,1,2,3", "32631,x,2"):
        refused = send("--place", wrong)
        assert refused.exit_code == 2
        assert f"place is {wrong!r}; write it like" in refused.stderr


def test_machines_get_the_receipt_as_json(send: Send) -> None:
    receipt = json.loads(send("--json").stdout)
    assert (receipt["status"], receipt["map_id"], receipt["payload_bits"]) == (
        "STATUS_ACCEPTED",
        "feed" * 8,
        "4000",
    )


def test_a_lost_mask_is_told(edge: tuple[FakeEdge, str], send: Send) -> None:
    edge[0].answer = pb.Receipt(status=pb.STATUS_DEGRADED, map_id="1", message="a doubt")
    result = send()
    assert result.exit_code == 0
    assert "degraded" in result.stdout
    assert "a doubt" in result.stdout


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (pb.Receipt(status=pb.STATUS_REFUSED, message="no such codec"), "did not arrive: no such codec"),
        (pb.Receipt(status=pb.STATUS_FAILED, message="down", retryable=True), "down; sending it again may help"),
        ((grpc.StatusCode.INVALID_ARGUMENT, "image is too large"), "radiosem: image is too large"),
        ((grpc.StatusCode.INTERNAL, "internal error"), "did not answer (INTERNAL): internal error"),
    ],
)
def test_what_goes_wrong_at_the_edge_is_one_line_and_exit_code_2(
    edge: tuple[FakeEdge, str], send: Send, answer: pb.Receipt | tuple[grpc.StatusCode, str], says: str
) -> None:
    edge[0].answer = answer
    result = send()
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_bad_csv_never_reaches_the_edge(edge: tuple[FakeEdge, str], send: Send, tmp_path: Path) -> None:
    table = tmp_path / "drive.csv"
    table.write_text("transmitter,col,row,power_dbm\n0,1,999,-70\n")
    result = send(samples=table)
    assert result.exit_code == 2
    assert f"{table}, line 2, column row: '999' must be a whole number in 0..255" in result.stderr
    assert not edge[0].seen


def test_an_image_that_no_message_can_hold_is_told_before_it_is_sent(
    edge: tuple[FakeEdge, str], send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("testbed.commands.send.MAX_MESSAGE_BYTES", 10_000)
    result = send()
    assert result.exit_code == 2
    assert "of them the image; at most 10000 can be sent" in result.stderr
    assert not edge[0].seen


def test_an_edge_that_is_not_there_is_named(send: Send) -> None:
    result = send("--edge", "127.0.0.1:1", "--timeout-s", "3")
    assert result.exit_code == 2
    assert "the edge at 127.0.0.1:1 did not answer" in result.stderr
