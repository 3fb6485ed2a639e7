"""What a region does not have, and what AKS does not offer."""

from datetime import date
from typing import Any

import pytest

from inference_stack.catalog import CATALOG
from inference_stack.planner import Plan, plan_environment
from inference_stack.planner.region import absent
from inference_stack.spec import InvalidEnvironment, Severity

GB200 = "Standard_ND128isr_NDR_GB200_v6"
ARM_IMAGE = {"arm64": True}
GROUP = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ai/providers"
    "/Microsoft.Compute/capacityReservationGroups/kept"
)
Asked = dict[str, Any]


def planned(asked: Asked, today: date | None = None) -> Plan:
    return plan_environment(asked, name="test", file="Pulumi.test.yaml", today=today)


def told(asked: Asked) -> dict[tuple[str, str], str | None]:
    """What is allowed by path and code of each error."""
    try:
        planned(asked)
    except InvalidEnvironment as wrong:
        return {(found.path, found.code): found.allowed for found in wrong.findings}
    return {}


def test_a_misspelt_region_is_told_with_what_is_meant(asked: Asked) -> None:
    asked["region"] = "swedencentrl"
    assert told(asked)["region", "unknown-region"] == "swedencentral, spaincentral, westcentralus"
    asked["region"] = "swedencentral"
    assert not told(asked)


def test_zones_are_held_against_those_of_the_region(asked: Asked) -> None:
    asked |= {"region": "canadaeast", "zones": ["1"]}
    asked["pools"][0]["zones"] = ["2"]
    assert set(told(asked)) == {("zones", "zone-not-in-region"), ("pools[0].zones", "zone-not-in-region")}
    asked["region"] = "canadacentral"
    assert not told(asked)


def test_a_size_is_refused_where_azure_does_not_sell_it(asked: Asked) -> None:
    asked["pools"][0] = {"name": "slices", "sku": GB200, "nodes": {"max": 1}}
    asked |= {
        "images": ARM_IMAGE,
        "capacity_reservations": [{"group": GROUP, "sku": GB200, "nodes": 1}],
    }
    found = told(asked)
    assert set(found) == {
        ("pools[0].sku", "sku-not-in-region"),
        ("capacity_reservations[0].sku", "sku-not-in-region"),
    }
    assert "eastus2" in (found["pools[0].sku", "sku-not-in-region"] or "")
    asked["region"] = "eastus2"
    assert not told(asked)


def test_of_a_pool_that_exists_the_region_is_not_known(asked: Asked) -> None:
    pool = GROUP.replace("Compute/capacityReservationGroups/kept", "ContainerService/managedClusters/x")
    asked["pools"][0] = {
        "name": "slices", "sku": GB200, "nodes": {"max": 1}, "existing": f"{pool}/agentPools/gpus"
    }  # fmt: skip
    asked["images"] = ARM_IMAGE
    assert ("pools[0].sku", "sku-not-in-region") not in told(asked)


def test_nothing_is_said_of_a_size_whose_regions_are_known_by_number_only() -> None:
    assert not absent(CATALOG.skus["Standard_NC40ads_H100_v5"], "nowhere")


def test_every_region_that_sells_a_size_is_a_region() -> None:
    named = {region for sku in CATALOG.skus.values() for region in (sku.regions or "").split()}
    assert named <= CATALOG.regions.keys()


@pytest.mark.parametrize(
    ("version", "support", "code"),
    [
        ("1.35", "KubernetesOfficial", None),
        ("1.35.6", "KubernetesOfficial", None),
        ("1.35.7", "KubernetesOfficial", "kubernetes-version-not-offered"),
        ("1.40", "KubernetesOfficial", "kubernetes-version-not-offered"),
        ("1.33", "KubernetesOfficial", "kubernetes-version-long-term-only"),
        ("1.33", "AKSLongTermSupport", None),
    ],
)
def test_only_a_version_that_aks_offers_is_planned(
    asked: Asked, version: str, support: str, code: str | None
) -> None:
    asked["cluster"] = {"kubernetes_version": version, "support": support, "tier": "Premium"}
    path = "cluster.kubernetes_version"
    assert set(told(asked)) == ({(path, code)} if code else set())


def test_what_is_allowed_in_place_of_an_unknown_version_depends_on_the_support(asked: Asked) -> None:
    key = ("cluster.kubernetes_version", "kubernetes-version-not-offered")
    asked["cluster"] = {"kubernetes_version": "1.20"}
    assert told(asked)[key] == "1.34 (up to 1.34.9), 1.35 (up to 1.35.6), 1.36 (up to 1.36.2)"
    asked["cluster"] |= {"support": "AKSLongTermSupport", "tier": "Premium"}
    assert (told(asked)[key] or "").startswith("1.33")


def test_a_version_past_its_support_is_told_from_the_day_after_its_last(asked: Asked) -> None:
    last = CATALOG.kubernetes_versions["1.35"].ends

    def ended(today: date | None) -> list[Severity]:
        found = planned(asked, today).findings
        return [each.severity for each in found if each.code == "kubernetes-version-ended"]

    assert ended(None) == ended(last) == []
    assert ended(last.replace(month=last.month + 1, day=1)) == [Severity.WARNING]
    asked["cluster"] = {"support": "AKSLongTermSupport", "tier": "Premium"}
    assert ended(last.replace(month=last.month + 1, day=1)) == []
