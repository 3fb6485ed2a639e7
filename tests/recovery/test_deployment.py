"""What a killed run left in a deployment, put right without an engine."""

from typing import Any

import pytest

from recovery.deployment import UnknownSubscriptionError, settle, take_in, to_look_up, under_way
from tests.recovery.deployments import (
    GROUP,
    GROUP_ID,
    LOCK,
    PROVIDER,
    group,
    killed,
    kubernetes,
    provider,
    urn,
)


def recovered(deployment: dict[str, Any], *found: dict[str, Any] | None) -> list[str]:
    """Recover, with a refresh that finds outputs for what was taken in, or nothing; what is told."""
    operations = under_way(deployment)
    take_in(deployment, None)
    looked_up = to_look_up(deployment, operations)
    answers = iter(found)
    for resource in [*deployment["resources"]]:
        if resource["urn"] in looked_up and not resource.get("delete"):
            if (outputs := next(answers)) is None:
                deployment["resources"].remove(resource)
            else:  # as a provider reads it: the cloud's defaults come in as inputs
                resource |= {"inputs": {**resource["inputs"], **outputs}, "outputs": outputs}
                resource.pop("initErrors", None)
    return list(settle(deployment, operations))


def test_what_the_cloud_has_of_a_create_is_taken_in_with_the_inputs_of_the_program() -> None:
    deployment = killed(group())
    found = {"location": "swedencentral", "provisioningState": "Succeeded"}
    (told,) = recovered(deployment, found)
    taken = deployment["resources"][-1]
    assert taken["id"] == GROUP_ID
    assert taken["inputs"] == {"resourceGroupName": "rg"}
    assert taken["outputs"] == found
    assert "initErrors" not in taken
    assert "pending_operations" not in deployment
    assert told == f"rg ({GROUP}): killed while creating; it is there, so it is taken into the state"


def test_what_the_cloud_does_not_have_is_dropped() -> None:
    deployment = killed(group())
    (told,) = recovered(deployment, None)
    assert deployment["resources"] == [provider(subscriptionId="s")]
    assert "made anew" in told


@pytest.mark.parametrize("state", ["Creating", "Failed"])
def test_what_is_not_known_to_have_succeeded_is_to_be_written_again(state: str) -> None:
    deployment = killed(group())
    (told,) = recovered(deployment, {"provisioningState": state})
    assert deployment["resources"][-1]["initErrors"]
    assert f"{state}: taken into the state, to be written again" in told


def test_what_was_taken_in_but_never_looked_up_is_to_be_written_again() -> None:
    deployment = killed(group())
    take_in(deployment, None)
    assert deployment["resources"][-1]["initErrors"]


def test_what_a_replacement_replaces_is_then_to_be_deleted() -> None:
    deployment = killed(group(), "creating", group(id="old", outputs={}))
    recovered(deployment, {})
    assert [(found.get("id"), found.get("delete")) for found in deployment["resources"][1:]] == [
        ("old", True),
        (GROUP_ID, None),
    ]


def test_what_was_deleted_before_its_replacement_is_forgotten() -> None:
    deployment = killed(group(), "creating", group(id="old", pendingReplacement=True))
    recovered(deployment, {})
    assert [found["id"] for found in deployment["resources"][1:]] == [GROUP_ID]


def taken_in(subscription: str | None, *others: dict[str, Any], configured: str = "") -> str:
    deployment = killed(group(), "creating", *others)
    deployment["resources"][0] = provider(**{"subscriptionId": configured} if configured else {})
    take_in(deployment, subscription)
    return deployment["resources"][-1]["id"]


def test_the_subscription_is_that_of_the_provider_then_of_what_it_made_then_the_one_named() -> None:
    lock = {**group("lock"), "type": LOCK, "id": "/subscriptions/elsewhere/providers/x/locks/lock"}
    sibling = group("other", id="/subscriptions/sibling/resourceGroups/other")
    foreign = {**sibling, "provider": f"{PROVIDER}::2", "id": "/subscriptions/foreign/resourceGroups/other"}
    assert taken_in("named", lock, foreign, sibling, configured="own").startswith("/subscriptions/own/")
    assert taken_in("named", lock, foreign, sibling).startswith("/subscriptions/sibling/")
    assert taken_in("named", lock, foreign).startswith("/subscriptions/named/")


def test_without_any_subscription_nothing_is_changed() -> None:
    deployment = killed(group())
    deployment["resources"][0] = provider()
    with pytest.raises(UnknownSubscriptionError, match="rg"):
        take_in(deployment, None)
    assert under_way(deployment)
    assert deployment["resources"] == [provider()]


def test_a_lock_or_a_role_is_named_after_what_it_is_on() -> None:
    resource = {**group(), "type": LOCK, "inputs": {"scope": GROUP_ID, "lockName": "keep"}}
    deployment = killed(resource)
    deployment["resources"][0] = provider()
    take_in(deployment, None)
    assert deployment["resources"][-1]["id"] == f"{GROUP_ID}/providers/Microsoft.Authorization/locks/keep"


@pytest.mark.parametrize(
    ("metadata", "made"),
    [({"name": "n", "namespace": "ns"}, "ns/n"), ({"name": "cluster-wide"}, "cluster-wide")],
)
def test_a_create_in_kubernetes_is_taken_in_for_the_refresh_to_look_up(metadata: Any, made: str) -> None:
    inputs = {"metadata": metadata, "__fieldManager": "pulumi-kubernetes-1"}
    deployment = killed(kubernetes("core/v1:Namespace", inputs))
    operations = under_way(deployment)
    take_in(deployment, None)
    assert deployment["resources"][-1]["id"] == made
    # The same manager of fields as before: another one would share or dispute them.
    assert deployment["resources"][-1]["outputs"] == inputs
    assert to_look_up(deployment, operations) == [urn("kubernetes:core/v1:Namespace", "made")]


def test_a_release_is_left_to_be_installed_again() -> None:
    deployment = killed(kubernetes("helm.sh/v3:Release", {"name": "r"}))
    (told,) = recovered(deployment)
    assert len(deployment["resources"]) == 1
    assert "to be installed" in told


def test_a_release_that_was_half_uninstalled_is_not_counted_as_installed() -> None:
    release = kubernetes("helm.sh/v3:Release", {"name": "r"})
    deployment = killed({**release, "id": "ns/r"}, "deleting", {**release, "id": "ns/r"})
    (told,) = recovered(deployment)
    assert deployment["resources"] == [provider(subscriptionId="s")]
    assert "deleting" in told


@pytest.mark.parametrize("verb", ["updating", "deleting"])
def test_what_is_in_the_state_stays_there_for_the_refresh_to_look_up(verb: str) -> None:
    deployment = killed(group(), verb, group(id=GROUP_ID))
    (told,) = recovered(deployment, {})
    assert deployment["resources"][1:] == [group(id=GROUP_ID, outputs={})]
    assert verb in told


def test_of_what_has_no_known_id_it_is_said_what_to_do() -> None:
    unknown = {**group(), "type": "random:index:RandomId"}
    deployment = killed(unknown)
    (told,) = recovered(deployment)
    assert len(deployment["resources"]) == 1
    assert "`pulumi import`" in told


def test_what_exists_in_the_state_alone_is_not_mentioned() -> None:
    component = {"urn": urn("a:b:C", "c"), "custom": False, "type": "a:b:C"}
    assert under_way(killed(component)) == []
    assert under_way(killed(provider())) == []
