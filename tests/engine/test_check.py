import json
from collections.abc import Callable
from typing import Any

import pytest

from inference_stack.engine import ray_service
from tests.engine.edited import APPLICATION, Edit, editor, faults

CLUSTER = "spec.rayClusterConfig"
GROUP = f"{CLUSTER}.workerGroupSpecs[0]"
STEPS = {"clusterUpgradeOptions": {"gatewayClassName": "istio", "stepSizePercent": 10, "intervalSeconds": 5}}
MODEL = f"{APPLICATION}.args.llm_configs[0]"


@pytest.fixture
def group(manifest) -> dict[str, Any]:
    return manifest["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]


@pytest.fixture
def edit_serve(manifest) -> Edit:
    return editor(manifest)


def model(application: dict[str, Any]) -> dict[str, Any]:
    return application["args"]["llm_configs"][0]


def test_what_we_emit_has_no_fault(manifest):
    assert faults(manifest) == []


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
    (finding,) = faults(manifest)
    assert (finding.code, finding.path) == ("unknown-key", ".".join([*place, key]))
    assert meant in (finding.allowed or "")


def test_an_unknown_key_in_a_list_is_told_by_its_place(manifest, group):
    group["template"]["spec"]["containers"][0]["ressources"] = {}
    (finding,) = faults(manifest)
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
    (finding,) = faults(manifest)
    assert (finding.path, finding.allowed) == (path, allowed)


def test_an_upgrade_that_kuberay_does_not_know_is_told(manifest):
    manifest["spec"]["upgradeStrategy"]["type"] = "Sometimes"
    (finding,) = faults(manifest)
    assert finding.path == "spec.upgradeStrategy.type"
    assert "NewCluster" in (finding.allowed or "")


@pytest.mark.parametrize(
    "strategy", [{"type": "None"}, {"type": "NewClusterWithIncrementalUpgrade", **STEPS}, {}], ids=str
)
def test_an_upgrade_that_kuberay_knows_is_taken(manifest, strategy):
    manifest["spec"]["upgradeStrategy"] = strategy
    assert faults(manifest) == []


def test_resources_that_are_said_twice_are_told(manifest, group):
    group["rayStartParams"]["num-gpus"] = "1"
    (finding,) = faults(manifest)
    assert finding.path == f"{GROUP}.rayStartParams.num-gpus"


def test_resources_may_be_said_in_the_parameters_alone(manifest, group):
    offered = {name: float(amount) for name, amount in group.pop("resources").items()}
    del offered["CPU"]
    group["rayStartParams"] |= {
        "num-cpus": "0",
        "num-gpus": f"{offered.pop('GPU'):g}",
        "resources": f"'{json.dumps(offered)}'",
    }
    assert faults(manifest) == []


def test_a_key_with_a_default_may_be_left_out(manifest, group):
    # Kubernetes fills in `protocol`, which a port must have.
    group["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 8000}]
    assert faults(manifest) == []


def test_a_quantity_may_be_a_number_or_a_string(manifest, group):
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    limits["cpu"] = 8
    assert faults(manifest) == []
    limits["cpu"] = "eight"
    (finding,) = faults(manifest)
    assert finding.path.endswith("resources.limits.cpu")


@pytest.mark.parametrize("name", ["a" * 48, "Copilot", "7b", "copilot-"])
def test_a_name_that_kuberay_refuses_is_told(service, name):
    (finding,) = faults(ray_service(service(name=name)))
    assert (finding.code, finding.path) == ("service-name", "metadata.name")


def test_a_name_of_47_characters_is_taken(service):
    assert faults(ray_service(service(name="a" * 47))) == []


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
        "unknown-argument",
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


def test_an_executor_that_ray_does_not_take_on_gpus_is_told(edit_serve):
    engine = {"distributed_executor_backend": "mp"}
    (finding,) = edit_serve(lambda app: model(app)["engine_kwargs"].update(engine))
    assert (finding.code, finding.path) == (
        "engine-argument-set-by-ray",
        f"{MODEL}.engine_kwargs.distributed_executor_backend",
    )


def test_the_executor_that_ray_takes_may_be_named(edit_serve):
    engine = {"distributed_executor_backend": "ray"}
    assert edit_serve(lambda app: model(app)["engine_kwargs"].update(engine)) == []


def load(source: object, load_format: str) -> Callable[[dict[str, Any]], None]:
    def change(app: dict[str, Any]) -> None:
        model(app)["model_loading_config"]["model_source"] = source
        model(app)["engine_kwargs"]["load_format"] = load_format

    return change


BLOB = "abfss://weights@acct.dfs.core.windows.net/mine"


@pytest.mark.parametrize("source", [BLOB, {"bucket_uri": BLOB}])
def test_weights_in_azure_that_vllm_cannot_stream_are_told(edit_serve, source):
    (finding,) = edit_serve(load(source, "runai_streamer"))
    assert (finding.code, finding.path) == ("weights-not-streamed", f"{MODEL}.engine_kwargs.load_format")


@pytest.mark.parametrize(
    ("source", "load_format"),
    [(BLOB, "auto"), ("s3://weights/mine", "runai_streamer"), ("Qwen/Qwen3-8B", "runai_streamer")],
)
def test_weights_that_are_copied_or_can_be_streamed_are_taken(edit_serve, source, load_format):
    assert edit_serve(load(source, load_format)) == []


def test_the_arguments_of_another_application_are_its_own_affair(edit_serve):
    assert edit_serve(lambda app: app.update(import_path="ours:build", args={"anything": 1})) == []


def test_a_serve_configuration_that_is_not_yaml_is_told(manifest):
    manifest["spec"]["serveConfigV2"] = "applications: ["
    (finding,) = faults(manifest)
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
    assert faults(document)


def ours(application: dict[str, Any]) -> dict[str, Any]:
    return application["args"].setdefault("serving", {})


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda app: ours(app).update(max_body=1), "args.serving.max_body"),
        (lambda app: ours(app).update(max_body_bytes=0), "args.serving.max_body_bytes"),
        (lambda app: ours(app).update(admission={"m": {}}), "args.serving.admission.m.context_tokens"),
        # The ingress is ours.
        (lambda app: app["args"].update(ingress_cls_config={}), "args.ingress_cls_config"),
    ],
)
def test_what_our_application_does_not_take_is_told_by_its_path(edit_serve, change, path):
    assert f"{APPLICATION}.{path}" in {finding.path for finding in edit_serve(change)}


def test_arguments_of_the_disaggregated_application_are_none_of_its_own(edit_serve):
    (finding,) = edit_serve(lambda app: app["args"].update(decode=1))
    assert finding.path == f"{APPLICATION}.args.decode"


def policy(application: dict[str, Any], **settings: Any) -> None:
    scaling = application["args"]["llm_configs"][0]["deployment_config"]["autoscaling_config"]
    whole = {"concurrency": 8, "kv_tokens": 80000, "request_tokens": 1000, "cold_start_s": 60}
    scaling["policy"] = {
        "policy_function": "serving.autoscaling:LLMAutoscaling",
        "policy_kwargs": whole | settings,
    }


def test_a_setting_that_our_policy_does_not_take_is_told_and_one_that_it_takes_is_not(edit_serve):
    kwargs = f"{MODEL}.deployment_config.autoscaling_config.policy.policy_kwargs"
    assert edit_serve(policy) == []
    found = edit_serve(lambda app: policy(app, drain=1, up_at=0))
    assert {finding.path for finding in found} == {f"{kwargs}.drain", f"{kwargs}.up_at"}
