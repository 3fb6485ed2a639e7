"""What the user should know of a model that has a place."""

from collections.abc import Iterator

from inference_stack.catalog import Catalog
from inference_stack.planner.engine_arguments import engine_findings, sent_findings
from inference_stack.spec import Finding, Severity

from .choose import Placed
from .offer import UNPRICED, UNVERIFIED


def notes(placed: Placed, catalog: Catalog) -> Iterator[Finding]:
    """Warnings and notes; paths count from the model."""
    yield from _waiting(placed)
    yield from _at_risk(placed)
    yield from _unsure(placed, catalog)
    yield from _aimless(placed)
    yield from _slower_than_it_could(placed)
    yield from _sent(placed, catalog)


def _sent(placed: Placed, catalog: Catalog) -> Iterator[Finding]:
    """What is to be said of the arguments that its engines are started with, but for what is told already."""
    model, candidate = placed.demand.model, placed.candidate
    told = {(finding.code, finding.path) for finding in engine_findings(model, placed.demand.row)}
    sides = (candidate, candidate.prefill) if candidate.prefill else (candidate,)
    for side in sides:
        for finding in sent_findings(
            model, side.replica, side.way.row, catalog.gpus[side.way.offer.unit.gpu].capability
        ):
            if (finding.code, finding.path) not in told:
                told.add((finding.code, finding.path))
                yield finding


def _waiting(placed: Placed) -> Iterator[Finding]:
    candidate, model = placed.candidate, placed.demand.model
    room = int(candidate.memory.max_concurrency)
    if model.traffic is None and room < candidate.concurrency:
        yield Finding(
            code="concurrency-exceeds-memory",
            severity=Severity.WARNING,
            path="concurrency",
            given=str(candidate.concurrency),
            what=(
                f"requests of {model.context_tokens} tokens do not all find room: {room} do, others wait; "
                f"the KV cache of {candidate.way} holds {candidate.memory.kv_tokens} tokens"
            ),
            allowed=f"at most {room} without waiting",
        )


def _at_risk(placed: Placed) -> Iterator[Finding]:
    """The SLO is met by the prediction itself; here is where the end of its range misses."""
    slo, found = placed.demand.slo, placed.candidate.speed
    if slo is None or found is None:
        return
    for name, figure, allowed in (
        ("ttft_ms", found.ttft_ms, slo.ttft_ms),
        ("tpot_ms", found.tpot_ms, slo.tpot_ms),
    ):
        if figure.high > allowed:
            yield Finding(
                code="slo-at-risk",
                severity=Severity.NOTE,
                path=f"slo.{name}",
                given=f"{allowed:g}",
                what=(
                    f"is met at {figure.value:.0f} ms, and predictions of this kind are off by as much as "
                    f"{figure.high:.0f} ms"
                ),
                remedy="measure it on one replica before customers do",
            )


def _unsure(placed: Placed, catalog: Catalog) -> Iterator[Finding]:
    offer = placed.candidate.way.offer
    row = catalog.mig(offer.sku.name, offer.profile) if offer.profile else catalog.gpus[offer.unit.gpu]
    if row is None or not row.verified:
        yield Finding(
            code="memory-unverified",
            severity=Severity.NOTE,
            path="placement",
            what=f"counts on {offer.unit.memory_gib:g} GiB a unit, unconfirmed, of {placed.candidate.way}",
        )
    if offer.tier in (UNVERIFIED, UNPRICED) and placed.demand.pinned is None:
        known = "no known price" if offer.tier == UNPRICED else "a price that nobody confirmed"
        yield Finding(
            code="placed-without-price",
            severity=Severity.WARNING,
            path="placement",
            given="auto",
            what=f"found only {offer.sku.name} that will do, which has {known}",
            remedy="pin a pool, or have the price confirmed in the catalog",
        )


def _aimless(placed: Placed) -> Iterator[Finding]:
    model = placed.demand.model
    if model.routing == "prefix" and model.traffic and not model.traffic.shared_prefix:
        yield Finding(
            code="routing-without-prefix",
            severity=Severity.NOTE,
            path="routing",
            given=model.routing,
            what="has nothing to go by: traffic.shared_prefix says that prompts begin with nothing in common",
            remedy="routing: balanced, or say in traffic.shared_prefix what part of a prompt is the same",
        )


def _slower_than_it_could(placed: Placed) -> Iterator[Finding]:
    candidate = placed.candidate
    link, faster = candidate.link, [part.way.offer.sku.scale_out_gb_s for part in candidate.parts]
    if link is None or None in faster:
        return
    carries = min(each or 0.0 for each in faster)
    now = "an unknown rate" if link.available_gb_s is None else f"{link.available_gb_s:.1f} GB/s a replica"
    yield Finding(
        code="kv-link-over-ethernet",
        severity=Severity.NOTE,
        path="disaggregated",
        given="true",
        what=(
            f"sends {link.gib_per_request:.2f} GiB a request over {link.path} at {now}; InfiniBand of these "
            f"sizes carries {carries:g} GB/s a GPU, and this stack does not make it usable yet"
        ),
    )
