"""The kubeconfig of a user of an AKS cluster."""

import base64
from collections.abc import Sequence
from typing import Any

import pulumi
import yaml
from pulumi_azure_native import containerservice


def user_kubeconfig(
    resource_group_name: pulumi.Input[str],
    cluster_name: pulumi.Input[str],
    *,
    after: Sequence[pulumi.Input[Any]] = (),
    proxy: str | None = None,
    provider: pulumi.ProviderResource | None = None,
) -> pulumi.Output[str]:
    """Ask AKS for the kubeconfig, as a secret, as soon as every value of `after` is known.

    A first preview thus does not call an API that is not there yet, or that nobody may use yet.
    """
    asked = pulumi.Output.all(cluster_name, *after).apply(lambda known: str(known[0]))
    credentials = containerservice.list_managed_cluster_user_credentials_output(
        resource_group_name=resource_group_name,
        resource_name=asked,
        opts=pulumi.InvokeOutputOptions(provider=provider),
    )
    return pulumi.Output.secret(
        credentials.apply(
            lambda found: through_proxy(base64.b64decode(found.kubeconfigs[0].value).decode(), proxy)
        )
    )


def through_proxy(kubeconfig: str, proxy: str | None) -> str:
    """The kubeconfig, with every cluster of it reached over the proxy, where there is one."""
    if proxy is None:
        return kubeconfig
    content = yaml.safe_load(kubeconfig)
    for entry in content["clusters"]:
        entry["cluster"]["proxy-url"] = proxy
    return yaml.safe_dump(content, sort_keys=False)
