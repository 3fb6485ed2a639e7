"""The protocol: previews, half-made resources, functions, and errors without a traceback."""

import base64
from pathlib import Path

import pytest
from pulumi.runtime import proto

from localcloud.arm.faults import Fault
from localcloud.arm.provider import STATE
from localcloud.arm.sdk import shape_of
from localcloud.arm.wire import UNKNOWN, decode, encode
from tests.arm.engine import (
    AKS,
    CLUSTER,
    CLUSTER_INPUTS,
    GPU_POOL,
    GROUP,
    POOL,
    Engine,
    Made,
    RefusedError,
    urn,
)

IN_CLUSTER = {"resourceGroupName": "rg", "resourceName": "aks"}
USER = f"{AKS}:listManagedClusterUserCredentials"
ADMIN = f"{AKS}:listManagedClusterAdminCredentials"


def test_a_preview_echoes_inputs_leaves_the_rest_unknown_and_makes_nothing(engine: Engine) -> None:
    shown = engine.preview(CLUSTER, "aks", CLUSTER_INPUTS)

    assert shown["dnsPrefix"] == "aks"
    assert shown["oidcIssuerProfile"] == {"enabled": True, "issuerURL": UNKNOWN}
    assert shown["fqdn"] == UNKNOWN
    assert shown["name"] == UNKNOWN
    assert shown["agentPoolProfiles"][0]["vmSize"] == "Standard_D4ds_v5"
    assert "resourceGroupName" not in shown
    with engine.store() as store:
        assert store.within("/subscriptions") == []


def test_a_previewed_identity_list_is_an_unknown_map(engine: Engine) -> None:
    identity = {"type": "UserAssigned", "userAssignedIdentities": [UNKNOWN]}

    shown = engine.preview(CLUSTER, "aks", {**CLUSTER_INPUTS, "identity": identity})

    assert shown["identity"]["userAssignedIdentities"] == UNKNOWN


def test_a_previewed_update_knows_name_and_location(engine: Engine, cluster: Made) -> None:
    request = {"urn": urn(CLUSTER, "aks"), "id": cluster.id, "preview": True}
    response = engine.call("Update", **request, olds=encode(cluster.outputs), news=encode(cluster.inputs))

    shown = decode(response.properties)

    assert (shown["name"], shown["location"], shown["fqdn"]) == ("aks", "westeurope", UNKNOWN)


def test_a_refusal_is_its_text_alone(engine: Engine, pool: Made) -> None:
    with pytest.raises(RefusedError) as error:
        engine.update(pool, {"osDiskSizeGB": 256})

    message = "Changing property 'properties.osDiskSizeGB' is not allowed."
    assert str(error.value) == f'Status=400 Code="PropertyChangeNotAllowed" Message="{message}"'
    assert error.value.half_made is None


def test_a_pool_that_fails_after_acceptance_exists_half_made_and_the_next_put_repairs_it(
    engine: Engine, cluster: Made
) -> None:
    with engine.store() as store:
        store.order(Fault(kind="fail", type=POOL, name="h100", message="Allocation failed."))

    with pytest.raises(RefusedError) as error:
        engine.create(POOL, "h100", GPU_POOL)

    half = error.value.half_made
    assert str(error.value) == 'Code="ResourceOperationFailure" Message="Allocation failed."'
    assert list(half.reasons) == [str(error.value)]
    assert half.id == f"{cluster.id}/agentPools/h100"
    assert decode(half.properties)["provisioningState"] == "Failed"
    assert decode(half.inputs)["vmSize"] == GPU_POOL["vmSize"]
    with engine.store() as store:
        assert [stored.properties["provisioningState"] for stored in store.all(POOL)] == [
            "Succeeded",
            "Failed",
        ]

    made = Made(POOL, "h100", half.id, decode(half.inputs), decode(half.properties))
    assert engine.update(made, {}).outputs["provisioningState"] == "Succeeded"


def test_an_update_can_fail_after_acceptance_too(engine: Engine, pool: Made) -> None:
    with engine.store() as store:
        store.order(Fault(kind="fail", type=POOL, name="h100", message="Reconcile failed."))

    with pytest.raises(RefusedError) as error:
        engine.update(pool, {"maxCount": 5})

    assert decode(error.value.half_made.properties)["maxCount"] == 5
    assert engine.update(pool, {"maxCount": 5}).outputs["provisioningState"] == "Succeeded"


def test_the_user_gets_the_control_planes_kubeconfig(engine: Engine, cluster: Made) -> None:
    (engine.folder / "kubeconfig").write_text("kind: Config\n")

    [found] = engine.invoke(USER, IN_CLUSTER)["kubeconfigs"]

    assert (found["name"], base64.b64decode(found["value"])) == ("clusterUser", b"kind: Config\n")


def test_without_a_control_plane_there_is_no_kubeconfig(engine: Engine, cluster: Made) -> None:
    with pytest.raises(RefusedError, match=r"has no Kubernetes control plane: .*kubeconfig does not exist"):
        engine.invoke(USER, IN_CLUSTER)


def test_without_a_cluster_there_is_no_kubeconfig(engine: Engine, group: Made) -> None:
    with pytest.raises(RefusedError, match=r'Status=404 Code="ResourceNotFound".*managedClusters/aks'):
        engine.invoke(USER, IN_CLUSTER)


@pytest.mark.parametrize("disabled", [True, False])
def test_admin_credentials_need_local_accounts(engine: Engine, group: Made, disabled: bool) -> None:
    engine.create(
        CLUSTER, "aks", {**CLUSTER_INPUTS, "aadProfile": {"managed": True}, "disableLocalAccounts": disabled}
    )
    (engine.folder / "kubeconfig").write_text("kind: Config\n")

    if disabled:
        with pytest.raises(RefusedError, match="Getting static credential isn't allowed"):
            engine.invoke(ADMIN, IN_CLUSTER)
    else:
        assert engine.invoke(ADMIN, IN_CLUSTER)["kubeconfigs"][0]["name"] == "clusterAdmin"


def test_the_client_is_the_same_for_everybody(engine: Engine) -> None:
    found = engine.invoke("azure-native:authorization:getClientConfig", {})

    assert found["subscriptionId"] == "00000000-0000-0000-0000-000000000001"
    assert found.keys() == {"clientId", "objectId", "subscriptionId", "tenantId"}


def test_the_configured_subscription_is_used(engine: Engine) -> None:
    engine.configure(location="westeurope", subscriptionId="mine")

    assert (
        engine.create(GROUP, "rg", {"resourceGroupName": "rg"}).id == "/subscriptions/mine/resourceGroups/rg"
    )
    assert engine.invoke("azure-native:authorization:getClientConfig", {})["subscriptionId"] == "mine"


def test_each_storage_account_has_its_own_keys(engine: Engine, group: Made) -> None:
    keys = []
    for name in ("one1", "two2"):
        path = {"resourceGroupName": "rg", "accountName": name}
        sku = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        engine.create("azure-native:storage:StorageAccount", name, {**path, **sku})
        answer = engine.invoke("azure-native:storage:listStorageAccountKeys", path)
        assert answer == engine.invoke("azure-native:storage:listStorageAccountKeys", path)
        keys += [key["value"] for key in answer["keys"]]

    assert len(set(keys)) == 4
    assert all(len(base64.b64decode(key)) == 64 for key in keys)


def test_get_functions_answer_for_every_type_of_the_table(engine: Engine, pool: Made) -> None:
    found = engine.invoke(f"{AKS}:getAgentPool", {**IN_CLUSTER, "agentPoolName": "h100"})

    assert found == pool.outputs
    with pytest.raises(RefusedError, match="ResourceNotFound"):
        engine.invoke(f"{AKS}:getAgentPool", {**IN_CLUSTER, "agentPoolName": "other"})


def test_an_unknown_function_is_refused_with_those_there_are(engine: Engine) -> None:
    with pytest.raises(
        RefusedError, match=r"has no function azure-native:sql:getServer; it has.*getClientConfig"
    ):
        engine.invoke("azure-native:sql:getServer", {})


def test_an_unknown_type_is_refused_with_the_table_to_widen(engine: Engine) -> None:
    with pytest.raises(RefusedError, match=r"does not serve azure-native:sql:Server.*kinds\.toml"):
        engine.check("azure-native:sql:Server", "x", {})


def test_a_foreign_id_cannot_be_imported(engine: Engine) -> None:
    with pytest.raises(
        RefusedError, match=r"'/x' is no ARM id of azure-native:.*; its form is /subscriptions/"
    ):
        engine.read(POOL, "/x")


def test_without_a_state_folder_the_provider_says_how_to_get_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STATE)

    with pytest.raises(RefusedError, match=f"^{STATE} is not set: .*make preview"):
        engine.configure()


def test_the_schema_is_name_and_version(engine: Engine) -> None:
    schema = engine.call("GetSchema").schema

    assert schema == '{"name": "azure-native", "version": "3.29.0"}'


def test_what_is_not_offered_says_so(engine: Engine) -> None:
    with pytest.raises(RefusedError, match="does not offer this"):
        engine.call("Construct")


def test_no_secret_travels_marked_so_that_the_engine_marks_outputs_itself(engine: Engine) -> None:
    response = engine.call("Configure", acceptSecrets=True)

    assert isinstance(response, proto.ConfigureResponse)
    assert (response.acceptSecrets, response.supportsPreview) == (False, True)


def test_the_cache_of_shapes_survives_a_torn_file(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERENCE_STACK_CACHE", str(tmp_path / "cache"))
    shape_of.cache_clear()
    first = shape_of(GROUP)
    [file] = (tmp_path / "cache").rglob("*.json")
    file.write_text(file.read_text()[:100])
    shape_of.cache_clear()

    assert shape_of(GROUP) == first
    assert shape_of.cache_info().misses == 1
