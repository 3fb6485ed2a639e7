"""Environments in which the plan makes its own pools, and catalogs with other prices."""

from typing import Any

from inference_stack.catalog import CATALOG, Catalog
from inference_stack.planner import Plan, PlannedModel, plan_environment

NC40 = "Standard_NC40ads_H100_v5"
NC80 = "Standard_NC80adis_H100_v5"
ND_H100 = "Standard_ND96isr_H100_v5"
ND_H200 = "Standard_ND96isr_H200_v5"
GB200 = "Standard_ND128isr_NDR_GB200_v6"
NC24_A100 = "Standard_NC24ads_A100_v4"

H100_ALONE = {"standardNDISRH200V5Family": 0, "standardNDISRGB200V6NDRFamily": 0}
"""A quota without H200 and GB200."""

ANY_LICENCE = sorted({row.licence for row in CATALOG.models.values()})
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/old"


def existing(name: str) -> str:
    """ARM id of a node pool."""
    return f"{SUBSCRIPTION}/providers/Microsoft.ContainerService/managedClusters/aks/agentPools/{name}"


def asking(
    source: str = "Qwen/Qwen2.5-7B-Instruct",
    *,
    rate: float = 1,
    prompt: int = 1000,
    output: int = 200,
    ttft_ms: float = 2000,
    tpot_ms: float = 50,
    **more: Any,
) -> dict[str, Any]:
    """A model with traffic and an SLO."""
    return {
        "name": "asked",
        "source": source,
        "context_tokens": 8192,
        "traffic": {"requests_per_second": rate, "prompt_tokens": prompt, "output_tokens": output},
        "slo": {"ttft_ms": ttft_ms, "tpot_ms": tpot_ms},
        **more,
    }


def planned(*models: dict[str, Any], catalog: Catalog = CATALOG, **environment: Any) -> Plan:
    """The plan for these models, on pools that it makes unless some are listed."""
    asked = {
        "region": "eastus",
        "storage_account": "acmeweights",
        "governance": {"licences": ANY_LICENCE},
        "network": {"nodes": "10.40.0.0/18", "endpoints": "10.40.64.0/24", "pods": "10.128.0.0/10"},
        "models": [model | {"name": f"m{number}"} for number, model in enumerate(models)],
        **environment,
    }
    return plan_environment(asked, name="test", file="Pulumi.test.yaml", catalog=catalog)


def placed(model: dict[str, Any], **environment: Any) -> PlannedModel:
    """The only model of such a plan."""
    (found,) = planned(model, **environment).models
    return found


def size_of(model: dict[str, Any], **environment: Any) -> str:
    """The Azure size that a model is placed on."""
    plan = planned(model, **environment)
    return next(pool.sku for pool in plan.pools if pool.name == plan.models[0].pool)


def repriced(**prices: float | None) -> Catalog:
    """The catalog with other list prices, by the name of the size without Standard_."""
    return _changed({name: {"usd_per_hour": usd} for name, usd in prices.items()})


def unconfirmed(*names: str) -> Catalog:
    """The catalog in which nobody could confirm the price of these sizes."""
    return _changed({name.removeprefix("Standard_"): {"price_verified": False} for name in names})


def _changed(changes: dict[str, dict[str, Any]]) -> Catalog:
    changed = Catalog()
    vars(changed)["skus"] = {
        name: sku.model_copy(update=changes.get(name.removeprefix("Standard_"), {}))
        for name, sku in CATALOG.skus.items()
    }
    return changed
