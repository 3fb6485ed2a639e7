"""What a refresh, an import and a scaled pool do to inputs and state."""

from localcloud.arm.services.agent_pool import SPOT_LABEL, SPOT_TAINT
from tests.arm.engine import CLUSTER, GPU_POOL, POOL, Engine, Made

NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"


def refreshed(engine: Engine, made: Made) -> Made:
    found = engine.refresh(made)
    assert found is not None
    return found


def test_nothing_changed_brings_nothing_back(engine: Engine, pool: Made) -> None:
    found = refreshed(engine, pool)

    assert (found.inputs, found.outputs) == (pool.inputs, pool.outputs)


def test_the_autoscalers_count_reaches_the_inputs_and_nothing_else_does(engine: Engine, pool: Made) -> None:
    with engine.store() as store:
        store.change(pool.id, count=2)

    found = refreshed(engine, pool)

    assert found.inputs == {**pool.inputs, "count": 2}
    assert found.outputs["count"] == 2
    assert set(engine.diff(found, {"count": 0}).detailedDiff) == {"count"}
    assert not engine.diff(found, {"count": 2}).detailedDiff  # what ignore_changes makes of it


def test_spot_label_and_taint_stay_out_of_the_inputs(engine: Engine, cluster: Made) -> None:
    made = engine.create(POOL, "spot", {**GPU_POOL, "agentPoolName": "spot", "scaleSetPriority": "Spot"})

    found = refreshed(engine, made)

    assert found.outputs["nodeLabels"][SPOT_LABEL] == "spot"
    assert SPOT_TAINT in found.outputs["nodeTaints"]
    assert found.inputs == made.inputs


def test_a_label_changed_by_hand_is_brought_back_alone(engine: Engine, pool: Made) -> None:
    with engine.store() as store:
        store.change(pool.id, nodeLabels={"inference-stack.io/pool": "other", "added": "yes"})

    found = refreshed(engine, pool)

    assert found.inputs["nodeLabels"] == {"inference-stack.io/pool": "other", "added": "yes"}
    assert set(engine.diff(found, {"nodeLabels": GPU_POOL["nodeLabels"]}).detailedDiff) == {
        "nodeLabels.inference-stack.io/pool",
        "nodeLabels.added",
    }


def test_a_property_removed_by_hand_leaves_the_inputs(engine: Engine, pool: Made) -> None:
    tagged = engine.update(pool, {"tags": {"team": "ml"}})
    with engine.store() as store:
        stored = store.get(pool.id)
        assert stored is not None
        kept = {name: value for name, value in stored.properties.items() if name != "tags"}
        store.put(stored.model_copy(update={"properties": kept}))

    assert "tags" not in refreshed(engine, tagged).inputs


def test_a_resource_gone_from_the_cloud_is_gone(engine: Engine, pool: Made) -> None:
    engine.delete(pool)

    assert engine.refresh(pool) is None


def test_pools_of_their_own_show_up_inline_in_a_refreshed_cluster(engine: Engine, cluster: Made) -> None:
    """As on Azure: a program that declares both needs ignore_changes on agentPoolProfiles."""
    engine.create(POOL, "h100", GPU_POOL)

    found = refreshed(engine, cluster)

    assert [pool["name"] for pool in found.inputs["agentPoolProfiles"]] == ["system", "h100"]
    assert set(
        engine.diff(found, {"agentPoolProfiles": cluster.inputs["agentPoolProfiles"]}).detailedDiff
    ) == {"agentPoolProfiles[1]"}


def test_subnets_of_their_own_stay_out_of_a_refreshed_network(engine: Engine, group: Made) -> None:
    """azure-native leaves them out where the program declares none inline."""
    space = {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}}
    made = engine.create(NETWORK, "net", {"resourceGroupName": "rg", "virtualNetworkName": "net", **space})
    path = {"resourceGroupName": "rg", "virtualNetworkName": "net"}
    engine.create(SUBNET, "nodes", {**path, "addressPrefix": "10.1.0.0/24"})

    found = refreshed(engine, made)

    assert found.inputs == made.inputs
    assert [subnet["name"] for subnet in found.outputs["subnets"]] == ["nodes"]


def test_an_import_finds_path_and_arguments(engine: Engine, pool: Made) -> None:
    found = engine.read(POOL, pool.id)

    assert found is not None
    wanted = {name: value for name, value in pool.inputs.items() if name != "azureApiVersion"}
    assert found.inputs.items() >= wanted.items()
    assert "provisioningState" not in found.inputs
    assert "type" not in found.inputs
    assert engine.failures(POOL, found.inputs) == {}


def test_an_imported_cluster_has_its_identities_as_a_list(engine: Engine, group: Made) -> None:
    path = {"resourceGroupName": "rg", "resourceName": "serving"}
    identity = engine.create("azure-native:managedidentity:UserAssignedIdentity", "id", path)
    pools = [{"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4ds_v5"}]
    assigned = {"type": "UserAssigned", "userAssignedIdentities": [identity.id]}
    inputs = {"resourceGroupName": "rg", "identity": assigned, "agentPoolProfiles": pools}
    made = engine.create(CLUSTER, "aks", inputs)

    found = engine.read(CLUSTER, made.id)

    assert found is not None
    assert found.outputs["identity"]["userAssignedIdentities"][identity.id]["principalId"]
    assert found.inputs["identity"] == assigned
    assert engine.failures(CLUSTER, found.inputs) == {}
    assert refreshed(engine, made).inputs == made.inputs


def test_an_import_of_nothing_finds_nothing(engine: Engine, pool: Made) -> None:
    assert engine.read(POOL, f"{pool.id}x") is None
