"""Models that share a card leave one another their part."""

from collections.abc import Iterator
from typing import Any

from policies.context import Context
from policies.kinds import RAY_SERVICE
from policies.models import served
from policies.rule import STACK, Violation, rule
from policies.seen import Seen

DEFAULT = 0.92
"""gpu_memory_utilization of vLLM 0.29.0 where nothing is said."""


@rule(
    demand="Models that share a GPU take together no more of its memory than there is.",
    why="Ray places by the share that is asked and holds nobody to it; vLLM takes what its setting says, and "
    "whoever comes second finds no memory.",
    remedy="set gpu_memory_utilization to no more than the share of the GPU",
    on=[RAY_SERVICE, STACK],
    whole=True,
)
def tenants_share_one_card(seen: Seen, context: Context) -> Iterator[Violation]:
    """Models whose memory is more than their share, and units of the plan with more than one share in all."""
    if seen.type == RAY_SERVICE:
        yield from _of_service(seen)
    elif context.plan:
        for node in context.plan.packing:
            for unit in node.units:
                total = sum(tenant.share for tenant in unit.tenants)
                if total > 1 + 1e-9:
                    names = ", ".join(sorted({tenant.model for tenant in unit.tenants}))
                    path = f"packing: {node.pool} node {node.node} GPU {unit.gpu}"
                    yield Violation(
                        path, f"{total:.2f}", f"is shared by {names} beyond its memory", "at most 1"
                    )


def _of_service(service: Seen) -> Iterator[Violation]:
    for model in served(service):
        share = _share(model.config)
        taken = float((model.config.get("engine_kwargs") or {}).get("gpu_memory_utilization", DEFAULT))
        if share < 1 and taken > share:
            name = model.config["model_loading_config"].get("model_id")
            yield Violation(
                f"spec.serveConfigV2: {name}.engine_kwargs.gpu_memory_utilization",
                f"{taken:g}",
                f"is more than the model's share of the GPU, {share:g}",
                f"at most {share:g}",
            )


def _share(config: Any) -> float:
    groups = config.get("placement_group_config") or {}
    bundle = groups.get("bundle_per_worker") or next(iter(groups.get("bundles") or ()), {})
    return float(bundle.get("GPU", 1))
