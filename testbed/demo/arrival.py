"""One observation that was sent -> how it fared, as its row in summary.json."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from channel_sim.link import make_link
from radiosem_proto.v1 import radiosem_pb2 as pb
from testbed.demo.received import LinkScores, ReceivedMap
from testbed.pack import PackEntry, Truth

EDGE_STAGES = ("sense", "segment", "fit", "compress", "encode")


@dataclass(frozen=True)
class Arrival:
    """One observation that crossed: what was sent, what arrived, and how close it is to the truth."""

    entry: PackEntry
    truth: Truth
    receipt: pb.Receipt
    received: ReceivedMap
    scores: LinkScores

    def edge_stage_ms(self) -> dict[str, float]:
        """Milliseconds of the edge's own stages; the wait for the receiver is not one of them."""
        stages = {name.removeprefix("edge_"): ms for name, ms in self.receipt.stage_ms.items() if "edge_" in name}
        return {stage: stages[stage] for stage in EDGE_STAGES if stage in stages}

    def row(self) -> dict[str, Any]:
        """The entry of `maps` in summary.json: figures with their unit in the name, None where undefined."""
        provenance, scores = self.received.provenance, self.scores
        bits, uses = provenance["payload_bits"], provenance["channel_uses"]
        codec, _, codec_id = provenance["codec"].partition(":")  # a codec without an id has its name alone
        coded = make_link(provenance["link"]).exact  # else part of the symbols carries no bits
        return {
            "id": self.entry.id,
            "title": self.entry.title,
            "map_id": self.receipt.map_id,
            "degraded": self.received.degraded,
            "lost": self.received.lost,
            "codec": codec,
            "codec_id": codec_id,
            "link": provenance["link"],
            "payload_bits": bits,
            "channel_uses": uses,
            "snr_db": provenance["es_n0_db"],
            "eb_n0_db": provenance["es_n0_db"] - 10 * math.log10(bits / uses) if coded else None,
            "bit_errors": provenance["bit_errors"],
            "coded_bits": provenance["coded_bits"],
            **dataclasses.asdict(scores.map),
            "wrong_building_share": scores.wrong_building_share,
            "classifier": dataclasses.asdict(scores.classifier),
            "warnings": self.receipt.message,
            "edge_ms": round(sum(self.edge_stage_ms().values()), 1),
            "receiver_ms": round(provenance["receiver_ms"], 1),
            "deliver_ms": round(self.receipt.stage_ms["edge_deliver"], 1),
            "edge_stage_ms": {stage: round(ms, 1) for stage, ms in self.edge_stage_ms().items()},
            "receiver_stage_ms": {stage: round(ms, 1) for stage, ms in provenance["stage_ms"].items()},
            "models": provenance["models"],
            "panel": f"{self.entry.id}.png",
        }


@dataclass(frozen=True)
class Loss:
    """One observation of which no map arrived, and why."""

    entry: PackEntry
    reason: str
