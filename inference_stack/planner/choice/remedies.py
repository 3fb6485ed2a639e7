"""What to tell somebody whose model finds no place, and what would make one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from inference_stack.catalog import Catalog
from inference_stack.planner.accelerator import accelerator
from inference_stack.planner.memory.budget import longest, memory
from inference_stack.planner.pools import Site
from inference_stack.spec import Finding, Mig

from .candidate import Miss, Way
from .candidates import nearest, possible_widths
from .demand import Demand
from .offer import Barred, listed
from .shape import Shape
from .sizing import replica

SHORTEST_CONTEXT = 256
"""Tokens below which a context is of no use; the spec accepts none shorter."""

PATHS = {
    "memory": "source",
    "context": "context_tokens",
    "ttft": "slo.ttft_ms",
    "tpot": "slo.tpot_ms",
    "link": "slo.ttft_ms",
    "replicas": "replicas.max",
}
"""The key of a model that a limit is about. The later ones were met by what fails at the earlier ones."""


def unplaced(demand: Demand, misses: Sequence[Miss], barred: Sequence[Barred]) -> Iterator[Finding]:
    """Why an automatic placement finds nothing, by the way that comes nearest; paths count from the model."""
    if not misses:
        told = "; ".join(dict.fromkeys(f"{each.sku.name} {each.what}" for each in barred))
        yield Finding(
            code="nowhere-allowed",
            path="placement",
            given="auto",
            what="has no size to choose from" + (f": {told}" if told else ""),
            allowed="a pool in `pools`, or fewer of those rules",
        )
        return
    order = list(PATHS)
    furthest = max(order.index(miss.limit) for miss in misses)
    best = nearest(miss for miss in misses if miss.limit == order[furthest])
    told = _told(demand, best, "will do nowhere; nearest is", _allowed(demand, best))
    nowhere = best.limit in ("memory", "context")
    yield told.model_copy(update={"code": "fits-nowhere"}) if nowhere else told


def unpinned(demand: Demand, miss: Miss, catalog: Catalog) -> Iterator[Finding]:
    """Why a pinned placement will not do, with the least changes that would make it; paths as above."""
    ways = list(_ways_out(demand, miss.way, catalog)) if miss.limit in ("memory", "context") else []
    yield _told(demand, miss, "on", ", or ".join(ways) or _allowed(demand, miss))


def _told(demand: Demand, miss: Miss, where: str, allowed: str) -> Finding:
    model = demand.model
    codes = {
        "memory": "model-does-not-fit",
        "context": "context-does-not-fit",
        "replicas": "replicas-too-few",
    }
    given = {
        "memory": model.source,
        "context": str(model.context_tokens),
        "ttft": f"{demand.slo.ttft_ms:g}" if demand.slo else None,
        "link": f"{demand.slo.ttft_ms:g}" if demand.slo else None,
        "tpot": f"{demand.slo.tpot_ms:g}" if demand.slo else None,
        "replicas": str(model.replicas.max) if model.replicas else None,
    }
    return Finding(
        code=codes.get(miss.limit, "slo-out-of-reach"),
        path=PATHS[miss.limit],
        given=given[miss.limit],
        what=f"{where} {miss.way}: {miss.what}",
        allowed=allowed,
    )


def _allowed(demand: Demand, miss: Miss) -> str:
    model = demand.model
    if miss.limit == "context":
        tokens = longest(replica(demand, miss.way, 1))
        if tokens >= SHORTEST_CONTEXT:
            return f"at most {tokens} tokens, or a pool with more memory"
    if miss.limit in ("memory", "context"):
        return "a smaller model, or a pool with more memory"
    if miss.limit == "replicas" and model.replicas:
        return f"at least {round(model.replicas.max * miss.factor)}, or less traffic"
    return "a slower SLO, shorter prompts, or a model with fewer active parameters"


def _ways_out(demand: Demand, way: Way, catalog: Catalog) -> Iterator[str]:
    """What would make the model fit on this pool, the least change first."""
    here = longest(replica(demand, way, demand.most_concurrent if demand.traffic is None else 1))
    if here >= SHORTEST_CONTEXT:
        yield f"at most {here} tokens here"
    if slice_ := _larger_slice(demand, way, catalog):
        yield f"mig.profile: {slice_} for the pool"
    for width in possible_widths(demand, way.offer):
        if width > way.shape.tensor_parallel and _fits(demand, replace(way, shape=Shape(width))):
            yield f"placement.gpus: {width}"
            break
    halved = _longest_with_fp8_cache(demand, way)
    if halved > max(here, SHORTEST_CONTEXT):
        yield f"engine.kv_cache_dtype: fp8 (then at most {halved} tokens)"


def _larger_slice(demand: Demand, way: Way, catalog: Catalog) -> str | None:
    pool, sku = way.offer.pool, way.offer.sku
    if pool is None or pool.mig is None:
        return None
    for row in catalog.profiles(sku.name):
        mig = Mig.model_validate({"profile": row.aks_profile, "strategy": pool.mig.strategy})
        unit = accelerator(sku, mig, catalog)
        larger = listed(Site(pool.model_copy(update={"mig": mig}), sku, unit))
        if unit.memory_gib > way.offer.unit.memory_gib and _fits(demand, replace(way, offer=larger)):
            return row.aks_profile
    return None


def _fits(demand: Demand, way: Way) -> bool:
    return memory(replica(demand, way, 1)).fits


def _longest_with_fp8_cache(demand: Demand, way: Way) -> int:
    if demand.model.engine.get("kv_cache_dtype", "auto") != "auto":
        return 0
    engine = {**demand.model.engine, "kv_cache_dtype": "fp8"}
    asked = replace(demand, model=demand.model.model_copy(update={"engine": engine}))
    return longest(replica(asked, way, 1))
