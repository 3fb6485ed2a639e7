"""KV caches that leave the engine: to other engines, to the CPU, and as events."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from inference_stack.spec import Severity

from .parallelism import size
from .reading import flag, given, settings
from .rule import EngineUse, Fault, rule

CONNECTORS = (
    "DecodeBenchConnector",
    "ExampleConnector",
    "ExampleHiddenStatesConnector",
    "FlexKVConnectorV1",
    "HF3FSKVConnector",
    "LMCacheConnectorV1",
    "LMCacheMPConnector",
    "MoRIIOConnector",
    "MooncakeConnector",
    "MooncakeStoreConnector",
    "MultiConnector",
    "NixlConnector",
    "NixlPullConnector",
    "NixlPushConnector",
    "OffloadingConnector",
    "SimpleCPUOffloadConnector",
)
"""Connectors that vLLM brings."""
ROLES = {"kv_transfer_config": ("kv_connector", "kv_role"), "ec_transfer_config": ("ec_connector", "ec_role")}


def connects(use: EngineUse, name: str) -> bool:
    """Whether a connector is used, directly or among several."""
    config = settings(use, "kv_transfer_config")
    extra = config.get("kv_connector_extra_config")
    inner = cast("Mapping[str, Any]", extra).get("connectors") if isinstance(extra, Mapping) else None
    each = cast("list[object]", inner) if isinstance(inner, list) else []
    names = [cast("Mapping[str, Any]", one).get("kv_connector") for one in each if isinstance(one, Mapping)]
    mine = config.get("kv_connector")
    return mine == name or (mine == "MultiConnector" and name in names)


@rule(
    "connector-role",
    Severity.ERROR,
    states="A connector comes with the role of this engine: producer, consumer or both.",
    reference="vLLM 0.29.0: vllm/config/kv_transfer.py, vllm/config/ec_transfer.py, __post_init__",
)
def connector_role(use: EngineUse) -> Iterator[Fault]:
    """A connector that does not know its side."""
    for name, (connector, role) in ROLES.items():
        config = settings(use, name)
        if config.get(connector) is not None and config.get(role) is None:
            sides = ", ".join(f"{role[:2]}_{side}" for side in ("producer", "consumer", "both"))
            yield Fault(f"{name}.{role}", f"{connector} is set, and what it is here is not", allowed=sides)


@rule(
    "connector-unknown",
    Severity.ERROR,
    states="kv_transfer_config names a connector that vLLM brings, or the module of one's own.",
    reference="vLLM 0.29.0: vllm/distributed/kv_transfer/kv_connector/factory.py",
)
def connector_unknown(use: EngineUse) -> Iterator[Fault]:
    """A connector that is not there."""
    if given(use, "kv_transfer_config") is None:
        return
    config = settings(use, "kv_transfer_config")
    name = config.get("kv_connector")
    if config.get("kv_connector_module_path") is not None:
        return
    if name is None:
        # vLLM names one itself where it offloads.
        if flag(use, "disable_hybrid_kv_cache_manager") is None and given(use, "kv_offloading_size") is None:
            yield Fault(
                "kv_transfer_config", "no connector is named", remedy="set kv_connector, or leave it all out"
            )
    elif isinstance(name, str) and name not in CONNECTORS:
        yield Fault(
            "kv_transfer_config.kv_connector",
            "vLLM brings no such connector",
            given=name,
            allowed=", ".join(CONNECTORS),
            remedy="or set kv_connector_module_path to your own",
        )


@rule(
    "nixl-with-context-parallelism",
    Severity.ERROR,
    states="NixlConnector goes with decode context parallelism of MLA models over all ranks, and no other.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, VllmConfig.__post_init__",
)
def nixl_with_context(use: EngineUse) -> Iterator[Fault]:
    """Contexts dealt out as NIXL cannot move them."""
    if not connects(use, "NixlConnector"):
        return
    decode, ranks, model = size(use, "decode_context"), size(use, "tensor"), use.model
    if size(use, "prefill_context") > 1:
        yield Fault("prefill_context_parallel_size", "NixlConnector does not move such caches", allowed="1")
    if decode not in (1, ranks):
        yield Fault("decode_context_parallel_size", "NixlConnector", given=str(decode), allowed=f"1, {ranks}")
    elif decode > 1 and model and (not model.latent or model.can("hybrid")):
        yield Fault(
            "decode_context_parallel_size", "NixlConnector moves such caches of MLA models only", allowed="1"
        )


@rule(
    "encoder-cache",
    Severity.ERROR,
    states="An engine that only encodes has something to encode; settings of a cache manager have its class.",
    reference="vLLM 0.29.0: vllm/config/vllm.py, _resolve_mm_encoder_only; vllm/config/ec_manager_config.py",
)
def encoder_cache(use: EngineUse) -> Iterator[Fault]:
    """Settings of the encoder's cache that nothing reads."""
    model, transfer = use.model, settings(use, "ec_transfer_config")
    only = transfer.get("ec_connector") is not None and transfer.get("ec_role") == "ec_producer"
    if only and model and model.can("multimodal") is False:
        yield Fault(
            "ec_transfer_config",
            "the model takes text alone: there is nothing to encode",
            remedy="leave it out",
        )
    manager = settings(use, "ec_manager_config")
    if manager.get("manager_config") and manager.get("encoder_cache_manager_cls") is None:
        yield Fault(
            "ec_manager_config.manager_config", "no class reads it", remedy="set encoder_cache_manager_cls"
        )


KV_TRANSFER_RULES = (connector_role, connector_unknown, nixl_with_context, encoder_cache)
