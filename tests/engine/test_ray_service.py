import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from inference_stack.engine import NETWORK_LABEL, SERVICE_LABEL, RayService, ray_service, serve_config
from inference_stack.planner import heads


def cluster(manifest: dict[str, Any]) -> dict[str, Any]:
    return manifest["spec"]["rayClusterConfig"]


def worker(manifest: dict[str, Any]) -> dict[str, Any]:
    return cluster(manifest)["workerGroupSpecs"][0]


def pods(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [cluster(manifest)["headGroupSpec"], *cluster(manifest)["workerGroupSpecs"]]
    return [group["template"] for group in groups]


def test_the_head_stays_on_its_own_nodes(manifest):
    head = cluster(manifest)["headGroupSpec"]
    assert head["template"]["spec"]["nodeSelector"] == {"inference-stack.io/pool": "heads"}
    assert "tolerations" not in head["template"]["spec"]


def test_prometheus_finds_the_series_of_every_pod(manifest):
    ports = cluster(manifest)["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"]
    port = next(each["containerPort"] for each in ports if each["name"] == "metrics")
    for pod in pods(manifest):
        told = pod["metadata"]["annotations"]
        assert told["prometheus.io/scrape"] == "true"
        assert (told["prometheus.io/port"], told["prometheus.io/path"]) == (str(port), "/metrics")


def test_a_mig_slice_is_one_gpu_to_ray(manifest):
    group = worker(manifest)
    assert group["resources"]["GPU"] == "1"
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/mig-3g.47gb"] == "1"


def test_workers_offer_everything_that_their_model_asks_for(manifest):
    offered = set(worker(manifest)["resources"])
    config = yaml.safe_load(manifest["spec"]["serveConfigV2"])
    model = config["applications"][0]["args"]["llm_configs"][0]
    asked = {
        *model["placement_group_config"]["bundle_per_worker"],
        f"accelerator_type:{model['accelerator_type']}",
    }
    assert asked <= offered


def test_only_the_head_offers_cpus_so_that_what_ray_makes_for_itself_outlives_the_workers(manifest):
    assert int(cluster(manifest)["headGroupSpec"]["rayStartParams"]["num-cpus"]) > 0
    assert worker(manifest)["resources"]["CPU"] == "0"


def test_workers_without_a_type_of_accelerator_offer_none(service, workers):
    group = worker(ray_service(service(workers=(workers(accelerator_type=None),))))
    assert set(group["resources"]) == {"CPU", "GPU", "slices-worker"}


def test_workers_tolerate_the_taints_of_their_pool(service, workers):
    taints = ("nvidia.com/gpu=present:NoSchedule", "kubernetes.azure.com/scalesetpriority=spot:NoSchedule")
    tolerated = worker(ray_service(service(workers=(workers(taints=taints),))))["template"]["spec"][
        "tolerations"
    ]
    assert [(each["key"], each["value"], each["effect"]) for each in tolerated] == [
        ("nvidia.com/gpu", "present", "NoSchedule"),
        ("kubernetes.azure.com/scalesetpriority", "spot", "NoSchedule"),
    ]


def test_a_taint_that_cannot_be_read_is_refused(service, workers):
    with pytest.raises(ValueError, match="key=value:effect"):
        ray_service(service(workers=(workers(taints=("nvidia.com/gpu",)),)))


def test_ray_may_fill_half_of_the_shared_memory(manifest):
    volume, _ = worker(manifest)["template"]["spec"]["volumes"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}
    assert worker(manifest)["rayStartParams"]["object-store-memory"] == str(4 * 1024**3)


def test_pods_request_what_they_may_use(manifest):
    for pod in pods(manifest):
        resources = pod["spec"]["containers"][0]["resources"]
        assert resources["requests"] == resources["limits"]


def test_no_pod_runs_as_root_or_gains_privileges(manifest):
    for pod in pods(manifest):
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


def test_the_image_is_read_only_and_what_is_written_goes_to_volumes(manifest):
    autoscaler = manifest["spec"]["rayClusterConfig"]["autoscalerOptions"]
    for container in (autoscaler, *(pod["spec"]["containers"][0] for pod in pods(manifest))):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"name": "HOME", "value": "/tmp"} in container["env"]  # noqa: S108
        assert {"name": "scratch", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108
    for pod in pods(manifest):
        mounted = {mount["name"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
        assert {volume["name"] for volume in pod["spec"]["volumes"]} == mounted


def variables(pod: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}


def test_the_container_of_a_head_starts_again_on_a_volume_that_outlives_it(manifest):
    head, workers = pods(manifest)
    assert variables(head)["RAY_gcs_storage"] == "rocksdb"
    path = Path(variables(head)["RAY_gcs_storage_path"])
    mounts = {Path(each["mountPath"]): each["name"] for each in head["spec"]["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each["emptyDir"] for each in head["spec"]["volumes"]}
    (volume,) = (mounts[parent] for parent in path.parents if parent in mounts)
    assert volumes[volume].get("medium", "") == ""
    assert head["spec"]["restartPolicy"] == "Always"
    # A volume of the pod belongs to this group, so that a process that is not root may write to it.
    assert head["spec"]["securityContext"]["fsGroup"] == head["spec"]["securityContext"]["runAsGroup"]
    assert int(variables(workers)["RAY_gcs_rpc_server_reconnect_timeout_s"]) == 600
    assert workers["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("kept", [True, False])
def test_the_second_autoscaler_is_asked_for_in_one_place_only(service, kept):
    manifest = ray_service(service(gcs_fault_tolerance=kept))
    head, workers = pods(manifest)
    told = (
        cluster(manifest)["autoscalerOptions"].get("version"),
        variables(head).get("RAY_enable_autoscaler_v2"),
    )
    assert told == ((None, "true") if kept else ("v2", None))
    if not kept:
        # KubeRay then refuses any other, and deletes a pod whose container has ended.
        assert not any("restartPolicy" in pod["spec"] for pod in (head, workers))
        assert set(variables(head) | variables(workers)) == {"HOME"}


def test_the_autoscaler_beside_the_head_asks_for_what_the_plan_leaves_it(manifest):
    asked = manifest["spec"]["rayClusterConfig"]["autoscalerOptions"]["resources"]["requests"]
    assert asked == {
        "cpu": f"{heads.AUTOSCALER_CPU * 1000:g}m",
        "memory": f"{heads.AUTOSCALER_GIB * 1024:g}Mi",
    }


def test_only_the_head_holds_a_token_of_the_api_server(manifest):
    head, workers = pods(manifest)
    assert head["spec"].get("automountServiceAccountToken", True)
    assert workers["spec"]["automountServiceAccountToken"] is False


def test_every_pod_has_its_azure_identity(manifest):
    for pod in pods(manifest):
        assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"
        assert pod["spec"]["serviceAccountName"] == "inference"


def test_only_workers_carry_the_label_of_the_service(manifest):
    head, workers = pods(manifest)
    assert SERVICE_LABEL not in head["metadata"]["labels"]
    assert workers["metadata"]["labels"][SERVICE_LABEL] == "copilot"


def test_every_pod_of_a_service_is_on_the_network_of_that_service(manifest):
    assert {pod["metadata"]["labels"][NETWORK_LABEL] for pod in pods(manifest)} == {"copilot"}


def test_the_service_is_deleted_in_the_background(manifest):
    assert manifest["metadata"]["annotations"]["pulumi.com/deletionPropagationPolicy"] == "background"


@pytest.mark.parametrize("licences", [("mit",), ("apache-2.0", "mit")])
def test_a_service_says_under_which_licences_its_weights_are(service, licences):
    annotations = ray_service(service(licences=licences))["metadata"]["annotations"]
    assert tuple(annotations["inference-stack.io/licence"].split(",")) == licences


def test_a_service_waits_for_its_gpus_for_ever_unless_told_otherwise(service, manifest):
    assert "ray.io/initializing-timeout" not in manifest["metadata"]["annotations"]
    limited = ray_service(service(initializing_timeout_s=1800))
    assert limited["metadata"]["annotations"]["ray.io/initializing-timeout"] == "1800"


def test_the_autoscaler_of_ray_moves_the_workers_between_their_bounds(manifest):
    assert cluster(manifest)["enableInTreeAutoscaling"] is True
    assert (worker(manifest)["minReplicas"], worker(manifest)["maxReplicas"]) == (0, 4)


def test_a_manifest_is_json_and_the_same_each_time(service, manifest):
    assert json.loads(json.dumps(manifest)) == manifest == ray_service(service())


def test_changing_a_manifest_changes_no_other_part_of_it(manifest):
    pods(manifest)[0]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "99"
    pods(manifest)[0]["spec"]["containers"][0]["securityContext"]["capabilities"]["drop"].append("NONE")
    assert pods(manifest)[0]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "2"
    assert pods(manifest)[1]["spec"]["containers"][0]["securityContext"]["capabilities"]["drop"] == ["ALL"]


def test_each_pool_has_its_own_group_of_workers(service, served, workers):
    serve = serve_config([served(), served(name="chat", group="whole")])
    built = ray_service(service(serve=serve, workers=(workers(), workers(name="whole"))))
    assert [group["groupName"] for group in cluster(built)["workerGroupSpecs"]] == ["slices", "whole"]


def test_a_service_without_workers_is_refused(service):
    with pytest.raises(ValidationError, match="workers"):
        service(workers=())


def test_a_service_has_no_settings_but_these(service):
    with pytest.raises(ValidationError, match="replicas"):
        RayService(**service().model_dump() | {"replicas": 3})
