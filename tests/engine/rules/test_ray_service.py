"""Rules on clusters, services and pods: for each a case that breaks it and one that just keeps it."""

from typing import Any

import pytest

from inference_stack.engine import check_ray_service, pod_findings, ray_cluster_findings
from inference_stack.engine.rules.pod import pod_rules
from inference_stack.engine.rules.ray_cluster import cluster_rules
from inference_stack.engine.rules.ray_service import service_rules
from inference_stack.engine.rules.service_placement import service_placement_rules

from .cases_services import PODS, SERVICES
from .models import both, codes
from .services import CLUSTER, HEAD, IMAGE, OUR_IMAGE, cluster, container, group, head_container, service


def test_a_service_that_keeps_every_rule_is_found_without_fault():
    assert check_ray_service(service()) == []


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), SERVICES, ids=[f"{row[0]} {row[2]}" for row in SERVICES]
)
def test_a_service_that_breaks_a_rule_is_told_where_and_one_that_just_keeps_it_is_not(
    code, breaks, path, keeps
):
    broken, kept = service(), service()
    breaks(broken)
    keeps(kept)
    assert (code, path) in codes(check_ray_service(broken))
    assert code not in {found for found, _ in codes(check_ray_service(kept))}


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), PODS, ids=[f"{row[0]} {row[2]}" for row in PODS]
)
def test_a_pod_that_breaks_a_rule_is_told_where_and_one_that_just_keeps_it_is_not(code, breaks, path, keeps):
    assert (code, path) in codes(pod_findings(breaks))
    assert code not in {found for found, _ in codes(pod_findings(keeps))}


def test_every_rule_on_services_clusters_and_pods_has_its_cases():
    tried = {row[0] for row in (*SERVICES, *PODS)}
    rules = (*service_rules, *service_placement_rules, *cluster_rules, *pod_rules)
    assert tried == {rule.code for rule in rules}


@pytest.mark.parametrize(
    ("change", "engine", "code", "path"),
    [
        (both(), "0.33.0", "pair-breaks", f"{HEAD}.template.spec.containers[0].image"),
        (
            both(
                head_container(image=IMAGE.replace("2.60.0", "2.55.1")),
                container(image=IMAGE.replace("2.60.0", "2.55.1")),
                cluster(rayVersion="2.55.1"),
            ),
            "0.29.0",
            "pair-untested",
            f"{HEAD}.template.spec.containers[0].image",
        ),
        (
            both(
                head_container(image=OUR_IMAGE.replace("2.60.0", "2.55.1")),
                container(image=OUR_IMAGE.replace("2.60.0", "2.55.1")),
                cluster(rayVersion="2.55.1"),
            ),
            "0.29.0",
            "pair-untested",
            f"{HEAD}.template.spec.containers[0].image",
        ),
        (
            both(head_container(image="ours"), container(image="ours")),
            "0.33.0",
            "pair-breaks",
            f"{CLUSTER}.rayVersion",
        ),
    ],
    ids=["breaks", "untested", "by our tag", "by rayVersion"],
)
def test_a_pair_of_ray_and_vllm_that_is_not_known_to_work_is_told(change, engine, code, path):
    manifest = service()
    change(manifest)
    assert codes(check_ray_service(manifest, engine=engine)) == {(code, path)}


def test_the_cluster_of_any_resource_is_judged_alone_and_by_its_own_path():
    manifest = service()
    group(minReplicas=5, groupname="x")(manifest)
    spec = manifest["spec"]["rayClusterConfig"]
    assert codes(ray_cluster_findings(spec, "spec.rayClusterSpec")) == {
        ("unknown-key", "spec.rayClusterSpec.workerGroupSpecs[0].groupname"),
        ("replica-bounds", "spec.rayClusterSpec.workerGroupSpecs[0].minReplicas"),
    }
    assert codes(ray_cluster_findings(spec)) == {
        ("unknown-key", "workerGroupSpecs[0].groupname"),
        ("replica-bounds", "workerGroupSpecs[0].minReplicas"),
    }


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, True, float("nan"), [[]], [{}], {"a": 1}])
def test_a_service_with_anything_anywhere_is_no_crash(value):
    def each(document: Any) -> Any:
        entries = document.items() if isinstance(document, dict) else enumerate(document)
        for key, inner in list(entries):
            document[key] = value
            check_ray_service(manifest)
            document[key] = inner
            if isinstance(inner, dict | list):
                each(inner)

    manifest = service()
    each(manifest)
    assert manifest == service()
