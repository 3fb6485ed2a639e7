"""Contradictions inside an environment that need no catalog to be seen."""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Network
from typing import TypeVar

from .cluster import CpuPool
from .environment import Environment
from .faults import shown
from .finding import Finding
from .models import Model, Placement
from .network import Network
from .pools import GpuPool, Priority
from .section import Unparsed
from .sources import ChartSource

Item = TypeVar("Item")

RESERVED_RANGES = tuple(
    map(IPv4Network, ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24"))
)
"""Ranges that AKS keeps for itself."""

POD_PREFIX = 24
"""AKS gives each node a /24 of the overlay."""

EDGE = "edge"
"""Workload of models that run on devices: they are shipped, not served."""

AZURE_ADDRESSES = 5
"""Addresses that Azure keeps in every subnet."""


def readable(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What a rule finds before it asks for a part that could not be read: no fault is told by its echo."""
    try:
        yield from findings
    except Unparsed:
        return


def under(parent: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings about a part, their paths counted from the whole."""
    return (finding.under(parent) for finding in findings)


def environment_findings(environment: Environment) -> Iterator[Finding]:
    """Every contradiction between parts of the environment that could be read."""
    for rule in (_network, _address_counts, _pool_names, _model_names, _pools, _models, _cluster, _charts):
        yield from readable(rule(environment))


def gpu_pool_findings(pool: GpuPool) -> Iterator[Finding]:
    """Contradictions inside a GPU pool; paths count from the pool."""
    yield from readable(_bounds(pool, "nodes"))
    yield from readable(_spot_price(pool))
    yield from readable(_existing(pool))


def _pools(environment: Environment) -> Iterator[Finding]:
    for index, pool in enumerate(environment.listed_pools):
        yield from under(f"pools[{index}]", gpu_pool_findings(pool))


def _models(environment: Environment) -> Iterator[Finding]:
    for index, model in enumerate(environment.models):
        for rule in (_replicas, _adapter_names, _bounded, _peak, _slo_without_traffic, _split):
            yield from under(f"models[{index}]", readable(rule(model)))
        yield from under(f"models[{index}]", readable(_known_pool(model, environment)))


def _cluster(environment: Environment) -> Iterator[Finding]:
    for name in ("system", "heads"):
        yield from under(f"cluster.{name}", readable(_cpu_pool(environment, name)))
    yield from readable(_system_pool(environment.cluster.system))


def _charts(environment: Environment) -> Iterator[Finding]:
    for name in ("kuberay_crds", "kuberay_operator"):
        yield from under(f"charts.{name}", readable(_chart(environment, name)))


def _network(environment: Environment) -> Iterator[Finding]:
    network = environment.network
    for name in ("nodes", "endpoints"):
        yield from readable(_inside(network, name))
    for name, other in (
        ("endpoints", "nodes"),
        ("pods", "address_space"),
        ("services", "address_space"),
        ("services", "pods"),
    ):
        yield from readable(_apart(network, name, other))
    for name in ("address_space", "pods", "services"):
        yield from readable(_not_reserved(network, name))


def _range(network: Network, name: str) -> IPv4Network:
    return getattr(network, name)


def _inside(network: Network, name: str) -> Iterator[Finding]:
    subnet, space = _range(network, name), network.address_space
    if not subnet.subnet_of(space):
        yield Finding(
            code="subnet-outside-network",
            path=f"network.{name}",
            given=str(subnet),
            what=f"is not inside network.address_space, which is {space}",
            allowed=f"a range inside {space}",
        )


def _apart(network: Network, name: str, other: str) -> Iterator[Finding]:
    mine, taken = _range(network, name), _range(network, other)
    if mine.overlaps(taken):
        yield Finding(
            code="ranges-overlap",
            path=f"network.{name}",
            given=str(mine),
            what=f"overlaps network.{other}, which is {taken}",
            allowed=f"a range without addresses of {taken}",
        )


def _not_reserved(network: Network, name: str) -> Iterator[Finding]:
    mine = _range(network, name)
    for taken in RESERVED_RANGES:
        if mine.overlaps(taken):
            yield Finding(
                code="range-reserved",
                path=f"network.{name}",
                given=str(mine),
                what=f"overlaps {taken}, which AKS keeps for itself",
                allowed="ranges outside of " + ", ".join(map(str, RESERVED_RANGES)),
            )


def _address_counts(environment: Environment) -> Iterator[Finding]:
    cluster, network = environment.cluster, environment.network
    pools = (cluster.system, cluster.heads, *environment.listed_pools)
    nodes = sum(pool.nodes.max for pool in pools)
    # A pool that upgrades adds one node of its own beside the others.
    needed = nodes + len(pools)
    subnet = network.nodes.num_addresses - AZURE_ADDRESSES
    overlay = 2 ** max(0, POD_PREFIX - network.pods.prefixlen)
    for name, room in (("nodes", subnet), ("pods", overlay)):
        if room < needed:
            yield Finding(
                code="range-too-small",
                path=f"network.{name}",
                given=str(_range(network, name)),
                what=f"has room for {room} nodes; the pools may have {nodes} and upgrades add {len(pools)}",
                allowed=f"a range with room for {needed} nodes, or fewer nodes",
            )


def _pool_names(environment: Environment) -> Iterator[Finding]:
    yield from _unique("pools", environment.listed_pools, lambda pool: pool.name)


def _model_names(environment: Environment) -> Iterator[Finding]:
    yield from _unique("models", environment.models, lambda model: model.name)


def _adapter_names(model: Model) -> Iterator[Finding]:
    yield from _unique("adapters", model.adapters, lambda adapter: adapter.name)


def _unique(parent: str, items: Iterable[Item], name_of: Callable[[Item], str]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, item in enumerate(items):
        try:
            name = name_of(item)
        except Unparsed:
            continue
        if name in first:
            yield Finding(
                code="duplicate-name",
                path=f"{parent}[{index}].name",
                given=name,
                what=f"is the name of {parent}[{first[name]}] already",
                allowed="a name that no other one has",
            )
        first.setdefault(name, index)


def _bounds(pool: GpuPool | CpuPool, path: str) -> Iterator[Finding]:
    yield from _ordered(pool.nodes.min, pool.nodes.max, path)


def _replicas(model: Model) -> Iterator[Finding]:
    if model.replicas:
        yield from _ordered(model.replicas.min, model.replicas.max, "replicas")


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
    for name in ("prompt_tokens", "output_tokens") if traffic and model.workload is None else ():
        if getattr(traffic, name) is None:
            yield Finding(
                code="missing-key",
                path=f"traffic.{name}",
                what="is not there, and no workload says how long it usually is",
                allowed="tokens here, or the key workload of the same model",
            )
    prompt, output = (traffic.prompt_tokens, traffic.output_tokens) if traffic else (None, None)
    if (prompt or 0) + (output or 0) > model.context_tokens:
        yield Finding(
            code="traffic-beyond-context",
            path="context_tokens",
            given=str(model.context_tokens),
            what=f"is less than a mean request: a prompt of {prompt or 0} and an answer of {output or 0}",
            allowed=f"at least {(prompt or 0) + (output or 0)}",
        )


def _slo_without_traffic(model: Model) -> Iterator[Finding]:
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


def _ordered(least: int, most: int, path: str) -> Iterator[Finding]:
    if least > most:
        yield Finding(
            code="bounds-reversed",
            path=f"{path}.min",
            given=str(least),
            what=f"is more than {path}.max, which is {most}",
            allowed=f"at most {most}",
        )


def _spot_price(pool: GpuPool) -> Iterator[Finding]:
    if pool.spot_max_price is not None and pool.priority is not Priority.SPOT:
        yield Finding(
            code="spot-price-without-spot",
            path="spot_max_price",
            given=str(pool.spot_max_price),
            what="caps the price of Spot nodes, but priority is Regular",
            allowed="nothing here, or priority: Spot",
        )


def _existing(pool: GpuPool) -> Iterator[Finding]:
    if pool.existing is None:
        return
    for name in ("os_disk_gb", "spot_max_price"):
        if name in pool.model_fields_set:
            yield Finding(
                code="existing-pool-setting",
                path=name,
                given=shown(getattr(pool, name)),
                what="is decided already for a pool that exists",
                allowed="nothing here",
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


def _cpu_pool(environment: Environment, name: str) -> Iterator[Finding]:
    yield from _bounds(getattr(environment.cluster, name), "nodes")


def _system_pool(pool: CpuPool) -> Iterator[Finding]:
    if pool.nodes.min < 1:
        yield Finding(
            code="system-pool-empty",
            path="cluster.system.nodes.min",
            given=str(pool.nodes.min),
            what="leaves AKS without a node for its own pods",
            allowed="at least 1",
        )


def _chart(environment: Environment, name: str) -> Iterator[Finding]:
    source: ChartSource = getattr(environment.charts, name)
    folder = source.chart.startswith((".", "/"))
    reference = source.chart.startswith("oci://")
    if (folder or reference) and source.repository is not None:
        yield Finding(
            code="chart-repository-not-wanted",
            path="repository",
            given=shown(source.repository),
            what=f"does not go with {'a folder' if folder else 'an oci:// reference'}",
            allowed="nothing here, or a plain chart name in `chart`",
        )
    if not folder and not reference and source.repository is None:
        yield Finding(
            code="chart-without-repository",
            path="chart",
            given=shown(source.chart),
            what="is a plain name, and there is no `repository` to look it up in",
            allowed="a name with `repository`, an oci:// reference, or a folder such as ./charts/name",
        )
    if folder and source.version is not None:
        yield Finding(
            code="chart-version-not-wanted",
            path="version",
            given=shown(source.version),
            what="does not go with a folder, whose Chart.yaml has the version",
            allowed="nothing here",
        )
