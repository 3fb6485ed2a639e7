from copy import deepcopy

import pytest

from tests.arm.engine import CLUSTER, CLUSTER_INPUTS, GPU_POOL, POOL, Engine, Inputs, Made, RefusedError

LONG_TERM = {"supportPlan": "AKSLongTermSupport", "sku": {"name": "Base", "tier": "Premium"}}
NETWORK = CLUSTER_INPUTS["networkProfile"]
SYSTEM_POOL = CLUSTER_INPUTS["agentPoolProfiles"][0]


@pytest.mark.parametrize(
    ("refused", "taken", "text"),
    [
        ({"resourceName": "-aks"}, {"resourceName": "aks-1_a"}, r"InvalidParameter.*managedCluster\.name"),
        ({"resourceName": "a" * 64}, {"resourceName": "a" * 63}, r"InvalidParameter.*managedCluster\.name"),
        ({"dnsPrefix": "a_b"}, {"dnsPrefix": "a-b"}, "parameter dnsPrefix is invalid"),
        ({"dnsPrefix": "a" * 55}, {"dnsPrefix": "a" * 54}, "parameter dnsPrefix is invalid"),
        ({"kubernetesVersion": "1.29"}, {"kubernetesVersion": "1.34"}, "K8sVersionNotSupported"),
        ({"kubernetesVersion": "1.35.99"}, {"kubernetesVersion": "1.35.1"}, "K8sVersionNotSupported"),
        ({"kubernetesVersion": "latest"}, {"kubernetesVersion": "1.36"}, "K8sVersionNotSupported"),
        (
            {"kubernetesVersion": "1.33"},
            {"kubernetesVersion": "1.33", **LONG_TERM},
            "K8sVersionNotSupported",
        ),
        (
            {**LONG_TERM, "sku": {"name": "Base", "tier": "Standard"}},
            LONG_TERM,
            "Long Term Support is only available for Premium tier",
        ),
        (
            {"networkProfile": {**NETWORK, "serviceCidr": "172.31.4.0/22", "dnsServiceIP": "172.31.4.10"}},
            {"networkProfile": {**NETWORK, "serviceCidr": "172.16.0.0/16", "dnsServiceIP": "172.16.0.10"}},
            r"networkProfile\.serviceCidr is invalid.*172\.31\.4\.0/22 overlaps a range that AKS keeps",
        ),
        (
            {"networkProfile": {**NETWORK, "podCidr": "172.16.0.0/12"}},
            {"networkProfile": {**NETWORK, "podCidr": "172.16.0.0/14"}},
            r"networkProfile\.podCidr is invalid",
        ),
        ({"agentPoolProfiles": []}, {}, "There has to be at least one system agent pool"),
        ({"agentPoolProfiles": [{**SYSTEM_POOL, "mode": "User"}]}, {}, "at least one system agent pool"),
        (
            {"agentPoolProfiles": [{**SYSTEM_POOL, "name": "System"}]},
            {"agentPoolProfiles": [SYSTEM_POOL, {**SYSTEM_POOL, "name": "user", "mode": "User"}]},
            r"agentPoolProfile\.name is invalid",
        ),
        (
            {"agentPoolProfiles": [SYSTEM_POOL | {"name": f"p{n}"} for n in range(101)]},
            {"agentPoolProfiles": [SYSTEM_POOL | {"name": f"p{n}"} for n in range(100)]},
            "exceeds the maximum 100",
        ),
        (
            {"identity": {"type": "UserAssigned", "userAssignedIdentities": ["/subscriptions/s/x"]}},
            {"identity": {"type": "SystemAssigned"}},
            "FailedIdentityOperation.*/subscriptions/s/x",
        ),
    ],
)
def test_aks_refuses_the_cluster_in_its_words_and_takes_its_neighbour(
    engine: Engine, group: Made, refused: Inputs, taken: Inputs, text: str
) -> None:
    with pytest.raises(RefusedError, match=text):
        engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, **refused})

    with engine.store() as store:
        assert (store.all(CLUSTER), store.all(POOL)) == ([], [])
    assert (
        engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, **taken}).outputs["provisioningState"] == "Succeeded"
    )


def test_a_cluster_takes_no_new_pool_inline(engine: Engine, cluster: Made) -> None:
    pools = [SYSTEM_POOL, {**SYSTEM_POOL, "name": "more"}]

    with pytest.raises(RefusedError, match='Code="BadRequest" Message="A new agent pool was introduced'):
        engine.update(cluster, {"agentPoolProfiles": pools})


def test_a_pool_left_out_of_the_clusters_put_stays(engine: Engine, cluster: Made, pool: Made) -> None:
    updated = engine.update(cluster, {"tags": {"a": "b"}})

    assert [shown["name"] for shown in updated.outputs["agentPoolProfiles"]] == ["system", "h100"]


def test_an_inline_pool_can_change_what_a_pool_can(engine: Engine, cluster: Made) -> None:
    engine.update(cluster, {"agentPoolProfiles": [{**SYSTEM_POOL, "count": 3}]})

    system = engine.read(POOL, f"{cluster.id}/agentPools/system")
    assert system is not None
    assert system.outputs["count"] == 3


def test_a_deleted_cluster_takes_its_pools_along(engine: Engine, cluster: Made, pool: Made) -> None:
    engine.delete(cluster)

    assert engine.refresh(pool) is None
    with engine.store() as store:
        assert store.all(POOL) == []


def test_a_get_shows_what_the_service_fills_in(cluster: Made) -> None:
    shown = cluster.outputs

    assert shown["nodeResourceGroup"] == "MC_rg_aks_westeurope"
    assert shown["fqdn"].startswith("aks-")
    assert shown["fqdn"].endswith(".hcp.westeurope.azmk8s.io")
    assert shown["oidcIssuerProfile"]["issuerURL"].startswith("https://westeurope.oic.prod-aks.azure.com/")
    assert shown["identity"]["principalId"]
    assert shown["identityProfile"]["kubeletidentity"]["clientId"]
    assert shown["currentKubernetesVersion"] == "1.35.6"
    assert shown["networkProfile"]["podCidrs"] == ["10.244.0.0/16"]
    assert shown["agentPoolProfiles"][0]["type"] == "VirtualMachineScaleSets"


def test_without_an_issuer_there_is_no_url(engine: Engine, group: Made) -> None:
    inputs = deepcopy(CLUSTER_INPUTS)
    del inputs["oidcIssuerProfile"]

    assert engine.create(CLUSTER, "aks", inputs).outputs["oidcIssuerProfile"] == {"enabled": False}


def test_issuer_and_identity_stay_the_same_after_an_update(engine: Engine, cluster: Made) -> None:
    updated = engine.update(cluster, {"tags": {"a": "b"}, "kubernetesVersion": "1.36"})

    for name in ("oidcIssuerProfile", "identity", "identityProfile", "fqdn"):
        assert updated.outputs[name] == cluster.outputs[name]
    assert updated.outputs["currentKubernetesVersion"] == "1.36.2"


def test_entra_integration_left_out_stays(engine: Engine, group: Made) -> None:
    made = engine.create(CLUSTER, "aks", {**CLUSTER_INPUTS, "aadProfile": {"managed": True}})

    assert engine.update(made, {"aadProfile": None}).outputs["aadProfile"]["managed"] is True


def test_the_clusters_list_of_pools_follows_the_autoscaler(engine: Engine, cluster: Made) -> None:
    made = engine.create(POOL, "h100", GPU_POOL)
    with engine.store() as store:
        store.change(made.id, count=3)

    found = engine.refresh(cluster)

    assert found is not None
    assert [pool["count"] for pool in found.outputs["agentPoolProfiles"]] == [1, 3]
