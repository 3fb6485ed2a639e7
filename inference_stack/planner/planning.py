"""From an environment to its plan, or to everything that forbids it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from inference_stack.catalog import CATALOG, Catalog
from inference_stack.spec import (
    CpuPool,
    Environment,
    Finding,
    InvalidEnvironment,
    Model,
    Placement,
    Precision,
    Replicas,
    Severity,
    Unparsed,
    environment_findings,
    located,
    parse,
    readable,
    shown,
    under,
)

from .coarse_memory import whole_blocks
from .engine_arguments import engine_arguments, engine_findings
from .fit import Fit
from .placement import Candidate, Placed, place
from .plan import MemoryBudget, Plan, PlannedModel, Price
from .pools import Site, catalog_findings, cpu_pool_findings, planned_pool, site
from .price import price, price_findings
from .rules import LicenceFacts, licence_allowed
from .worker import worker_size


class Judgement(NamedTuple):
    """What is found in an environment, or in as much of it as could be read."""

    findings: tuple[Finding, ...]
    sites: tuple[Site | None, ...]
    placed: tuple[Placed, ...]
    cost: Price | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid a plan."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def plan_environment(
    data: Mapping[str, Any], *, name: str, file: str, text: str | None = None, catalog: Catalog = CATALOG
) -> Plan:
    """The plan of what stands under `inference-stack:environment` in `file`.

    `text` is the content of the file, if findings shall have lines. Raises InvalidEnvironment with every
    fault of form, every contradiction and everything that could not work, as far as it shows.
    """
    environment, faults = parse(data)
    judgement = _judge(environment, catalog)
    if wrong := (*faults, *judgement.errors):
        raise InvalidEnvironment(file, located(wrong, text))
    return _plan(environment, name, judgement._replace(findings=located(judgement.findings, text)), catalog)


def plan(environment: Environment, name: str, catalog: Catalog = CATALOG) -> Plan:
    """The plan of an environment. Raises InvalidEnvironment with everything that forbids it."""
    judgement = _judge(environment, catalog)
    if judgement.errors:
        raise InvalidEnvironment(f"environment {name}", judgement.errors)
    return _plan(environment, name, judgement, catalog)


def _judge(environment: Environment, catalog: Catalog) -> Judgement:
    findings = [*environment_findings(environment), *readable(_cpu_pools(environment, catalog))]
    findings += readable(_gpu_pools(environment, catalog))
    findings += readable(_models(environment, catalog))
    sites = _sites(environment, catalog)
    placements = place(environment, _candidates(environment, catalog), sites, catalog)
    findings += placements.findings
    for placed in placements.placed:
        findings += under(f"models[{placed.position}]", readable(_notes(placed, catalog)))
    cost = _cost(environment, sites, catalog)
    if cost:
        findings += readable(price_findings(environment, cost))
    return Judgement(tuple(findings), sites, placements.placed, cost)


def _plan(environment: Environment, name: str, judgement: Judgement, catalog: Catalog) -> Plan:
    if judgement.cost is None:
        raise AssertionError("an environment without errors has a price")
    return Plan(
        name=name,
        environment=environment,
        pools=tuple(planned_pool(site) for site in judgement.sites if site),
        models=tuple(_planned_model(placed.fit, catalog) for placed in judgement.placed),
        price=judgement.cost,
        findings=judgement.findings,
    )


def _cpu_pools(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    for name in ("system", "heads"):
        pool: CpuPool = getattr(environment.cluster, name)
        yield from under(f"cluster.{name}", readable(cpu_pool_findings(pool, catalog)))


def _gpu_pools(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    for index, pool in enumerate(environment.listed_pools):
        yield from under(f"pools[{index}]", catalog_findings(pool, catalog))


def _models(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    for index, model in enumerate(environment.models):
        for rule in (_known, _context, _engine):
            yield from under(f"models[{index}]", readable(rule(model, catalog)))
        yield from under(f"models[{index}]", readable(_licence(model, environment, catalog)))


def _known(model: Model, catalog: Catalog) -> Iterator[Finding]:
    if model.source not in catalog.models:
        nearest = catalog.nearest(model.source, catalog.models)
        yield Finding(
            code="unknown-model",
            path="source",
            given=shown(model.source),
            what="is no model of the catalog",
            allowed=", ".join(nearest or catalog.models),
            remedy="`inference-stack models` lists them all",
        )


def _context(model: Model, catalog: Catalog) -> Iterator[Finding]:
    row = catalog.models.get(model.source)
    if row and model.context_tokens > row.max_position_embeddings:
        yield Finding(
            code="context-beyond-model",
            path="context_tokens",
            given=str(model.context_tokens),
            what=f"is longer than {row.id} can read",
            allowed=f"at most {row.max_position_embeddings}",
        )


def _engine(model: Model, catalog: Catalog) -> Iterator[Finding]:
    row = catalog.models.get(model.source)
    if row:
        yield from engine_findings(model, row)


def _licence(model: Model, environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    # A model that is not in the catalog is told as such, not for its licence.
    if model.source in catalog.models:
        facts = LicenceFacts(source=model.source, allowed=environment.governance.licences)
        if finding := licence_allowed(facts, catalog):
            yield finding


def _sites(environment: Environment, catalog: Catalog) -> tuple[Site | None, ...]:
    try:
        return tuple(site(pool, catalog) for pool in environment.listed_pools)
    except Unparsed:
        return (None,)


def _candidates(environment: Environment, catalog: Catalog) -> list[Candidate]:
    """Models whose memory can be judged: readable, in the catalog, with an engine that can be planned."""
    found: list[Candidate] = []
    try:
        models = environment.models
    except Unparsed:
        return found
    for index, model in enumerate(models):
        try:
            row = catalog.models.get(model.source)
            unplannable = any(
                finding.code != "engine-argument-derived"
                for rule in (_context, _engine)
                for finding in rule(model, catalog)
            )
            pinned = model.placement if isinstance(model.placement, Placement) else None
        except Unparsed:
            continue
        if row and not unplannable:
            found.append(Candidate(index, model, row, pinned))
    return found


def _notes(placed: Placed, catalog: Catalog) -> Iterator[Finding]:
    """What the user should know of a model that fits."""
    found = placed.fit
    model, room = found.model, _full_context_requests(found)
    if room < (model.concurrency or 8):
        yield Finding(
            code="concurrency-exceeds-memory",
            severity=Severity.WARNING,
            path="concurrency",
            given=str(model.concurrency),
            what=(
                f"requests of {model.context_tokens} tokens do not all find room: {room} do, others wait; "
                f"the KV cache of {found.place} holds {found.memory.kv_tokens} tokens"
            ),
            allowed=f"at most {room} without waiting",
        )
    if not _memory_verified(found, catalog):
        yield Finding(
            code="memory-unverified",
            severity=Severity.NOTE,
            path="placement",
            what=f"counts on {found.site.unit.memory_gib:g} GiB a unit, unconfirmed, of {found.place}",
        )


def _memory_verified(found: Fit, catalog: Catalog) -> bool:
    pool, sku, unit = found.site
    row = catalog.mig(sku.name, pool.mig.profile) if pool.mig else catalog.gpus[unit.gpu]
    return row is not None and row.verified


def _full_context_requests(found: Fit) -> int:
    return found.memory.kv_tokens // whole_blocks(found.model.context_tokens)


def _cost(environment: Environment, sites: Sequence[Site | None], catalog: Catalog) -> Price | None:
    """The price, where every size is known."""
    try:
        cluster = environment.cluster
        known = {cluster.system.sku, cluster.heads.sku} <= catalog.skus.keys() and None not in sites
        return price(environment, catalog) if known else None
    except Unparsed:
        return None


def _planned_model(found: Fit, catalog: Catalog) -> PlannedModel:
    model, units = found.model, found.load.units
    replicas = model.replicas or Replicas(max=1)
    return PlannedModel(
        name=model.name,
        source=model.source,
        checkpoint=model.source,
        precision=Precision(found.row.weights_dtype),
        workload=model.workload,
        licence=found.row.licence,
        pool=found.site.pool.name,
        units=units,
        tensor_parallel=units,
        pipeline_parallel=1,
        isolation=model.isolation,
        traffic=model.traffic,
        slo=model.slo,
        replicas_min=replicas.min,
        replicas_expected=replicas.max,
        replicas_max=replicas.max,
        context_tokens=model.context_tokens,
        concurrency=model.concurrency or 8,
        full_context_requests=_full_context_requests(found),
        adapters=tuple(adapter.name for adapter in model.adapters),
        engine=engine_arguments(model, found.load),
        memory=_memory(found),
        speed=None,
        bottleneck=None,
        usd_per_hour=None,
        rejected=(),
        runner_up=None,
        worker=worker_size(found.site.sku, found.site.unit.per_node, units, catalog),
    )


def _memory(found: Fit) -> MemoryBudget:
    coarse = found.memory
    return MemoryBudget(
        usable_gib=coarse.usable_gib,
        weights_gib=coarse.weights_gib,
        activation_gib=coarse.overhead_gib,
        non_torch_gib=coarse.margin_gib,
        cudagraph_gib=0,
        adapters_gib=coarse.adapters_gib,
        draft_gib=0,
        kv_gib=coarse.kv_gib,
        kv_low_gib=coarse.kv_gib,
        kv_high_gib=coarse.kv_gib,
        kv_tokens=coarse.kv_tokens,
        max_concurrency=coarse.kv_tokens / found.model.context_tokens,
    )
