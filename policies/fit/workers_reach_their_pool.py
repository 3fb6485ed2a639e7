"""A worker finds nodes that take it and have what it asks for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inference_stack.catalog import CATALOG
from inference_stack.planner.accelerator import WHOLE_GPU
from inference_stack.planner.node_template import POOL_LABEL, template_tag
from policies.context import Context
from policies.kinds import AGENT_POOL, RAY_SERVICE
from policies.pods import worker_groups
from policies.rule import Violation, rule
from policies.seen import Seen, maps

GPUS = "nvidia.com/"


@rule(
    demand="Workers select a pool of the stack, tolerate its taints, and ask for what it exposes.",
    why="A worker that no node takes stays pending, and so does every request that waits for it.",
    remedy="take labels, taints and resource of the pool as docs/concepts.md names them",
    on=[RAY_SERVICE],
    whole=True,
    references=["github.com/Azure/AKS/issues/5161", "docs.nvidia.com: MIG strategies of the device plugin"],
)
def workers_reach_their_pool(service: Seen, context: Context) -> Iterator[Violation]:
    """Worker groups that the pool they select does not take, or that select none."""
    for path, group in worker_groups(service):
        spec = (group.get("template") or {}).get("spec") or {}
        wanted = (spec.get("nodeSelector") or {}).get(POOL_LABEL)
        if wanted is None:
            continue
        labels = {pool.get("nodeLabels", {}).get(POOL_LABEL): pool for pool in context.of_type(AGENT_POOL)}
        where = f"{path}.template.spec"
        if (pool := labels.get(wanted)) is None:
            names = ", ".join(sorted(name for name in labels if name)) or "none"
            yield Violation(f"{where}.nodeSelector[{POOL_LABEL}]", wanted, "is no pool of this stack", names)
            continue
        yield from _tolerated(where, spec, pool)
        yield from _exposed(where, spec, pool)


def _tolerated(where: str, spec: Mapping[str, Any], pool: Seen) -> Iterator[Violation]:
    tolerations = list(maps(spec.get("tolerations")))
    for taint in pool.plain("nodeTaints", []):
        if not taint.endswith(":PreferNoSchedule") and not any(
            _tolerates(each, taint) for each in tolerations
        ):
            yield Violation(f"{where}.tolerations", None, f"do not have the taint of pool {pool.name}", taint)


def _tolerates(toleration: Mapping[str, Any], taint: str) -> bool:
    pair, _, effect = taint.rpartition(":")
    key, _, value = pair.partition("=")
    if toleration.get("effect") not in {None, "", effect}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", key}
    return toleration.get("key") == key and (toleration.get("value") or "") == value


def _exposed(where: str, spec: Mapping[str, Any], pool: Seen) -> Iterator[Violation]:
    exposed = _resources(pool)
    for index, container in enumerate(maps(spec.get("containers"))):
        limits = (container.get("resources") or {}).get("limits") or {}
        for resource in limits:
            if resource.startswith(GPUS) and resource not in exposed:
                yield Violation(
                    f"{where}.containers[{index}].resources.limits[{resource}]",
                    str(limits[resource]),
                    f"is nothing that a node of pool {pool.name} offers",
                    " or ".join(exposed) or "no GPU",
                )


def _resources(pool: Seen) -> Sequence[str]:
    """What a node of the pool offers: as its tags tell the autoscaler, or by its size."""
    tags = pool.plain("tags", {})
    profile = pool.get("gpuInstanceProfile")
    row = CATALOG.mig(str(pool.get("vmSize")), profile) if profile else None
    names = [WHOLE_GPU, *([f"{GPUS}mig-{row.profile}"] if row else [])]
    told = [name for name in names if tags.get(template_tag(name), "0") != "0"]
    return told or ([] if profile else [WHOLE_GPU])
