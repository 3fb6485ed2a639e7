"""The kubeconfig of a user of an AKS cluster."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import pulumi
import yaml
from pulumi_azure_native import containerservice

KUBELOGIN = "kubelogin"
"""The program that asks Entra for a token, which AKS names in the kubeconfig of such a cluster."""


def user_kubeconfig(
    resource_group_name: pulumi.Input[str],
    cluster_name: pulumi.Input[str],
    *,
    login: str,
    after: Sequence[pulumi.Input[Any]] = (),
    proxy: str | None = None,
    provider: pulumi.ProviderResource | None = None,
) -> pulumi.Output[str]:
    """Ask AKS for the kubeconfig, as a secret, as soon as every value of `after` is known.

    A first preview thus does not call an API that is not there yet, or that nobody may use yet.
    """
    asked = pulumi.Output.all(cluster_name, *after).apply(lambda known: str(known[0]))
    credentials = containerservice.list_managed_cluster_user_credentials_output(
        # Under Entra there is no other that works without a person at the screen; without, it says nothing.
        format="exec",
        resource_group_name=resource_group_name,
        resource_name=asked,
        opts=pulumi.InvokeOutputOptions(provider=provider),
    )
    return pulumi.Output.secret(
        credentials.apply(
            lambda found: prepared(base64.b64decode(found.kubeconfigs[0].value).decode(), login, proxy)
        )
    )


def prepared(kubeconfig: str, login: str, proxy: str | None) -> str:
    """The kubeconfig of AKS, for who deploys."""
    return through_proxy(with_login(kubeconfig, login), proxy)


def with_login(kubeconfig: str, login: str) -> str:
    """The kubeconfig with kubelogin asking in another way, where it is asked at all.

    AKS writes `devicecode`, which wants a person. Of its arguments the ways without one take the server's id
    alone (kubelogin's own convert-kubeconfig leaves out the same): who asks is known to the environment.
    """

    def asking(content: Any) -> None:
        for entry in content["users"]:
            command: Any = entry["user"].get("exec") or {}
            if command.get("command") == KUBELOGIN:
                given: list[str] = command["args"]
                server = given[given.index("--server-id") + 1]
                command["args"] = ["get-token", "--login", login, "--server-id", server]

    return _changed(kubeconfig, asking)


def through_proxy(kubeconfig: str, proxy: str | None) -> str:
    """The kubeconfig, with every cluster of it reached over the proxy, where there is one."""
    if proxy is None:
        return kubeconfig

    def reaching(content: Any) -> None:
        for entry in content["clusters"]:
            entry["cluster"]["proxy-url"] = proxy

    return _changed(kubeconfig, reaching)


def _changed(kubeconfig: str, change: Callable[[Any], None]) -> str:
    content = yaml.safe_load(kubeconfig)
    change(content)
    return yaml.safe_dump(content, sort_keys=False)
