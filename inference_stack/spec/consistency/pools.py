"""GPU pools: one by one, and beside one another."""

from collections.abc import Iterator

from inference_stack.spec.cluster import MOST_POOLS, OWN_POOLS
from inference_stack.spec.environment import Environment
from inference_stack.spec.faults import shown
from inference_stack.spec.finding import Finding
from inference_stack.spec.pools import GpuPool, Priority

from .rules import distinct, ordered, readable, under, unique_names


def pools_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions inside the GPU pools and between them."""
    yield from readable(_names(environment))
    yield from readable(_count(environment))
    yield from readable(_each(environment))


def gpu_pool_findings(pool: GpuPool) -> Iterator[Finding]:
    """Contradictions inside a GPU pool; paths count from the pool."""
    for rule in (_name, _bounds, _spot_price, _existing, _taints, _zones):
        yield from readable(rule(pool))


def _names(environment: Environment) -> Iterator[Finding]:
    pools = environment.listed_pools
    yield from unique_names("pools", pools, lambda pool: pool.name)
    yield from distinct("pools", pools, lambda pool: pool.existing, ".existing")


def _count(environment: Environment) -> Iterator[Finding]:
    own = [pool for pool in environment.listed_pools if pool.existing is None]
    most = MOST_POOLS - len(OWN_POOLS)
    if len(own) > most:
        yield Finding(
            code="too-many",
            path="pools",
            given=str(len(own)),
            what=f"is more pools than AKS has in one cluster beside {' and '.join(OWN_POOLS)}",
            allowed=f"at most {most}, and any number that exist in other clusters",
        )


def _each(environment: Environment) -> Iterator[Finding]:
    for index, pool in enumerate(environment.listed_pools):
        yield from under(f"pools[{index}]", gpu_pool_findings(pool))


def _name(pool: GpuPool) -> Iterator[Finding]:
    if pool.name in OWN_POOLS:
        yield Finding(
            code="pool-name-taken",
            path="name",
            given=pool.name,
            what="is the name of a pool without GPUs, which every environment has: see `cluster`",
            allowed=f"any name but {', '.join(OWN_POOLS)}",
        )


def _bounds(pool: GpuPool) -> Iterator[Finding]:
    yield from ordered(pool.nodes.min, pool.nodes.max, "nodes")


def _spot_price(pool: GpuPool) -> Iterator[Finding]:
    if pool.existing is None and pool.spot_max_price is not None and pool.priority is not Priority.SPOT:
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
    for name in ("os_disk_gb", "spot_max_price", "zones"):
        if name in pool.model_fields_set:
            yield Finding(
                code="existing-pool-setting",
                path=name,
                given=shown(getattr(pool, name)),
                what="is decided already for a pool that exists",
                allowed="nothing here",
            )


def _taints(pool: GpuPool) -> Iterator[Finding]:
    yield from distinct("taints", pool.taints, _key_and_effect)
    if pool.taints and pool.existing is None:
        yield Finding(
            code="taints-without-existing",
            path="taints",
            given=", ".join(pool.taints),
            what="are those of a pool that exists; one that is made has its own, which its pods tolerate",
            allowed="nothing here, or existing: the ARM id of the pool that has them",
        )


def _key_and_effect(taint: str) -> str:
    """What Kubernetes wants to be unique among the taints of a node."""
    key, _, rest = taint.partition("=")
    return f"{key}:{rest.rpartition(':')[2]}"


def _zones(pool: GpuPool) -> Iterator[Finding]:
    yield from distinct("zones", pool.zones, str)
