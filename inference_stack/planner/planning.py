"""From an environment to its plan, or to everything that forbids it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from inference_stack.catalog import CATALOG, Catalog
from inference_stack.spec import (
    EDGE,
    CpuPool,
    Environment,
    Finding,
    InvalidEnvironment,
    Model,
    Severity,
    Unparsed,
    environment_findings,
    is_whole,
    located,
    parse,
    readable,
    shown,
    under,
)

from .age import stale_findings
from .choice import Choice, Demand, asked, choose, choose_nothing, edge_models, expected, variants
from .choice.notes import notes
from .choice.packed import packed
from .engine_arguments import engine_findings
from .gateway import gateway_findings
from .kubernetes_version import ended_findings, version_findings
from .own import own_findings, with_own
from .plan import Plan
from .pools import Site, catalog_findings, cpu_pool_findings, image_findings, site
from .reckoning import Reckoning, reckon
from .region import region_findings
from .reservations import reserved_sku_findings
from .rules import (
    LicenceFacts,
    LicenceUse,
    OriginFacts,
    licence_allowed,
    licence_permits_production,
    origin_allowed,
)


class Judgement(NamedTuple):
    """What is found in an environment, or in as much of it as could be read."""

    findings: tuple[Finding, ...]
    reckoning: Reckoning | None
    """None where a size is not known, or could not be read."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid a plan."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def plan_environment(
    data: Mapping[str, Any],
    *,
    name: str,
    file: str,
    text: str | None = None,
    catalog: Catalog = CATALOG,
    today: date | None = None,
) -> Plan:
    """The plan of what stands under `inference-stack:environment` in `file`.

    `text` is the content of the file, if findings shall have lines; `today`, if old rows shall be told.
    Raises InvalidEnvironment with every fault of form, every contradiction and everything that could not
    work, as far as it shows.
    """
    environment, faults = parse(data)
    judgement = _judge(environment, catalog)
    catalog = with_own(environment, catalog)
    if wrong := (*faults, *judgement.errors):
        raise InvalidEnvironment(file, located(wrong, text))
    made = _plan(environment, name, judgement, catalog)
    return made.model_copy(update={"findings": located((*made.findings, *_old(made, catalog, today)), text)})


def plan(environment: Environment, name: str, catalog: Catalog = CATALOG) -> Plan:
    """The plan of an environment. Raises InvalidEnvironment with everything that forbids it."""
    judgement = _judge(environment, catalog)
    if judgement.errors:
        raise InvalidEnvironment(f"environment {name}", judgement.errors)
    return _plan(environment, name, judgement, with_own(environment, catalog))


def _judge(environment: Environment, catalog: Catalog) -> Judgement:
    findings = [*environment_findings(environment), *own_findings(environment, catalog)]
    catalog = with_own(environment, catalog)
    findings += readable(_cpu_pools(environment, catalog))
    findings += readable(_gpu_pools(environment, catalog))
    findings += readable(reserved_sku_findings(environment, catalog))
    findings += readable(region_findings(environment, catalog))
    findings += readable(version_findings(environment, catalog))
    findings += readable(_models(environment, catalog))
    sites = _sites(environment, catalog)
    choice = _choice(environment, sites, catalog)
    findings += choice.findings
    for placed in choice.placed:
        findings += under(f"models[{placed.demand.position}]", notes(placed, catalog))
    reckoning = _reckoning(environment, sites, choice, catalog)
    if reckoning:
        told = {(finding.code, finding.path) for finding in findings}
        findings += (each for each in reckoning.findings if (each.code, each.path) not in told)
        findings += gateway_findings(environment, reckoning.pools, reckoning.models)
    return Judgement(tuple(findings), reckoning)


def _plan(environment: Environment, name: str, judgement: Judgement, catalog: Catalog) -> Plan:
    found = judgement.reckoning
    if found is None:
        raise AssertionError("an environment without errors has a price")
    return Plan(
        name=name,
        environment=environment,
        pools=found.pools,
        models=found.models,
        edge=tuple(edge_models(environment, catalog)),
        packing=packed(found.pools, found.models),
        price=found.price,
        quota=found.quota,
        findings=judgement.findings,
    )


def _old(made: Plan, catalog: Catalog, today: date | None) -> Iterator[Finding]:
    if today:
        yield from stale_findings(made.environment, made.pools, made.models, catalog, today)
        yield from ended_findings(made.environment, catalog, today)


def _cpu_pools(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    for name in ("system", "heads"):
        pool: CpuPool = getattr(environment.cluster, name)
        yield from under(f"cluster.{name}", readable(cpu_pool_findings(pool, catalog)))


def _gpu_pools(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    for index, pool in enumerate(environment.listed_pools):
        yield from under(f"pools[{index}]", catalog_findings(pool, catalog))
        yield from under(f"pools[{index}]", readable(image_findings(pool, environment.images, catalog)))


def _models(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    for index, model in enumerate(environment.models):
        for rule in (_known, _workload, _context, _engine):
            yield from under(f"models[{index}]", readable(rule(model, catalog)))
        yield from under(f"models[{index}]", readable(_licence(model, environment, catalog)))
        yield from under(f"models[{index}]", readable(_terms_and_origin(model, environment, catalog)))
        yield from under(f"models[{index}]", readable(_precision(model, environment, catalog)))


def _known(model: Model, catalog: Catalog) -> Iterator[Finding]:
    if model.source not in catalog.models and model.own is None:
        nearest = catalog.nearest(model.source, catalog.models)
        yield Finding(
            code="unknown-model",
            path="source",
            given=shown(model.source),
            what="is no model of the catalog",
            allowed=", ".join(nearest or catalog.models),
            remedy="`inference-stack models` lists them all",
        )


def _workload(model: Model, catalog: Catalog) -> Iterator[Finding]:
    if model.workload is not None and model.workload not in catalog.workloads:
        nearest = catalog.nearest(model.workload, catalog.workloads)
        yield Finding(
            code="unknown-workload",
            path="workload",
            given=shown(model.workload),
            what="is no class of the catalog",
            allowed=", ".join(catalog.workloads),
            remedy=f"write {nearest[0]}, if that is what is meant" if nearest else None,
        )


def _context(model: Model, catalog: Catalog) -> Iterator[Finding]:
    row = catalog.models.get(model.source)
    if row and model.context_tokens > row.max_context:
        yield Finding(
            code="context-beyond-model",
            path="context_tokens",
            given=str(model.context_tokens),
            what=f"is longer than {row.id} can read",
            allowed=f"at most {row.max_context}",
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


def _terms_and_origin(model: Model, environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    """What is to be known of a licence that is allowed, and of where the model comes from."""
    governance = environment.governance
    row = catalog.models.get(model.source)
    if row is None or row.licence not in governance.licences:
        return
    if finding := licence_permits_production(
        LicenceUse(source=model.source, domicile=governance.domicile), catalog
    ):
        yield finding
    origin = OriginFacts(source=model.source, industry=governance.industry, domicile=governance.domicile)
    yield from origin_allowed(origin, catalog)


def _precision(model: Model, environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    if model.source in catalog.models and not variants(model, catalog, environment.governance.licences):
        rows = catalog.variants(model.source)
        yield Finding(
            code="precision-unpublished",
            path="precision",
            given=model.precision.value,
            what=f"is no form in which the catalog has {model.source}",
            allowed="auto, or a source of its own for each of: "
            + ", ".join(row.quantization for row in rows),
        )


def _sites(environment: Environment, catalog: Catalog) -> tuple[Site | None, ...]:
    try:
        return tuple(site(pool, catalog) if is_whole(pool) else None for pool in environment.listed_pools)
    except Unparsed:
        return (None,)


def _choice(environment: Environment, sites: Sequence[Site | None], catalog: Catalog) -> Choice:
    try:
        return choose(environment, _demands(environment, catalog), sites, catalog)
    except Unparsed:
        # What the environment allows could not be read.
        return choose_nothing()


def _demands(environment: Environment, catalog: Catalog) -> list[Demand]:
    """Models whose place can be judged: readable, in the catalog, with an engine that can be planned."""
    found: list[Demand] = []
    try:
        models, licences = environment.models, environment.governance.licences
    except Unparsed:
        return found
    for index, model in enumerate(models):
        if (
            is_whole(model)
            and model.workload != EDGE
            and (demand := _demand(index, model, licences, catalog))
        ):
            found.append(demand)
    return found


def _demand(position: int, model: Model, licences: Sequence[str], catalog: Catalog) -> Demand | None:
    row = catalog.models.get(model.source)
    unplannable = any(
        finding.severity is Severity.ERROR and finding.code != "engine-argument-derived"
        for rule in (_context, _engine)
        for finding in rule(model, catalog)
    )
    allowed, traffic = variants(model, catalog, licences), asked(model, catalog)
    # Two sides are sized by traffic alone; else bounds will do.
    unasked = traffic is None and (model.replicas is None or model.disaggregated)
    if row is None or unplannable or not allowed or unasked:
        return None
    return Demand(position, model, row, allowed, traffic, expected(model, catalog))


def _reckoning(
    environment: Environment, sites: Sequence[Site | None], choice: Choice, catalog: Catalog
) -> Reckoning | None:
    """What follows from the choice, where every size is known."""
    try:
        cluster = environment.cluster
        known = {cluster.system.sku, cluster.heads.sku} <= catalog.skus.keys() and None not in sites
        return reckon(environment, choice, catalog) if known else None
    except Unparsed:
        return None
