"""Whether a model fits on the units of a pool, and what would make it fit."""

from collections.abc import Iterator
from typing import NamedTuple

from inference_stack.catalog import Catalog, ModelRow
from inference_stack.spec import Finding, Mig, Model

from .accelerator import accelerator
from .coarse_memory import GIB, CoarseBudget, Load, budget, whole_blocks
from .engine_arguments import load
from .pools import Site

SHORTEST_CONTEXT = 256
"""Tokens below which a context is of no use; the spec accepts none shorter."""


class Fit(NamedTuple):
    """A model on so many units of a site."""

    model: Model
    row: ModelRow
    site: Site
    load: Load
    memory: CoarseBudget

    @property
    def holds_context(self) -> bool:
        """Whether one request of the longest context has room."""
        return self.memory.kv_tokens >= whole_blocks(self.model.context_tokens)

    @property
    def place(self) -> str:
        """The site in words: MIG 2g.24gb on Standard_NC40ads_H100_v5."""
        unit = self.site.unit
        if unit.profile:
            return f"MIG {unit.profile} on {self.site.pool.sku}"
        units = self.load.units
        return (
            f"{units} × {unit.gpu} of {self.site.pool.sku}"
            if units > 1
            else f"{unit.gpu} of {self.site.pool.sku}"
        )


def fit(model: Model, row: ModelRow, site: Site, units: int, catalog: Catalog) -> Fit:
    """A model on `units` units of a site, whether it fits or not."""
    wanted = load(model, row, site.unit, units, catalog.gpus[site.unit.gpu].architecture)
    return Fit(model, row, site, wanted, budget(wanted, site.unit.memory_gib))


def possible_units(row: ModelRow, site: Site) -> list[int]:
    """How many units a replica of the model may span here. Tensor parallel does not span MIG slices."""
    if site.unit.profile:
        return [1]
    return [units for units in range(1, site.unit.per_node + 1) if divides(row, units)]


def divides(row: ModelRow, units: int) -> bool:
    """Whether attention heads can be dealt out over the units; KV heads may be copied instead."""
    kv_heads = 1 if row.kv_lora_rank else row.kv_heads
    return row.heads % units == 0 and (kv_heads % units == 0 or units % kv_heads == 0)


def memory_findings(found: Fit, catalog: Catalog) -> Iterator[Finding]:
    """What is wrong, if the model does not fit; paths count from the model."""
    memory, context = found.memory, found.model.context_tokens
    if found.holds_context:
        return
    ways = ", or ".join(_ways_out(found, catalog)) or "a smaller model, or a pool with larger GPUs"
    if memory.kv_tokens < SHORTEST_CONTEXT:
        fixed = memory.weights_gib + memory.overhead_gib + memory.adapters_gib + memory.margin_gib
        yield Finding(
            code="model-does-not-fit",
            path="source",
            given=found.row.id,
            what=(
                f"needs {fixed:.1f} GiB before its KV cache ({memory.weights_gib:.1f} of them weights); "
                f"{found.place} offers {memory.usable_gib:.1f} GiB"
            ),
            allowed=ways,
        )
        return
    needed = whole_blocks(context) * memory.kv_bytes_per_token / GIB
    yield Finding(
        code="context-does-not-fit",
        path="context_tokens",
        given=str(context),
        what=(
            f"needs {needed:.1f} GiB of KV cache for one request; "
            f"{found.place} leaves {memory.kv_gib:.1f} GiB"
        ),
        allowed=ways,
    )


def _ways_out(found: Fit, catalog: Catalog) -> Iterator[str]:
    """What would make the model fit on this pool, the least change first."""
    here = found.memory.kv_tokens
    if here >= SHORTEST_CONTEXT:
        yield f"at most {here} tokens here"
    if slice_ := _larger_slice(found, catalog):
        yield f"mig.profile: {slice_} for the pool"
    if units := _more_units(found, catalog):
        yield f"placement.gpus: {units}"
    # KV heads of half the width hold twice the tokens.
    halved = budget(found.load._replace(kv_width=1), found.site.unit.memory_gib).kv_tokens
    limit = min(halved, found.row.max_position_embeddings)
    if found.load.kv_width > 1 and limit > max(here, SHORTEST_CONTEXT):
        yield f"engine.kv_cache_dtype: fp8 (then at most {limit} tokens)"


def _larger_slice(found: Fit, catalog: Catalog) -> str | None:
    pool, sku, _ = found.site
    if pool.mig is None:
        return None
    for row in catalog.profiles(pool.sku):
        mig = Mig.model_validate({"profile": row.aks_profile, "strategy": pool.mig.strategy})
        larger = Site(pool, sku, accelerator(sku, mig, catalog))
        if fit(found.model, found.row, larger, 1, catalog).holds_context:
            return row.aks_profile
    return None


def _more_units(found: Fit, catalog: Catalog) -> int | None:
    larger = (units for units in possible_units(found.row, found.site) if units > found.load.units)
    fits = (
        units for units in larger if fit(found.model, found.row, found.site, units, catalog).holds_context
    )
    return next(fits, None)
