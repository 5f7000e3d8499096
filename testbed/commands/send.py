"""`radiosem send`: one's own image, samples and transmitters -> a map at the receiver."""

import json
from pathlib import Path
from typing import Annotated

import grpc
import typer
from google.protobuf.json_format import MessageToDict

from channel_sim.wire import MAX_MESSAGE_BYTES
from radiosem.errors import DeliveryError, InputError
from radiosem.readings.section import MAX_READINGS
from radiosem.types import Grid, Place
from radiosem_proto.v1 import radiosem_pb2 as pb
from radiosem_proto.v1 import radiosem_pb2_grpc as rpc
from testbed.observation import build_observation


def transmit(address: str, observation: pb.Observation, timeout_s: float) -> pb.Receipt:
    """Hand an observation to the edge at host:port, wait for its receipt.

    raises InputError when the edge finds the observation unusable, DeliveryError when it cannot be reached or the map
    did not arrive
    """
    size = observation.ByteSize()
    if size > MAX_MESSAGE_BYTES:
        raise InputError(
            f"the observation has {size} bytes, {len(observation.image)} of them the image; "
            f"at most {MAX_MESSAGE_BYTES} can be sent: give a smaller or more compressed image"
        )
    with grpc.insecure_channel(address) as channel:
        try:
            receipt: pb.Receipt = rpc.TransmitterStub(channel).Transmit(observation, timeout=timeout_s)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
                raise InputError(error.details()) from None
            if "larger than max" in (error.details() or ""):
                raise InputError(
                    f"the observation has {size} bytes, {len(observation.image)} of them the image, which is more than "
                    "the edge takes (EDGE_TX_MAX_IMAGE_BYTES): give a smaller or more compressed image"
                ) from None
            raise DeliveryError(
                f"the edge at {address} did not answer ({error.code().name}): {error.details()}"
            ) from None
    if receipt.status not in (pb.STATUS_ACCEPTED, pb.STATUS_DEGRADED):
        again = "; sending it again may help" if receipt.retryable else ""
        raise DeliveryError(f"the map did not arrive: {receipt.message or pb.Status.Name(receipt.status)}{again}")
    return receipt


def _stages(receipt: pb.Receipt) -> list[tuple[str, list[tuple[str, float]]]]:
    """Milliseconds of the edge's stages and of the receiver's, longest first; the edge's "deliver" holds the latter."""
    longest = sorted(receipt.stage_ms.items(), key=lambda stage: -stage[1])
    edge = [(stage.removeprefix("edge_"), ms) for stage, ms in longest if stage.startswith("edge_")]
    receiver = [(stage, ms) for stage, ms in longest if not stage.startswith("edge_")]
    return [(end, told) for end, told in (("edge", edge), ("receiver, within deliver", receiver)) if told]


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    number, *corner = text.split(",")
    try:
        epsg, (west_m, north_m) = int(number), map(float, corner)
    except ValueError:
        raise InputError(f"place is {text!r}; write it like 32631,448262.5,5411932.0") from None
    return Place(epsg, west_m, north_m)


def send(
    samples: Annotated[Path, typer.Option(help="CSV with the header transmitter,col,row,power_dbm.")],
    transmitters: Annotated[
        Path,
        typer.Option(help="JSON list of {col, row, height_m, power_dbm, frequency_hz}; the last three are optional."),
    ],
    image: Annotated[
        Path | None,
        typer.Argument(
            help="Aerial image of the block, PNG or JPEG, north up, filled by the block; none where there is a --mask."
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            help="PNG of the buildings on the grid, over 127 = building: sent instead of what the image shows."
        ),
    ] = None,
    cars: Annotated[Path | None, typer.Option(help="PNG mask on the grid, over 127 = car.")] = None,
    rows: Annotated[int, typer.Option(help="Cells from north to south.")] = 256,
    cols: Annotated[int, typer.Option(help="Cells from west to east.")] = 256,
    cell_size_m: Annotated[float, typer.Option(help="Metres a cell.")] = 1.0,
    place: Annotated[
        str | None,
        typer.Option(
            help="EPSG,WEST,NORTH: a projected coordinate system, and the block's north-west corner in its metres."
        ),
    ] = None,
    edge: Annotated[str, typer.Option(help="host:port of the edge.", envvar="RADIOSEM_EDGE")] = "127.0.0.1:50061",
    observation_id: Annotated[
        str, typer.Option("--id", help="Name of the observation; sent twice under one name, it makes one map.")
    ] = "",
    floor_dbm: Annotated[
        float | None,
        typer.Option(
            help="Power at or below which the samples' meter heard nothing, dBm; left out, the edge's setting."
        ),
    ] = None,
    readings: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_READINGS,
            help="Most samples to send along, which mend the map; left out, the edge's setting.",
        ),
    ] = None,
    codec: Annotated[str | None, typer.Option(help="Mask codec; left out, the edge's setting.")] = None,
    link: Annotated[
        str | None,
        typer.Option(help="Link, such as qpsk-1/2, or jscc with --codec bitmap; left out, the edge's setting."),
    ] = None,
    es_n0_db: Annotated[
        float | None, typer.Option(help="Es/N0 of the simulated air in dB; left out, the edge's setting.")
    ] = None,
    timeout_s: Annotated[float, typer.Option(help="Seconds to wait for the receipt.", min=0.1)] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipt as JSON.")] = False,
) -> None:
    """Send one observation of your own through a running edge.

    The CSV has one reading a line: the number of its transmitter in the JSON list (from 0), the cell's column
    (0 = west) and row (0 = north), and the received power in dBm. A reading that heard nothing tells much too: write
    the meter's floor there, and name it by --floor-dbm. Where you hold the footprints of the buildings, draw them on
    the grid and give them by --mask: a true mask brings a better map than any image.

    Example: `radiosem send block.jpg --samples drive.csv --transmitters masts.json --id block-17`

    Example: `radiosem send --mask footprints.png --samples drive.csv --transmitters masts.json`
    """
    if image is None and mask is None:
        raise InputError(
            "there is neither an image nor a mask; give the image of the block, or its buildings by --mask"
        )
    grid = Grid(rows, cols, cell_size_m)
    way = {"codec": codec, "link": link, "es_n0_db": es_n0_db}
    observation = build_observation(
        image, samples, transmitters, cars, grid, observation_id, floor_dbm, readings, mask, _place(place), **way
    )
    receipt = transmit(edge, observation, timeout_s)
    if as_json:
        typer.echo(json.dumps(MessageToDict(receipt, preserving_proto_field_name=True)))
        return
    typer.echo(f"map {receipt.map_id} of observation {receipt.observation_id}")
    if receipt.already_held:
        typer.echo("  it was held already, and nothing new was stored: the figures are of the first delivery")
    if receipt.status == pb.STATUS_DEGRADED:
        typer.echo("  degraded: a part of the frame was lost on the air; sending it again may complete the map")
    if receipt.message:
        typer.echo(f"  {receipt.message}")
    typer.echo(
        f"  {receipt.payload_bits} payload bits ({receipt.codec}), {receipt.channel_uses} channel uses "
        f"at Es/N0 = {receipt.es_n0_db:g} dB"
    )
    for end, stages in _stages(receipt):
        typer.echo(f"  {end}: " + ", ".join(f"{stage} {ms:.0f}" for stage, ms in stages) + " ms")
