"""Rules on models and deployments of Ray Serve: for each a case that breaks it and one that just keeps it."""

import pytest
import yaml

from inference_stack.engine import llm_config_findings, serve_config_findings
from inference_stack.engine.rules.deployment import deployment_rules
from inference_stack.engine.rules.llm_config import llm_config_rules
from inference_stack.engine.rules.serve import serve_rules

from .cases_serve import CONFIGS, MODELS
from .models import ARGS, LORA, NIXL, application, both, codes, deployed, engine, model


def test_a_model_that_keeps_every_rule_is_found_without_fault():
    assert llm_config_findings(model()) == []


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), MODELS, ids=[f"{row[0]} {row[2]}" for row in MODELS]
)
def test_a_model_that_breaks_a_rule_is_told_where_and_one_that_just_keeps_it_is_not(
    code, breaks, path, keeps
):
    broken, kept = model(), model()
    breaks(broken)
    keeps(kept)
    assert (code, path) in codes(llm_config_findings(broken))
    assert code not in {found for found, _ in codes(llm_config_findings(kept))}


@pytest.mark.parametrize(
    ("code", "breaks", "path", "keeps"), CONFIGS, ids=[f"{row[0]} {row[2]}" for row in CONFIGS]
)
def test_a_configuration_that_breaks_a_rule_is_told_where_and_one_that_just_keeps_it_is_not(
    code, breaks, path, keeps
):
    assert (code, path) in codes(serve_config_findings({"applications": breaks}))
    assert code not in {found for found, _ in codes(serve_config_findings({"applications": keeps}))}


def test_every_rule_on_models_and_configurations_has_its_cases():
    tried = {row[0] for row in (*MODELS, *CONFIGS)}
    assert tried == {rule.code for rule in (*llm_config_rules, *deployment_rules, *serve_rules)}


@pytest.mark.parametrize("builder", ["build_pd_openai_app", "build_dp_openai_app"])
def test_an_application_that_reserves_gpus_for_its_ranks_may_have_them(builder):
    ranks = model(engine_kwargs={"data_parallel_size": 2, "kv_transfer_config": NIXL})
    arguments = {
        "build_pd_openai_app": {"prefill_config": ranks, "decode_config": ranks},
        "build_dp_openai_app": {"llm_config": ranks},
    }
    config = {"applications": [application(import_path=f"ray.serve.llm:{builder}", args=arguments[builder])]}
    assert serve_config_findings(config) == []


def test_a_key_that_an_application_with_ranks_does_not_have_is_told():
    arguments = {"llm_config": model(), "llm_configs": []}
    config = {"applications": [application(import_path="ray.serve.llm:build_dp_openai_app", args=arguments)]}
    assert codes(serve_config_findings(config)) == {("unknown-key", f"{ARGS}.llm_configs")}


def test_a_deployment_that_serves_no_model_is_judged_by_the_defaults_of_ray_serve():
    scaled = {"name": "a", "autoscaling_config": {"max_replicas": 2, "target_ongoing_requests": 6}}
    config = {"applications": [{"import_path": "ours:app", "deployments": [scaled]}]}
    assert codes(serve_config_findings(config)) == {
        (
            "scaling-target-beyond-limit",
            "applications[0].deployments[0].autoscaling_config.target_ongoing_requests",
        )
    }


@pytest.mark.parametrize(
    ("key", "successor"),
    [
        ("max_concurrent_queries", "max_ongoing_requests"),
        ("target_num_ongoing_requests_per_replica", "target_ongoing_requests"),
        ("placement_group_bundles", "placement_group_config"),
    ],
)
def test_a_key_that_ray_had_before_is_told_with_what_took_its_place(key, successor):
    config = model()
    config["deployment_config"][key] = 1
    (finding,) = llm_config_findings(config, "models[3]")
    assert (finding.code, finding.path) == ("unknown-key", f"models[3].deployment_config.{key}")
    assert successor in (finding.remedy or "")


def test_each_finding_of_a_rule_says_who_says_so():
    config = model()
    both(LORA, engine(model="m"), deployed(max_queued_requests=0))(config)
    assert all(finding.reference for finding in llm_config_findings(config))


def test_a_text_and_what_it_is_read_as_are_judged_alike():
    config = {"applications": [application(port=1), application(model(), model())]}
    assert serve_config_findings(yaml.safe_dump(config), "a") == serve_config_findings(config, "a") != []


@pytest.mark.parametrize(
    "text", ["- 1", "applications: 1", "applications: [1, [], {args: 1}]", "1", "", "a: !x 1", "? 1\n: 2"]
)
def test_a_text_that_is_no_configuration_is_told_and_not_a_crash(text):
    assert serve_config_findings(text)


def test_aliases_that_hold_themselves_are_told_and_not_a_crash():
    assert serve_config_findings(
        "applications: &a [{args: *a, import_path: 'ray.serve.llm:build_openai_app'}]"
    )


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, True, float("nan"), [[]], {"GPU": {}}, 10**400])
@pytest.mark.parametrize(
    "key", [*sorted(model()), "placement_group_config", "lora_config", "accelerator_config"]
)
def test_a_model_with_anything_anywhere_is_no_crash(key, value):
    llm_config_findings(model(**{key: value}))
    for inner in model().get(key) or {}:
        changed = model()
        if isinstance(changed[key], dict):
            changed[key][inner] = value
            llm_config_findings(changed)


def test_more_workers_than_memory_holds_bundles_for_are_a_finding_and_no_crash() -> None:
    config = model(engine_kwargs={"tensor_parallel_size": 10**12})
    assert "engine_kwargs.tensor_parallel_size" in [each.path for each in llm_config_findings(config)]
