"""Every worker of our own environments gets a node from zero, and then runs on it."""

from collections.abc import Iterator
from typing import Any

import pytest
from lightkube.models.core_v1 import PodSpec

from components.serving_manifest import Place, service_manifest
from inference_stack.planner import (
    Plan,
    PlannedPool,
    plan_environment,
    pool_labels,
    pool_taints,
    services,
    template_tags,
)
from inference_stack.spec import MigStrategy, read
from localcloud.cluster.device_plugin import gpu_resources
from localcloud.cluster.node import aks_node
from localcloud.cluster.observed import observe_node
from localcloud.cluster.pool import Pool, Taint
from localcloud.cluster.scheduling import Machine, amounts, obstacles, requests
from localcloud.cluster.sizes import mig_slices
from localcloud.cluster.template import template
from localcloud.stack import PROJECT
from tests.cluster.builders import pod_spec, pool

ENVIRONMENTS = ["dev", "prod"]


def planned(environment: str) -> Plan:
    file = f"Pulumi.{environment}.yaml"
    return plan_environment(read(PROJECT / file).data, name=environment, file=file)


def made(given: PlannedPool) -> Pool:
    """The pool in AKS."""
    name = given.existing.rpartition("/")[2] if given.existing else given.name
    taints = given.taints if given.existing else pool_taints(given.priority)
    return pool(
        name,
        given.sku,
        labels={} if given.existing else pool_labels(given.name),
        taints=tuple(Taint.parse(taint) for taint in taints),
        tags=template_tags(given.accelerator),
        mig=mig_slices(given.sku, given.mig.profile.value) if given.mig else None,
        zones=given.zones,
    )


def workers(plan: Plan) -> Iterator[tuple[str, PlannedPool, PodSpec]]:
    """Every group of workers with its pool and its pods."""
    by_name = {one.name: one for one in plan.pools}
    for service in services(plan.models):
        model = service.models[0]
        spec: dict[str, Any] = service_manifest(plan, service, Place("inference", "inference"))["spec"]
        for group in spec["rayClusterConfig"]["workerGroupSpecs"]:
            prefill = model.prefill if group["groupName"].endswith("-prefill") else None
            where = by_name[(prefill or model).pool]
            yield group["groupName"], where, pod_spec(group["template"]["spec"])


def node(of: Pool, strategy: str) -> Machine:
    """A node of a pool, with the device plugin on it."""
    plugin = {
        "name": "plugin",
        "image": "nvcr.io/nvidia/k8s-device-plugin:v0.17.4",
        "env": [{"name": "MIG_STRATEGY", "value": strategy}],
    }
    seen = observe_node(aks_node(of, 0))
    assert seen
    shown = gpu_resources(of, [pod_spec({"containers": [plugin]})])
    free = {**seen.machine.free, **amounts({name: str(count) for name, count in shown.items()})}
    return seen.machine.model_copy(update={"free": free})


def test_gb200_and_slices_by_name_are_found_by_their_tags_alone() -> None:
    plan = planned("prod")
    lost = {
        where.name
        for _, where, spec in workers(plan)
        if obstacles(spec, template(made(where).model_copy(update={"tags": {}})))
    }
    named = {one.name for one in plan.pools if one.mig and one.mig.strategy is MigStrategy.MIXED}
    unknown = {one.name for one in plan.pools if "GB200" in one.sku}
    assert lost == named | unknown


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_autoscaler_finds_each_worker_a_pool_from_zero_and_no_other(environment: str) -> None:
    plan = planned(environment)
    templates = {one.name: template(made(one)) for one in plan.pools}
    for group, where, spec in workers(plan):
        fitting = [name for name, imagined in templates.items() if not obstacles(spec, imagined)]
        assert fitting == [where.name], f"{group}: {obstacles(spec, templates[where.name])}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_worker_fits_a_node_of_its_pool_as_often_as_the_plan_says(environment: str) -> None:
    for group, where, spec in workers(planned(environment)):
        room = node(made(where), where.mig.strategy.value if where.mig else "single")
        units = int(requests(spec)[where.accelerator.resource])
        for count in range(where.accelerator.per_node // units):
            assert obstacles(spec, room) == [], f"{group}: replica {count} of a node"
            room = room.holding(requests(spec))
        assert f"Insufficient {where.accelerator.resource}" in obstacles(spec, room)
