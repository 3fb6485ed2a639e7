import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from inference_stack.engine import check_ray_service, ray_service

CLUSTER = "spec.rayClusterConfig"
GROUP = f"{CLUSTER}.workerGroupSpecs[0]"
APPLICATION = "spec.serveConfigV2.applications[0]"
MODEL = f"{APPLICATION}.args.llm_configs[0]"


@pytest.fixture
def group(manifest) -> dict[str, Any]:
    return manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]


@pytest.fixture
def edit_serve(manifest) -> Callable[[Callable[[dict[str, Any]], object]], list[Any]]:
    """Change the first application of the Serve configuration, and check the whole."""

    def edit(change: Callable[[dict[str, Any]], object]) -> list[Any]:
        config = yaml.safe_load(manifest["spec"]["serveConfigV2"])
        change(config["applications"][0])
        manifest["spec"]["serveConfigV2"] = yaml.safe_dump(config)
        return check_ray_service(manifest)

    return edit


def model(application: dict[str, Any]) -> dict[str, Any]:
    return application["args"]["llm_configs"][0]


def test_what_we_emit_has_no_fault(manifest):
    assert check_ray_service(manifest) == []


@pytest.mark.parametrize(
    ("place", "key", "meant"),
    [
        ((), "specs", "spec"),
        (("spec",), "serveConfig", "serveConfigV2"),
        (("spec", "rayClusterConfig"), "workerGroups", "workerGroupSpecs"),
        (("spec", "rayClusterConfig", "autoscalerOptions"), "idleTimeout", "idleTimeoutSeconds"),
        (("spec", "rayClusterConfig", "headGroupSpec", "template", "spec"), "nodeselector", "nodeSelector"),
    ],
)
def test_an_unknown_key_is_told_by_its_path_with_the_one_that_was_meant(manifest, place, key, meant):
    target = manifest
    for step in place:
        target = target[step]
    target[key] = {}
    (finding,) = check_ray_service(manifest)
    assert (finding.code, finding.path) == ("unknown-key", ".".join([*place, key]))
    assert meant in (finding.allowed or "")


def test_an_unknown_key_in_a_list_is_told_by_its_place(manifest, group):
    group["template"]["spec"]["containers"][0]["ressources"] = {}
    (finding,) = check_ray_service(manifest)
    assert finding.path == f"{GROUP}.template.spec.containers[0].ressources"


@pytest.mark.parametrize(
    ("change", "path", "allowed"),
    [
        (lambda group: group.update(minReplicas="1"), f"{GROUP}.minReplicas", "integer"),
        (
            lambda group: group.update(rayStartParams={"num-gpus": 1}),
            f"{GROUP}.rayStartParams.num-gpus",
            "string",
        ),
        (lambda group: group.pop("groupName"), f"{GROUP}.groupName", None),
        (lambda group: group.update(minReplicas=5), f"{GROUP}.minReplicas", "0 to maxReplicas, 4"),
    ],
)
def test_a_value_that_kuberay_refuses_is_told_with_what_it_takes(manifest, group, change, path, allowed):
    change(group)
    (finding,) = check_ray_service(manifest)
    assert (finding.path, finding.allowed) == (path, allowed)


def test_a_key_with_a_default_may_be_left_out(manifest, group):
    # Kubernetes fills in `protocol`, which a port must have.
    group["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 8000}]
    assert check_ray_service(manifest) == []


def test_a_quantity_may_be_a_number_or_a_string(manifest, group):
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    limits["cpu"] = 8
    assert check_ray_service(manifest) == []
    limits["cpu"] = "eight"
    (finding,) = check_ray_service(manifest)
    assert finding.path.endswith("resources.limits.cpu")


@pytest.mark.parametrize("name", ["a" * 48, "Copilot", "7b", "copilot-"])
def test_a_name_that_kuberay_refuses_is_told(service, name):
    (finding,) = check_ray_service(ray_service(service(name=name)))
    assert (finding.code, finding.path) == ("service-name", "metadata.name")


def test_a_name_of_47_characters_is_taken(service):
    assert check_ray_service(ray_service(service(name="a" * 47))) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda app: app.update(rout_prefix="/"), f"{APPLICATION}.rout_prefix"),
        (lambda app: app["args"].update(llm_config=[]), f"{APPLICATION}.args.llm_config"),
        (lambda app: model(app).update(engine={}), f"{MODEL}.engine"),
        (lambda app: model(app)["lora_config"].update(path=""), f"{MODEL}.lora_config.path"),
        (
            lambda app: model(app)["deployment_config"]["autoscaling_config"].update(min=1),
            f"{MODEL}.deployment_config.autoscaling_config.min",
        ),
        (
            lambda app: model(app)["placement_group_config"].update(bundle={}),
            f"{MODEL}.placement_group_config.bundle",
        ),
        (
            lambda app: app["args"]["ingress_deployment_config"]["ray_actor_options"].update(cpus=1),
            f"{APPLICATION}.args.ingress_deployment_config.ray_actor_options.cpus",
        ),
        (
            lambda app: model(app)["model_loading_config"].update(model_source={"uri": "s3://x"}),
            f"{MODEL}.model_loading_config.model_source.uri",
        ),
    ],
)
def test_a_key_that_ray_serve_ignores_or_refuses_is_told_by_its_path(edit_serve, change, path):
    (finding,) = edit_serve(change)
    assert (finding.code, finding.path) == ("unknown-key", path)


@pytest.mark.parametrize(
    ("change", "path", "allowed"),
    [
        (lambda app: model(app).update(accelerator_type="H101"), "accelerator_type", "did you mean H100?"),
        (
            lambda app: model(app)["deployment_config"].update(max_ongoing_requests=0),
            "deployment_config.max_ongoing_requests",
            "> 0",
        ),
        (
            lambda app: model(app)["deployment_config"].update(backpressure_config={"status_code": 500}),
            "deployment_config.backpressure_config.status_code",
            "503, 429",
        ),
        (
            lambda app: model(app)["runtime_env"]["env_vars"].update(DEBUG=1),
            "runtime_env.env_vars.DEBUG",
            "string",
        ),
    ],
)
def test_a_value_that_ray_serve_refuses_is_told_with_what_it_takes(edit_serve, change, path, allowed):
    (finding,) = edit_serve(change)
    assert (finding.path, finding.allowed) == (f"{MODEL}.{path}", allowed)


def test_an_engine_argument_that_vllm_does_not_have_is_told(edit_serve):
    (finding,) = edit_serve(lambda app: model(app)["engine_kwargs"].update(max_model_length=1))
    assert (finding.code, finding.path, finding.allowed) == (
        "unknown-engine-argument",
        f"{MODEL}.engine_kwargs.max_model_length",
        "did you mean max_model_len?",
    )


def test_an_argument_of_the_openai_server_is_taken(edit_serve):
    assert edit_serve(lambda app: model(app)["engine_kwargs"].update(enable_auto_tool_choice=True)) == []


@pytest.mark.parametrize("name", ["model", "served_model_name"])
def test_an_engine_argument_that_ray_sets_itself_is_told_with_the_place_for_it(edit_serve, name):
    (finding,) = edit_serve(lambda app: model(app)["engine_kwargs"].update({name: "x"}))
    assert finding.code == "engine-argument-set-by-ray"
    assert "model_loading_config" in (finding.remedy or "")


def test_the_arguments_of_another_application_are_its_own_affair(edit_serve):
    assert edit_serve(lambda app: app.update(import_path="ours:build", args={"anything": 1})) == []


def test_a_serve_configuration_that_is_not_yaml_is_told(manifest):
    manifest["spec"]["serveConfigV2"] = "applications: ["
    (finding,) = check_ray_service(manifest)
    assert (finding.code, finding.path) == ("not-yaml", "spec.serveConfigV2")


def test_all_faults_are_told_at_once(manifest, group, edit_serve):
    group["replica"] = 1
    manifest["spec"]["rayClusterConfig"]["headGroupSpec"]["rayStartParam"] = {}

    def spoil(app: dict[str, Any]) -> None:
        app["names"] = "x"
        model(app)["engine_kwargs"]["swap_space"] = 4
        model(app)["lora_config"]["tries"] = 3

    assert {finding.path.rpartition(".")[2] for finding in edit_serve(spoil)} == {
        "replica",
        "rayStartParam",
        "names",
        "swap_space",
        "tries",
    }


@pytest.mark.parametrize("document", [{}, {"spec": []}, {"spec": {"serveConfigV2": 1}}])
def test_a_document_that_is_no_ray_service_is_told_and_not_a_crash(document):
    assert check_ray_service(document)


def test_a_check_takes_less_than_50_ms(manifest):
    check_ray_service(manifest)
    start = time.process_time()
    check_ray_service(manifest)
    assert time.process_time() - start < 0.05
