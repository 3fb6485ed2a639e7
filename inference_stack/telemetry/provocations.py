"""What each alert was seen to fire on: the tests do what is listed here, docs/telemetry.md tells of it."""

from enum import StrEnum
from typing import NamedTuple


class Seen(StrEnum):
    """What a real Prometheus read when an alert fired."""

    APPLICATION = "running application"
    GATEWAY = "real Envoy"
    STAND_IN = "stand-in"
    """For NVIDIA's exporter, which takes a GPU."""


class Provocation(NamedTuple):
    """Something done that alerts must tell of."""

    seen: Seen
    what: str
    alerts: tuple[str, ...]
    """Those that must fire; one is in one provocation."""


PROVOCATIONS = (
    Provocation(Seen.APPLICATION, "more requests than may wait", ("Refused", "QueueStays")),
    Provocation(Seen.APPLICATION, "a request as long as the KV cache", ("KvCacheFull",)),
    Provocation(
        Seen.APPLICATION,
        "an SLO of a microsecond",
        ("TtftAboveSlo", "TpotAboveSlo", "TtftP95AboveSlo", "TpotP95AboveSlo"),
    ),
    Provocation(Seen.STAND_IN, "a budget below what the nodes cost", ("BudgetExceeded",)),
    Provocation(Seen.STAND_IN, "a slice that computes 30 % of the time", ("GpusHalfIdle",)),
    Provocation(Seen.APPLICATION, "every replica killed", ("ReplicaMissing",)),
    Provocation(Seen.APPLICATION, "the ingress killed under load, twice", ("Failing",)),
    Provocation(Seen.STAND_IN, "an exporter that stops", ("ScrapeFails",)),
    Provocation(Seen.APPLICATION, "no pods of models", ("NothingScraped",)),
    Provocation(Seen.GATEWAY, "a certificate of one day", ("CertificateEnds",)),
)
"""In the order in which the tests do them: what breaks something comes last."""


def provocations(*seen: Seen) -> tuple[Provocation, ...]:
    """Those of some places."""
    return tuple(each for each in PROVOCATIONS if each.seen in seen)
