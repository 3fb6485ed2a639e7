"""What is wrong with a GPU pool, and what it becomes in the plan."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inference_stack.catalog import CATALOG, Catalog, Sku
from inference_stack.spec import (
    CpuPool,
    Finding,
    GpuPool,
    Images,
    Unparsed,
    gpu_pool_findings,
    readable,
    shown,
)

from .accelerator import accelerator
from .node_template import IDLE_REASON_TAG, pool_taints, template_tags
from .plan import Accelerator
from .rules import GpuPoolFacts, MigFacts, gpu_pool_reachable, mig_profile_possible

IN_ENVIRONMENT = {
    "gpu_instance_profile": "mig.profile",
    "min_count": "nodes.min",
    "node_taints": "sku",
    "tags": "sku",
}
"""Where the facts of the rules stand in a pool of an environment."""


def pool_findings(pool: GpuPool, catalog: Catalog = CATALOG) -> Iterator[Finding]:
    """Everything that forbids a GPU pool, its paths counted from the pool."""
    yield from gpu_pool_findings(pool)
    yield from catalog_findings(pool, catalog)


def catalog_findings(pool: GpuPool, catalog: Catalog) -> Iterator[Finding]:
    """What forbids a GPU pool in the light of the catalog."""
    for rule in (_sku, _mig, _reachable):
        yield from readable(rule(pool, catalog))


def image_findings(pool: GpuPool, images: Images, catalog: Catalog) -> Iterator[Finding]:
    """What forbids a GPU pool in the light of what the image is built for."""
    sku = catalog.skus.get(pool.sku)
    if sku and sku.arch == "arm64" and not images.arm64:
        yield Finding(
            code="image-not-arm64",
            path="sku",
            given=pool.sku,
            what="is arm64, and the image that its pods run is built for amd64 alone",
            allowed="images.arm64: true, and the image built anew; or a size that is amd64",
        )


def cpu_pool_findings(pool: CpuPool, catalog: Catalog) -> Iterator[Finding]:
    """What forbids a pool without GPUs, its paths counted from the pool."""
    without = [name for name, sku in catalog.skus.items() if sku.gpu is None]
    if pool.sku in catalog.skus and pool.sku not in without:
        yield Finding(
            code="gpu-for-cpu-pool",
            path="sku",
            given=pool.sku,
            what=f"has {catalog.skus[pool.sku].gpu} GPUs, and nothing in this pool uses one",
            allowed="a size without GPUs: " + ", ".join(without),
        )
    elif pool.sku not in catalog.skus:
        yield _unknown_sku(pool.sku, without, catalog)


class Site(NamedTuple):
    """A pool of which it is known what a pod gets there."""

    pool: GpuPool
    sku: Sku
    unit: Accelerator


def site(pool: GpuPool, catalog: Catalog) -> Site | None:
    """The pool as a place for models; None where its size or MIG profile cannot be, or could not be read."""
    try:
        sku, mig = catalog.skus.get(pool.sku), pool.mig
        if sku is None or sku.gpu is None or (mig and catalog.mig(pool.sku, mig.profile) is None):
            return None
        return Site(pool, sku, accelerator(sku, mig, catalog))
    except Unparsed:
        return None


def gpu_sku_findings(asked: str, catalog: Catalog) -> Iterator[Finding]:
    """Whether a size has GPUs; the path is that of the key `sku`."""
    with_gpus = [name for name, sku in catalog.skus.items() if sku.gpu is not None]
    if asked in with_gpus:
        return
    if asked not in catalog.skus:
        yield _unknown_sku(asked, with_gpus, catalog)
        return
    yield Finding(
        code="cpu-for-gpu-pool",
        path="sku",
        given=asked,
        what="has no GPU",
        allowed=", ".join(with_gpus),
    )


def _sku(pool: GpuPool, catalog: Catalog) -> Iterator[Finding]:
    yield from gpu_sku_findings(pool.sku, catalog)


def _unknown_sku(asked: str, known: Sequence[str], catalog: Catalog) -> Finding:
    nearest = catalog.nearest(asked, known)
    return Finding(
        code="unknown-sku",
        path="sku",
        given=shown(asked),
        what="is no size of the catalog",
        allowed=", ".join(known),
        remedy=f"write {nearest[0]}, if that is what is meant" if nearest else None,
    )


def _mig(pool: GpuPool, catalog: Catalog) -> Iterator[Finding]:
    profile = pool.mig.profile.value if pool.mig else None
    finding = mig_profile_possible(MigFacts(vm_size=pool.sku, gpu_instance_profile=profile), catalog)
    if finding:
        yield finding.at(IN_ENVIRONMENT[finding.path])


def _reachable(pool: GpuPool, catalog: Catalog) -> Iterator[Finding]:
    """The same rule that the policy pack asks, about the pool as the component will make it.

    The nodes of a pool that exists are somebody else's, who has decided about them.
    """
    place = site(pool, catalog)
    if place is None or pool.existing:
        return
    reason = {IDLE_REASON_TAG: pool.nodes.reason} if pool.nodes.reason else {}
    facts = GpuPoolFacts(
        vm_size=pool.sku,
        gpu_instance_profile=pool.mig.profile.value if pool.mig else None,
        node_taints=pool_taints(pool.priority),
        tags=template_tags(place.unit) | reason,
        min_count=pool.nodes.min,
        strategy=pool.mig.strategy.value if pool.mig else None,
    )
    for finding in gpu_pool_reachable(facts, catalog):
        yield finding.at(IN_ENVIRONMENT[finding.path])
