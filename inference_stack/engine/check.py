"""What KubeRay, Ray and vLLM would refuse, ignore or misread, said before any of them sees it.

A first preview has no cluster to ask, and what Ray Serve does not know it ignores in silence. Here the
schemas of the pinned versions and the rules are held against whole documents; nothing is judged twice.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

from inference_stack.catalog import CATALOG
from inference_stack.spec import Finding

from . import versions
from .applications import BUILDER, OPENAI_APP, PD_APP, POLICY, builder_of
from .arguments import engine_version
from .arguments.pairs import pair_findings
from .card import card
from .document import at, loaded, mapping, number
from .names import name_findings
from .rules import EngineUse, engine_rules
from .rules.deployment import deployment_rules
from .rules.llm_config import SET_BY_RAY, llm_config_rules
from .rules.model_use import ModelUse
from .rules.pod import Pod, pod_rules
from .rules.ray_cluster import ClusterUse, cluster_rules, ray_version
from .rules.ray_service import CLUSTER, SERVE_CONFIG, ServiceUse, service_rules
from .rules.rule import Rule
from .rules.serve import DP_APP, ServeUse, serve_rules
from .rules.service_placement import resource_of, service_placement_rules
from .schema import joined, schema_findings

Subject = TypeVar("Subject")

KUBERAY_SCHEMA, RAY_SCHEMA = f"kuberay-{versions.KUBERAY}", f"ray-{versions.RAY}"
CLUSTER_SCHEMA = "RayService/properties/spec/properties/rayClusterConfig"
KUBERAY, SERVE, LLM = (
    f"KubeRay {versions.KUBERAY}",
    f"Ray Serve {versions.RAY}",
    f"Ray Serve LLM {versions.RAY}",
)

IN_CONFIG = "engine_kwargs."
ALONE = "memory-share"
"""Code of the rule on how much of a card an engine takes that has it for itself."""

APPLICATIONS = {OPENAI_APP: "LLMServingArgs", PD_APP: "PDServingArgs", DP_APP: "DPOpenAiServingArgs"}
"""What builds an application of Ray Serve LLM, and the schema of its arguments."""
OURS = {OPENAI_APP: "OpenAiArguments", PD_APP: "DisaggregatedArguments"}
"""The same where our builder takes these arguments."""
OUR_APPLICATION = "The application of inference-stack"

SUCCESSORS = {
    "max_concurrent_queries": "max_ongoing_requests",
    "target_num_ongoing_requests_per_replica": "autoscaling_config.target_ongoing_requests",
    "resources_per_bundle": "placement_group_config.bundle_per_worker",
    "placement_group_bundles": "placement_group_config.bundles",
    "placement_group_strategy": "placement_group_config.strategy",
    "min_replicas": "autoscaling_config.min_replicas",
    "max_replicas": "autoscaling_config.max_replicas",
}
"""Keys that Ray had before, or has elsewhere, and what takes their place."""


def check_ray_service(manifest: Mapping[str, Any], *, engine: str = versions.VLLM) -> list[Finding]:
    """Everything that is wrong with a RayService manifest and with the Serve configuration inside it.

    `engine` is the version of vLLM that runs in its image. A manifest without errors is one that the pinned
    KubeRay, Ray and this vLLM take; warnings and notes tell what runs, and hurts or could be better.
    """
    form = schema_findings(manifest, KUBERAY_SCHEMA, "RayService", whose=KUBERAY)
    text = at(manifest, "spec", "serveConfigV2")
    config, wrong = _loaded(text, SERVE_CONFIG) if isinstance(text, str) else (None, [])
    use = ServiceUse(manifest, ServeUse(mapping(config)))
    if isinstance(text, str):
        form += wrong or _serve_findings(config, SERVE_CONFIG, engine, use)
    told = _told((*service_rules, *service_placement_rules), use)
    return _once(form, chain(told, _pair_findings(use, engine), _cluster_findings(use.cluster, CLUSTER)))


def ray_cluster_findings(spec: Mapping[str, Any], path: str = "") -> list[Finding]:
    """Everything that is wrong with the specification of a Ray cluster, of whatever kind of resource."""
    form = schema_findings(spec, KUBERAY_SCHEMA, CLUSTER_SCHEMA, whose=KUBERAY, path=path)
    return _once(form, _cluster_findings(ClusterUse(spec), path))


def serve_config_findings(
    config: str | Mapping[str, Any], path: str = "", *, engine: str = versions.VLLM
) -> list[Finding]:
    """Everything that is wrong with a Serve configuration, as text or as read; `path` is where it lies."""
    if isinstance(config, str):
        found, wrong = _loaded(config, path)
        return wrong or _serve_findings(found, path, engine)
    return _serve_findings(config, path, engine)


def llm_config_findings(
    config: Mapping[str, Any], path: str = "", *, engine: str = versions.VLLM
) -> list[Finding]:
    """Everything that is wrong with one LLMConfig, wherever it is written; `path` is where it lies."""
    form = schema_findings(config, RAY_SCHEMA, "LLMConfig", whose=LLM, path=path)
    return _once(_succeeded(form), _model_findings(ModelUse(config), path, engine))


def pod_findings(spec: Mapping[str, Any], path: str = "") -> list[Finding]:
    """What is wrong with a pod that somebody else than KubeRay makes, by its specification."""
    return list(_told(pod_rules, Pod(spec), path))


def _loaded(text: str, path: str) -> tuple[object, list[Finding]]:
    try:
        return loaded(text), []
    except ValueError as error:
        return None, [Finding(code="not-yaml", path=path, what=str(error))]


def _serve_findings(
    config: object, path: str, engine: str, service: ServiceUse | None = None
) -> list[Finding]:
    form = schema_findings(config, RAY_SCHEMA, "ServeDeploySchema", whose=SERVE, path=path)
    use = ServeUse(mapping(config))
    for place, application in use.applications:
        ours = application.get("import_path") == BUILDER
        if root := (OURS if ours else APPLICATIONS).get(str(builder_of(application))):
            arguments, place = application.get("args", {}), joined(path, place, "args")
            whose = OUR_APPLICATION if ours else LLM
            form += schema_findings(arguments, RAY_SCHEMA, root, whose=whose, path=place)
    told = list(_told(serve_rules, use, path))
    for place, deployment in use.deployments:
        policy = at(deployment.options, "autoscaling_config", "policy")
        if at(policy, "policy_function") == POLICY:
            settings = joined(path, place, "autoscaling_config", "policy", "policy_kwargs")
            form += schema_findings(
                at(policy, "policy_kwargs") or {},
                RAY_SCHEMA,
                "AutoscalingSettings",
                whose=POLICY,
                path=settings,
            )
        if not deployment.serves_model:
            told += _told(deployment_rules, deployment, joined(path, place))
    for place, model in use.models:
        resource = resource_of(service, model) if service else None
        told += _model_findings(model, joined(path, place), engine, resource)
    return _once(_succeeded(form), told)


def _once(form: Iterable[Finding], told: Iterable[Finding]) -> list[Finding]:
    """The first findings, and the others at other places: what cannot be read need not be judged too."""
    form = list(form)
    unread = {finding.path for finding in form}
    return [*form, *(finding for finding in told if finding.path not in unread)] if unread else list(told)


def engine_argument_findings(use: EngineUse, source: str = "") -> list[Finding]:
    """What is wrong with arguments that Ray Serve LLM is to pass on; paths are their names.

    `source` is where the weights come from, as far as it is known.
    """
    model = ModelUse({"engine_kwargs": use.arguments, "model_loading_config": {"model_id": source}})
    refused = (finding for finding in _told(llm_config_rules, model) if finding.path.startswith(IN_CONFIG))
    names = name_findings(use.version.version, _passed_on(use.arguments))
    found = [finding.at(finding.path.removeprefix(IN_CONFIG)) for finding in refused]
    return _once([*found, *names], _told(engine_rules, replace(use, arguments=_passed_on(use.arguments))))


def _model_findings(
    model: ModelUse, path: str, engine: str, resource: str | None = None
) -> Iterator[Finding]:
    yield from _told(llm_config_rules, model, path)
    yield from _told(deployment_rules, model.deployment, joined(path, "deployment_config"))
    path = joined(path, "engine_kwargs")
    arguments = _passed_on(model.engine)
    names = list(name_findings(engine, arguments, path=path))
    named = model.config.get("accelerator_type")
    row = CATALOG.model(model.source)
    use = EngineUse(
        version=engine_version(engine),
        arguments=arguments,
        checkpoint=row.fields if row else {},
        gpu=card(named if isinstance(named, str) else None, resource) if model.kind == "gpu" else None,
    )
    found = _once(names, _told(engine_rules, use, path))
    shared = any(0 < (number(bundle.get("GPU")) or 0) < 1 for bundle in model.bundles)
    yield from (finding for finding in found if not (shared and finding.code == ALONE))


def _passed_on(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """What vLLM gets of engine_kwargs: all but what Ray takes from elsewhere."""
    return {name: value for name, value in arguments.items() if name not in SET_BY_RAY}


def _pair_findings(use: ServiceUse, engine: str) -> Iterator[Finding]:
    """What is known against this vLLM under the Ray of a service's image."""
    head, told = use.cluster.head, use.cluster.spec.get("rayVersion")
    if not use.serve.models:
        return
    if runs := ray_version(head):
        yield from pair_findings(runs, engine, joined(CLUSTER, head.container_path, "image"))
    elif isinstance(told, str):
        yield from pair_findings(told, engine, joined(CLUSTER, "rayVersion"))


def _cluster_findings(cluster: ClusterUse, path: str) -> Iterator[Finding]:
    yield from _told(cluster_rules, cluster, path)
    for group in cluster.groups:
        yield from _told(pod_rules, group.pod, joined(path, group.path, "template.spec"))


def _told(rules: Iterable[Rule[Subject]], subject: Subject, path: str = "") -> Iterator[Finding]:
    for rule in rules:
        for finding in rule.findings(subject):
            yield finding.under(path) if path else finding


def _succeeded(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The same, and of unknown keys that Ray had before, what took their place."""
    for finding in findings:
        successor = SUCCESSORS.get(finding.path.rpartition(".")[2])
        if finding.code == "unknown-key" and successor:
            finding = finding.model_copy(update={"allowed": None, "remedy": f"use {successor}"})
        yield finding
