"""Sample pack -> maps at a receiver in another process, their scores, and a folder to look at."""

import contextlib
import dataclasses
import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc

from channel_sim.link import DEFAULT_LINK, make_link
from radiosem.codecs import make_codec
from radiosem.codecs.bitmap import BitmapCodec
from radiosem.errors import DeliveryError, InputError
from radiosem.readings.section import DEFAULT_READINGS
from radiosem.types import DEFAULT_THRESHOLD_DBM
from radiosem_proto.v1 import radiosem_pb2 as pb
from radiosem_proto.v1 import radiosem_pb2_grpc as rpc
from testbed.demo.arrival import Arrival, Loss
from testbed.demo.processes import Service, ended_with, free_port, grpc_ready, http_ready
from testbed.demo.received import fetch, score
from testbed.demo.receiver_client import ReceiverClient
from testbed.environment import machine, versions
from testbed.pack import SAMPLE_PACK, PackEntry, open_pack
from testbed.written import make_folder

START_WITHIN_S = 180.0
SEND_WITHIN_S = 120.0


@dataclass(frozen=True)
class DemoSettings:
    """What a demo run can be told.

    out           folder of the outcome; files of an earlier run are replaced
    pack          folder of the observations
    only          ids of the observations to send; empty sends all
    es_n0_db      Es/N0 of the simulated channel, dB
    codec, link   names in their registries
    readings      most samples that a frame carries along
    threshold_dbm received power below this is outage, dBm
    """

    out: Path = Path("runs/demo")
    pack: Path = SAMPLE_PACK
    only: tuple[str, ...] = ()
    es_n0_db: float = 10.0
    codec: str = "context"
    link: str = DEFAULT_LINK
    readings: int = DEFAULT_READINGS
    threshold_dbm: float = DEFAULT_THRESHOLD_DBM


@dataclass(frozen=True)
class Rig:
    """A receiver and an edge that are up, as separate processes."""

    receiver: Service
    client: ReceiverClient
    edge: Service
    edge_address: str


@contextlib.contextmanager
def running_rig(settings: DemoSettings) -> Iterator[Rig]:
    """Receiver and edge as child processes on free loopback ports; both are ended on the way out.

    raises DeliveryError naming the log of the one that does not come up
    """
    out = settings.out
    grpc_port, http_port, edge_port = free_port(), free_port(), free_port()
    started: list[Service] = []
    shutil.rmtree(out / "receiver-data", ignore_errors=True)  # the viewer shows this run's maps alone
    with ended_with(started):
        receiver = Service(
            "receiver",
            ["receiver", "serve"],
            out / "receiver.log",
            {
                "SERVER_RX_GRPC_ADDRESS": "127.0.0.1",
                "SERVER_RX_GRPC_PORT": str(grpc_port),
                "SERVER_RX_HTTP_ADDRESS": "127.0.0.1",
                "SERVER_RX_HTTP_PORT": str(http_port),
                "SERVER_RX_DATA_DIR": str(out / "receiver-data"),
            },
        )
        started.append(receiver)
        edge = Service(
            "edge",
            ["edge", "serve"],
            out / "edge.log",
            {"EDGE_TX_PORT": str(edge_port), "EDGE_TX_RECEIVER": f"127.0.0.1:{grpc_port}"},
        )
        started.append(edge)
        client = ReceiverClient(f"http://127.0.0.1:{http_port}")
        receiver.wait_ready(lambda: http_ready(f"{client.url}/readyz"), START_WITHIN_S)
        address = f"127.0.0.1:{edge_port}"
        edge.wait_ready(lambda: grpc_ready(address), START_WITHIN_S)
        yield Rig(receiver, client, edge, address)


def choose(settings: DemoSettings) -> tuple[PackEntry, ...]:
    """The observations to send. raises InputError on an id the pack does not hold, or codec or link that do not fit"""
    make_codec(settings.codec)
    link = make_link(settings.link)
    if not link.exact and settings.codec != BitmapCodec.name:
        raise InputError(f"codec is {settings.codec!r} and link {link.name!r}, which takes {BitmapCodec.name!r} alone")
    entries = open_pack(settings.pack)
    known = [entry.id for entry in entries]
    for wanted in settings.only:
        if wanted not in known:
            raise InputError(f"only is {wanted!r}, which the pack does not hold; it holds {', '.join(known)}")
    return tuple(entry for entry in entries if not settings.only or entry.id in settings.only)


def send_all(
    rig: Rig, settings: DemoSettings, entries: tuple[PackEntry, ...], sent: Callable[[PackEntry], None]
) -> tuple[list[Arrival], list[Loss]]:
    """Send every observation through the edge, fetch what the receiver made of it, and score it.

    sent    called when an observation is done with
    raises  DeliveryError when not one arrived
    """
    run = secrets.token_hex(4)  # an id of its own, because a receiver answers a known id with the map it has
    arrivals, losses = [], []
    with grpc.insecure_channel(rig.edge_address) as channel:
        edge = rpc.TransmitterStub(channel)
        for number, entry in enumerate(entries):
            observation = entry.observation(
                f"{entry.id}.{run}",
                codec=settings.codec,
                link=settings.link,
                es_n0_db=settings.es_n0_db,
                readings=settings.readings,
                noise_seed=number,
            )
            try:
                receipt = _transmit(edge, observation)
                received = fetch(rig.client, receipt.map_id, settings.threshold_dbm)
            except DeliveryError as error:
                losses.append(Loss(entry, str(error)))
            else:
                truth = entry.truth()
                scores = score(entry, truth, received, settings.threshold_dbm)
                arrivals.append(Arrival(entry, truth, receipt, received, scores))
            sent(entry)
    if not arrivals:
        raise DeliveryError(
            f"no map arrived; {losses[0].entry.id}: {losses[0].reason}; logs are {rig.edge.log} and {rig.receiver.log}"
        )
    return arrivals, losses


def _transmit(edge: rpc.TransmitterStub, observation: pb.Observation) -> pb.Receipt:
    try:
        receipt: pb.Receipt = edge.Transmit(observation, timeout=SEND_WITHIN_S)
    except grpc.RpcError as error:
        raise DeliveryError(f"{error.code().name}: {error.details()}") from None
    if receipt.status not in (pb.STATUS_ACCEPTED, pb.STATUS_DEGRADED):
        raise DeliveryError(receipt.message)
    return receipt


def summarise(
    settings: DemoSettings, arrivals: list[Arrival], seconds: float, losses: list[Loss] | None = None
) -> dict[str, Any]:
    """Everything a run found, fit for JSON."""
    rows = [arrival.row() for arrival in arrivals]
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "settings": {
            "codec": settings.codec,
            "link": settings.link,
            "es_n0_db": settings.es_n0_db,
            "readings": settings.readings,
            "threshold_dbm": settings.threshold_dbm,
            "pack": str(settings.pack),
        },
        "scale": dataclasses.asdict(arrivals[0].entry.scale),
        "machine": machine(),
        "versions": versions(),
        "mean": {key: _mean([row[key] for row in rows]) for key in MEAN_KEYS},
        "maps": rows,
        "lost": [{"id": loss.entry.id, "reason": loss.reason} for loss in losses or ()],
    }


MEAN_KEYS = (
    "payload_bits",
    "channel_uses",
    "eb_n0_db",
    "mse",
    "ssim",
    "mse_outdoor",
    "rmse_db",
    "rmse_db_los",
    "rmse_db_nlos",
    "outage_iou",
    "coverage_iou",
    "all_outage_iou",
    "censored_share",
    "edge_ms",
    "receiver_ms",
    "deliver_ms",
)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def run_demo(
    settings: DemoSettings,
    sent: Callable[[PackEntry], None] = lambda entry: None,
    drawn: Callable[[PackEntry], None] = lambda entry: None,
    hold: Callable[[Rig, dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run the main job once, from observations to `out`/summary.json, a panel a map, and report.html.

    sent, drawn  called as observations cross and as their panels are drawn
    hold         called with the rig still up, once everything is written
    returns      the summary
    raises       DeliveryError, InputError
    """
    began = time.monotonic()
    entries = choose(settings)
    make_folder(settings.out, "out")
    with running_rig(settings) as rig:
        arrivals, losses = send_all(rig, settings, entries, sent)
        if hold is None:
            rig.edge.stop()
            rig.receiver.stop()
        from testbed.demo.panel import draw_panel  # the slow import of matplotlib, while nothing waits for it
        from testbed.demo.report import write_report

        for arrival in arrivals:
            draw_panel(arrival, settings.threshold_dbm, settings.out / f"{arrival.entry.id}.png")
            drawn(arrival.entry)
        summary = summarise(settings, arrivals, time.monotonic() - began, losses)
        (settings.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        write_report(summary, settings.out)
        if hold is not None:
            hold(rig, summary)
    return summary
