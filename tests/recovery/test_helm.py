"""The way into the cluster of a release that was under way."""

import json
from typing import Any

import pytest

from recovery.deployment import RELEASE, Operation
from recovery.helm import kubeconfig_of

PROVIDER = "urn:pulumi:dev::inference-stack::pulumi:providers:kubernetes::"


def provider(name: str, kubeconfig: object) -> dict[str, Any]:
    return {"urn": PROVIDER + name, "id": "1", "inputs": {"kubeconfig": kubeconfig}}


@pytest.mark.parametrize(
    "given", ["apiVersion: v1", {"4dab": "1b47", "plaintext": json.dumps("apiVersion: v1")}]
)
def test_it_is_that_of_the_provider_of_the_release_plain_or_secret(given: object) -> None:
    deployment = {"resources": [provider("other", "no"), provider("own", given)]}
    release = Operation("creating", {"type": RELEASE, "provider": f"{PROVIDER}own::1"})
    assert kubeconfig_of(release, deployment) == "apiVersion: v1"


def test_without_its_provider_there_is_none() -> None:
    release = Operation("creating", {"type": RELEASE, "provider": f"{PROVIDER}gone::1"})
    with pytest.raises(LookupError, match="gone"):
        kubeconfig_of(release, {"resources": [provider("own", "x")]})
