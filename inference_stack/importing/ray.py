"""Engines of Ray Serve LLM: in a RayService, in a file for `serve deploy`, or one model by itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_stack.engine.applications import OPENAI_APP, PD_APP, builder_of
from inference_stack.engine.document import at, loaded, mapping, mappings, number
from inference_stack.engine.rules.deployment import UNLIMITED, Deployment
from inference_stack.engine.rules.model_use import ModelUse
from inference_stack.engine.schema import joined

from .fates import tell_shared_memory
from .hardware import pod_hardware
from .keys import Keys
from .served import Hardware, Served

IN_TEXT = "spec.serveConfigV2"
PREFIX_ROUTER = "PrefixCacheAffinityRouter"
UPGRADES = ("NewCluster", "None")


def service_engines(manifest: Mapping[str, Any], keys: Keys, path: str = "") -> Iterator[Served]:
    """The engines of a RayService, which may hold its Serve configuration as text."""
    spec = mapping(manifest, "spec")
    text = spec.get("serveConfigV2")
    config = _parsed(text)
    keys.add(path, {**manifest, "spec": {**spec, "serveConfigV2": config or text}})
    upgrade = at(spec, "upgradeStrategy", "type")
    groups = [group for _, group in mappings(spec, "rayClusterConfig", "workerGroupSpecs")]
    cluster = joined(path, "spec", "rayClusterConfig")
    where = joined(cluster, "workerGroupSpecs")
    for index, group in enumerate(groups):
        pod = joined(where, index, "template", "spec")
        tell_shared_memory(keys, mapping(group, "template", "spec"), pod)
    head = mapping(spec, "rayClusterConfig", "headGroupSpec", "template", "spec")
    tell_shared_memory(keys, head, joined(cluster, "headGroupSpec", "template", "spec"))
    for served, use in _config_engines(config, keys, joined(path, *IN_TEXT.split("."))):
        index = _group(groups, use)
        if index is not None:
            pod = joined(where, index, "template", "spec")
            found = pod_hardware(mapping(groups[index], "template", "spec"), pod)
            served.hardware = Hardware(served.hardware.gpu or found.gpu, found.sku, found.slice)
        if upgrade in UPGRADES:
            served.upgrade = upgrade
            served.said["upgrade"] = (joined(path, "spec", "upgradeStrategy", "type"),)
        yield served


def config_engines(config: Mapping[str, Any], keys: Keys, path: str = "") -> Iterator[Served]:
    """The engines of a Serve configuration."""
    keys.add(path, config)
    yield from (served for served, _ in _config_engines(config, keys, path))


def model_engine(config: Mapping[str, Any], keys: Keys, path: str = "") -> Served:
    """The engine of one LLMConfig."""
    keys.add(path, config)
    return _engine(ModelUse(config), keys, path)


def _config_engines(config: Mapping[str, Any], keys: Keys, path: str) -> Iterator[tuple[Served, ModelUse]]:
    for index, application in mappings(config, "applications"):
        where = joined(path, "applications", index)
        arguments = joined(where, "args")
        match builder_of(application):
            case str(name) if name == PD_APP:
                sides = [
                    (ModelUse(mapping(application, "args", side)), joined(arguments, side))
                    for side in ("decode_config", "prefill_config")
                ]
                served, prefill = (_engine(use, keys, place) for use, place in sides)
                served.prefill = prefill
                served.said["disaggregated"] = (joined(where, "import_path"),)
                yield served, sides[0][0]
            case str(name) if name == OPENAI_APP:
                keys.derive(
                    joined(where, "import_path"),
                    "this stack, whose models are served by the same application",
                )
                for place, model in mappings(application, "args", "llm_configs"):
                    use = ModelUse(model)
                    yield _engine(use, keys, joined(arguments, "llm_configs", place)), use
            case other:
                keys.leave(
                    where,
                    "this is no application of Ray Serve LLM that an environment can ask for",
                    given=other,
                    remedy=f"{OPENAI_APP}, or {PD_APP}",
                )


def _engine(use: ModelUse, keys: Keys, path: str) -> Served:
    loading = mapping(use.config, "model_loading_config")
    name = loading.get("model_id")
    served = Served(keys, arguments=use.engine)
    served.places = {key: joined(path, "engine_kwargs", key) for key in use.engine}
    where = joined(path, "model_loading_config")
    if isinstance(name, str):
        served.name = (joined(where, "model_id"), name)
    if use.source:
        steps = ("model_source",) if "model_source" in loading else ("model_id",)
        served.source = (joined(where, *steps), use.source)
    if isinstance(gpu := use.config.get("accelerator_type"), str):
        served.hardware = Hardware(gpu=(joined(path, "accelerator_type"), gpu))
    held = at(use.config, "lora_config", "max_num_adapters_per_replica")
    if "lora_config" in use.config:
        amount = int(number(held) or number(use.engine.get("max_loras")) or 1)
        served.adapters_held = (joined(path, "lora_config", "max_num_adapters_per_replica"), amount)
    _deployment(use.deployment, served, keys, joined(path, "deployment_config"))
    return served


def _deployment(deployment: Deployment, served: Served, keys: Keys, path: str) -> None:
    options = deployment.options
    limit = number(options.get("max_ongoing_requests"))
    if limit is not None and 0 < limit < UNLIMITED:
        served.limit = (joined(path, "max_ongoing_requests"), int(limit))
    elif limit is not None:
        keys.derive(joined(path, "max_ongoing_requests"), "no limit at all; the plan sets one")
    least, most = deployment.bounds
    served.replicas = int(least), max(1, int(most))
    scaling = [joined(path, "autoscaling_config", bound) for bound in ("min_replicas", "max_replicas")]
    served.said["replicas"] = (*scaling, joined(path, "num_replicas"))
    router = joined(path, "request_router_config")
    named = at(options, "request_router_config", "request_router_class")
    if isinstance(named, str) and named.endswith(PREFIX_ROUTER):
        served.routing = "prefix"
        served.said["routing"] = (joined(router, "request_router_class"),)
    elif named is not None:
        keys.leave(
            joined(router, "request_router_class"),
            "this stack routes by load or by prefix",
            given=named,
            remedy="set routing: balanced or prefix",
        )


def _group(groups: list[Mapping[str, Any]], use: ModelUse) -> int | None:
    """The worker group that a model runs on: the one that offers what it asks for, or the only one."""
    asked = {name for bundle in use.bundles for name in bundle} - {"CPU", "GPU", "memory"}
    for index, group in enumerate(groups):
        if asked and asked <= set(mapping(group, "resources")):
            return index
    return 0 if len(groups) == 1 else None


def _parsed(text: object) -> Mapping[str, Any]:
    if not isinstance(text, str):
        return mapping(text)
    try:
        return mapping(loaded(text))
    except ValueError:
        return {}
