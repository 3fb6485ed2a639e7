"""What Ray Serve refuses or cannot do in a configuration of several applications and models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import floor
from typing import Any

from inference_stack.engine.applications import OPENAI_APP, PD_APP, SIDES, builder_of
from inference_stack.engine.document import at, mapping, mappings, number
from inference_stack.engine.schema import joined, near
from inference_stack.spec import Severity

from .deployment import LLM, SERVE, Deployment
from .model_use import ModelUse
from .rule import Fault, Rule, rule

DP_APP = "ray.serve.llm:build_dp_openai_app"
BUILDERS = (
    OPENAI_APP,
    PD_APP,
    DP_APP,
    "ray.serve.llm:build_llm_deployment",
    "ray.serve.llm:build_dp_deployment",
)
"""What `ray.serve.llm` has for an application to be made by."""

DEFAULT_UTILIZATION = 0.92
"""Part of a GPU that vLLM 0.29.0 takes where nobody says."""


@dataclass(frozen=True)
class ServeUse:
    """A Serve configuration as written: the content of serveConfigV2 or of a file for `serve deploy`."""

    config: Mapping[str, Any]

    @cached_property
    def applications(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """Each application with its path."""
        return tuple(
            (f"applications[{index}]", found) for index, found in mappings(self.config, "applications")
        )

    @cached_property
    def models(self) -> tuple[tuple[str, ModelUse], ...]:
        """Each model of Ray Serve LLM with its path."""
        return tuple(
            found for path, application in self.applications for found in models_of(application, path)
        )

    @property
    def deployments(self) -> Iterator[tuple[str, Deployment]]:
        """Each set of options of a deployment with its path, those of models and of ingresses among them."""
        for path, application in self.applications:
            for index, options in mappings(application, "deployments"):
                yield joined(path, "deployments", index), Deployment(options)
            ingress = mapping(application, "args", "ingress_deployment_config")
            if ingress and builder_of(application) in BUILDERS:
                yield joined(path, "args", "ingress_deployment_config"), Deployment(ingress)
        for path, model in self.models:
            yield joined(path, "deployment_config"), model.deployment


def models_of(application: Mapping[str, Any], path: str) -> Iterator[tuple[str, ModelUse]]:
    """The models of one application of Ray Serve LLM, each with its path."""
    arguments, path = application.get("args"), joined(path, "args")
    match builder_of(application):
        case str(name) if name == OPENAI_APP:
            for index, config in mappings(arguments, "llm_configs"):
                yield joined(path, "llm_configs", index), ModelUse(config)
        case str(name) if name == PD_APP:
            for side in SIDES:
                if config := mapping(arguments, side):
                    yield joined(path, side), ModelUse(config, reserves_ranks=True)
        case str(name) if name == DP_APP:
            if config := mapping(arguments, "llm_config"):
                yield joined(path, "llm_config"), ModelUse(config, reserves_ranks=True)
        case _:
            return


@rule(
    "application-twice",
    Severity.ERROR,
    states="Applications have names and routes of their own.",
    reference=f"{SERVE}/schema.py: ServeDeploySchema.application_names_unique, application_routes_unique",
)
def _application_twice(use: ServeUse) -> Iterator[Fault]:
    for key, default in (("name", "default"), ("route_prefix", "/")):
        seen: dict[str, str] = {}
        for path, application in use.applications:
            given = application.get(key, default)
            if not isinstance(given, str):
                continue
            if given in seen:
                yield Fault(
                    path=joined(path, key),
                    given=given,
                    what=f"Ray Serve refuses two applications with this {key.replace('_', ' ')}; "
                    f"{seen[given]} has it too",
                )
            seen.setdefault(given, path)


@rule(
    "host-in-application",
    Severity.ERROR,
    states="Host and port are said for all applications together.",
    reference=f"{SERVE}/schema.py: ServeDeploySchema.nested_host_and_port",
)
def _host_in_application(use: ServeUse) -> Iterator[Fault]:
    for path, application in use.applications:
        for key in ("host", "port"):
            if key in application:
                yield Fault(
                    path=joined(path, key),
                    given=str(application[key]),
                    what="Ray Serve refuses it here",
                    remedy=f"set http_options.{key}",
                )


@rule(
    "unknown-builder",
    Severity.ERROR,
    states="What builds an application exists in Ray Serve LLM.",
    reference="ray 2.60.0, ray/serve/llm/__init__.py",
)
def _unknown_builder(use: ServeUse) -> Iterator[Fault]:
    for path, application in use.applications:
        given = application.get("import_path")
        if isinstance(given, str) and given.startswith("ray.serve.llm") and given not in BUILDERS:
            if given.rpartition(".")[0] == "ray.serve.llm" and given.replace(".llm.", ".llm:") in BUILDERS:
                continue
            yield Fault(
                path=joined(path, "import_path"),
                given=given,
                what="Ray Serve LLM has nothing of this name",
                allowed=near(given, BUILDERS),
            )


@rule(
    "model-twice",
    Severity.ERROR,
    states="An application serves at least one model, and each under a name of its own.",
    reference=f"{LLM}/core/ingress/builder.py: LLMServingArgs._validate_model_ids",
)
def _model_twice(use: ServeUse) -> Iterator[Fault]:
    for path, application in use.applications:
        if builder_of(application) != OPENAI_APP:
            continue
        path = joined(path, "args", "llm_configs")
        if at(application, "args", "llm_configs") == []:
            yield Fault(path=path, given="[]", what="Ray Serve LLM refuses an application without a model")
        seen: set[str] = set()
        for index, config in mappings(application, "args", "llm_configs"):
            name = at(config, "model_loading_config", "model_id")
            if isinstance(name, str) and name in seen:
                yield Fault(
                    path=joined(path, index, "model_loading_config", "model_id"),
                    given=name,
                    what="Ray Serve LLM refuses two models of one name",
                    remedy="rename one, or give it more replicas",
                )
            if isinstance(name, str):
                seen.add(name)


@rule(
    "prefill-without-transfer",
    Severity.ERROR,
    states="Both sides of a disaggregated model say how the KV cache is handed over.",
    reference=f"{LLM}/serving_patterns/prefill_decode/builder.py: PDServingArgs._validate_kv_transfer_config",
)
def _prefill_without_transfer(use: ServeUse) -> Iterator[Fault]:
    for path, application in use.applications:
        for side in SIDES if builder_of(application) == PD_APP else ():
            config = mapping(application, "args", side)
            if config and not at(config, "engine_kwargs", "kv_transfer_config"):
                yield Fault(
                    path=joined(path, "args", side, "engine_kwargs", "kv_transfer_config"),
                    what="Ray Serve LLM needs this key",
                    allowed="an object with kv_connector and kv_role",
                )


AGREED = (
    ("model_loading_config", "model_id"),
    ("lora_config", "dynamic_lora_loading_path"),
    ("engine_kwargs", "kv_transfer_config", "kv_connector"),
)
"""What must be the same on both sides: Ray refuses the first two, and the third never hands over a cache."""


@rule(
    "prefill-decode-differ",
    Severity.ERROR,
    states="Both sides of a disaggregated model have one name, one set of adapters and one connector.",
    reference=f"{LLM}/serving_patterns/prefill_decode/builder.py: PDServingArgs",
)
def _prefill_decode_differ(use: ServeUse) -> Iterator[Fault]:
    for path, application in use.applications:
        for keys in AGREED if builder_of(application) == PD_APP else ():
            reading, writing = (at(application, "args", side, *keys) for side in SIDES)
            if reading != writing:
                yield Fault(
                    path=joined(path, "args", SIDES[0], *keys),
                    given=str(reading),
                    what="prompts are read otherwise than answers are written",
                    allowed=f"what decode_config says: {writing}",
                )


@rule(
    "gpu-shared-beyond-memory",
    Severity.ERROR,
    states="Engines that share a GPU take no more than all of its memory together.",
    reference="vllm 0.29.0, vllm/v1/worker/utils.py: request_memory",
)
def _gpu_shared_beyond_memory(use: ServeUse) -> Iterator[Fault]:
    sharing = [(path, model, part) for path, model in use.models if (part := _part(model)) is not None]
    tenants = sum(model.deployment.bounds[1] for _, model, _ in sharing)
    for path, model, part in sharing:
        taken = number(model.engine.get("gpu_memory_utilization"))
        asked = DEFAULT_UTILIZATION if taken is None else taken
        together = min(floor(1 / part + 1e-9), tenants)
        if together > 1 and asked > part + 1e-9 and asked * together > 1:
            yield Fault(
                path=joined(path, "engine_kwargs", "gpu_memory_utilization"),
                given=None if taken is None else f"{taken:g}",
                what=f"{together:g} engines with {part:g} of a GPU each may share one, and this one takes "
                f"{asked:g} of its memory: the next one does not start",
                allowed=f"at most {part:g}",
            )


def _part(model: ModelUse) -> float | None:
    """Of a GPU that a worker has; None where it has a whole one."""
    parts = [part for bundle in model.bundles if 0 < (part := number(bundle.get("GPU")) or 0) < 1]
    return min(parts) if parts else None


serve_rules: tuple[Rule[ServeUse], ...] = (
    _application_twice,
    _host_in_application,
    _unknown_builder,
    _model_twice,
    _prefill_without_transfer,
    _prefill_decode_differ,
    _gpu_shared_beyond_memory,
)
