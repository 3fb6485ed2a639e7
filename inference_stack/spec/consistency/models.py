"""Models: what each is asked, how often it runs, and where."""

import re
from collections.abc import Iterator

from inference_stack.spec.environment import Environment
from inference_stack.spec.faults import shown
from inference_stack.spec.finding import Finding, Severity
from inference_stack.spec.models import Model, Placement
from inference_stack.spec.pools import GpuPool, Priority

from .rules import ordered, readable, under, unique_names

EDGE = "edge"
"""Workload of models that run on devices: they are shipped, not served."""

CONTAINERS = ("weights", "adapters")
"""Containers of the environment's own storage account."""

AZURE_FOLDER = re.compile(r"(abfss|azure)://([^@/]+)@([a-z0-9]{3,24})\.(dfs|blob)\.core\.windows\.net/\S+")
"""A folder in a storage account, as Ray reads it: container, account, path."""


def models_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions inside the models and between them."""
    yield from readable(_names(environment))
    yield from readable(_each(environment))


def _names(environment: Environment) -> Iterator[Finding]:
    yield from unique_names("models", environment.models, lambda model: model.name)


def _each(environment: Environment) -> Iterator[Finding]:
    alone = (_replicas, _adapter_names, _bounded, _peak, _lengths, _slo, _split, _routing)
    for index, model in enumerate(environment.models):
        for rule in alone:
            yield from under(f"models[{index}]", readable(rule(model)))
        for rule in (_known_pool, _own_weights, _kept_on_spot):
            yield from under(f"models[{index}]", readable(rule(model, environment)))


def _replicas(model: Model) -> Iterator[Finding]:
    if model.replicas:
        yield from ordered(model.replicas.min, model.replicas.max, "replicas")


def _adapter_names(model: Model) -> Iterator[Finding]:
    yield from unique_names("adapters", model.adapters, lambda adapter: adapter.name)


def _bounded(model: Model) -> Iterator[Finding]:
    if model.replicas is None and model.traffic is None and model.workload != EDGE:
        yield Finding(
            code="replicas-unknown",
            path="replicas",
            what="is not there, and no traffic says how many there must be",
            allowed="keys min, max here, or the key traffic of the same model",
        )


def _peak(model: Model) -> Iterator[Finding]:
    traffic = model.traffic
    if traffic and traffic.peak < traffic.requests_per_second:
        yield Finding(
            code="bounds-reversed",
            path="traffic.peak_requests_per_second",
            given=f"{traffic.peak:g}",
            what=f"is less than traffic.requests_per_second, which is {traffic.requests_per_second:g}",
            allowed=f"at least {traffic.requests_per_second:g}",
        )


def _lengths(model: Model) -> Iterator[Finding]:
    traffic = model.traffic
    if traffic is None:
        return
    for name in ("prompt_tokens", "output_tokens") if model.workload is None else ():
        if getattr(traffic, name) is None:
            yield Finding(
                code="missing-key",
                path=f"traffic.{name}",
                what="is not there, and no workload says how long it usually is",
                allowed="tokens here, or the key workload of the same model",
            )
    prompt, output = traffic.prompt_tokens or 0, traffic.output_tokens or 0
    if prompt + output > model.context_tokens:
        yield Finding(
            code="traffic-beyond-context",
            path="context_tokens",
            given=str(model.context_tokens),
            what=f"is less than a mean request: a prompt of {prompt} and an answer of {output}",
            allowed=f"at least {prompt + output}",
        )


def _slo(model: Model) -> Iterator[Finding]:
    if model.slo and model.traffic is None:
        yield Finding(
            code="slo-without-traffic",
            path="slo",
            what="cannot be judged while nobody says how long prompts and answers are",
            allowed="nothing here, or the key traffic of the same model",
        )


def _split(model: Model) -> Iterator[Finding]:
    if not model.disaggregated:
        return
    if model.traffic is None or (model.slo is None and model.workload is None):
        yield Finding(
            code="split-without-traffic",
            path="disaggregated",
            given="true",
            what="needs to know how much is read and written, and how fast, to size both sides",
            allowed="false, or the keys traffic and slo of the same model",
        )
    if model.concurrency or model.replicas:
        yield Finding(
            code="split-with-bounds",
            path="disaggregated",
            given="true",
            what="has two kinds of replicas, and concurrency and replicas do not say which they bound",
            allowed="false, or neither concurrency nor replicas",
        )


def _routing(model: Model) -> Iterator[Finding]:
    if model.routing == "prefix" and model.replicas and model.replicas.max == 1:
        yield Finding(
            code="routing-without-choice",
            severity=Severity.WARNING,
            path="routing",
            given=model.routing,
            what="chooses between replicas, and there is at most one",
            allowed="balanced, or replicas.max of at least 2",
        )


def _own_weights(model: Model, environment: Environment) -> Iterator[Finding]:
    """Ray takes an Azure folder in one form only; our own account has no containers but ours."""
    weights = model.own.weights if model.own else ""
    if not weights.startswith(("abfss://", "azure://")):
        return
    parts = AZURE_FOLDER.fullmatch(weights)
    account = environment.storage_account
    if parts is None or (parts[1], parts[4]) == ("abfss", "blob"):
        yield Finding(
            code="wrong-form",
            path="own.weights",
            given=shown(weights),
            what="does not name a folder in a storage account",
            allowed=f"the form abfss://weights@{account}.dfs.core.windows.net/name",
        )
    elif parts[3] == account and parts[2] not in CONTAINERS:
        yield Finding(
            code="container-unknown",
            path="own.weights",
            given=shown(weights),
            what=f"is in no container of {account}, which this environment makes",
            allowed=f"one of {', '.join(CONTAINERS)} before @{account}, or an account of your own",
        )


def _known_pool(model: Model, environment: Environment) -> Iterator[Finding]:
    if not isinstance(model.placement, Placement):
        return
    asked = model.placement.pool
    names = [pool.name for pool in environment.listed_pools]
    if asked not in names:
        yield Finding(
            code="unknown-pool",
            path="placement.pool",
            given=asked,
            what="is no pool of this environment",
            allowed=", ".join([*dict.fromkeys(names), "or placement: auto"]),
        )


def _kept_on_spot(model: Model, environment: Environment) -> Iterator[Finding]:
    if model.replicas is None or model.replicas.min == 0 or not _only_spot(model, environment):
        return
    yield Finding(
        code="kept-on-spot",
        severity=Severity.WARNING,
        path="replicas.min",
        given=str(model.replicas.min),
        what="replicas are to be there at any time, and Azure may take Spot nodes away at any time",
        allowed="0, or a Regular pool for this model",
    )


def _only_spot(model: Model, environment: Environment) -> bool:
    """Whether the model can have nothing but Spot nodes."""
    pools: tuple[GpuPool, ...] = environment.listed_pools
    pinned = model.placement.pool if isinstance(model.placement, Placement) else None
    if pinned is None and environment.may_add_pools and not environment.spot:
        return False
    open_to = [pool for pool in pools if pinned in (None, pool.name)]
    made = pinned is None and environment.may_add_pools
    return (bool(open_to) or made) and all(pool.priority is Priority.SPOT for pool in open_to)
