"""What the receiver does -> Prometheus counters, one registry a server."""

from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from radiosem_proto.v1.radiosem_pb2 import Receipt, Status
from server_rx.storage.records import Provenance

_STAGE_BUCKETS_MS = (0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)


class Metrics:
    """Counters of bursts, bits, channel uses and bit errors, times by stage, and the depth of the queue."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._bursts = Counter(
            "radiosem_bursts", "Bursts answered, by status of the receipt", ["status"], registry=self.registry
        )
        self._payload = Counter(
            "radiosem_payload_bits", "Frame bits before channel coding, stored maps only", registry=self.registry
        )
        self._errors = Counter(
            "radiosem_channel_bit_errors",
            "Channel bits the decoder corrected, stored maps only",
            registry=self.registry,
        )
        self._uses = Counter("radiosem_channel_uses", "Complex symbols received", registry=self.registry)
        self._stage = Histogram(
            "radiosem_stage_ms",
            "Milliseconds a burst spent in a stage",
            ["stage"],
            buckets=_STAGE_BUCKETS_MS,
            registry=self.registry,
        )
        self._queue = Gauge("radiosem_queue_depth", "Bursts waiting for the worker", registry=self.registry)
        for status in Status.values()[1:]:
            self._bursts.labels(_label(status))

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """Ask for the depth of the queue whenever the metrics are read."""
        self._queue.set_function(depth)

    def answered(self, receipt: Receipt) -> None:
        """Count a burst by its receipt."""
        self._bursts.labels(_label(receipt.status)).inc()
        self._uses.inc(receipt.channel_uses)

    def stored(self, provenance: Provenance, stage_ms: Mapping[str, float]) -> None:
        """Count a map that was made and stored just now."""
        self._payload.inc(provenance.payload_bits)
        self._errors.inc(provenance.bit_errors)
        for stage, ms in stage_ms.items():
            self._stage.labels(stage).observe(ms)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)


def _label(status: Status) -> str:
    return str(Status.Name(status)).removeprefix("STATUS_").lower()
