"""Waiting until who deploys may really use the cluster: a role in Azure takes minutes to hold."""

import asyncio
import time
from typing import Any, NamedTuple

import httpx2
import pulumi
import yaml
from lightkube import AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.models.authorization_v1 import ResourceAttributes, SelfSubjectAccessReviewSpec
from lightkube.resources.authorization_v1 import SelfSubjectAccessReview

from components.kubeconfig import KUBELOGIN

PATIENCE_S = 900
"""Azure says that a role may take up to ten minutes to hold (learn.microsoft.com, RBAC troubleshooting)."""
_ROLE = "Azure Kubernetes Service RBAC Cluster Admin"
_POLL_S = 2
_TELL_EVERY_S = 30

_NEEDED = SelfSubjectAccessReviewSpec(
    resourceAttributes=ResourceAttributes(verb="create", resource="namespaces")
)
"""What is done first, and what no lesser role may do."""


class NotAllowedError(Exception):
    """Who deploys may not use the cluster, however long one waits."""


class Grant(NamedTuple):
    """A role that is to hold."""

    role: str
    principal: str
    scope: str

    def __str__(self) -> str:
        """As a person would look it up."""
        return f"role {self.role} of {self.principal} on {self.scope}"


def when_allowed(
    kubeconfig: pulumi.Output[str], principal: str | None, cluster: pulumi.CustomResource
) -> pulumi.Output[str]:
    """The kubeconfig, once the role given to the principal on the cluster holds; at once without one.

    A preview does not ask.
    """
    if principal is None:
        return kubeconfig
    if pulumi.runtime.is_dry_run():
        return kubeconfig
    return pulumi.Output.all(kubeconfig, cluster.id).apply(
        lambda known: until_allowed(known[0], Grant(_ROLE, principal, known[1]), resource=cluster)
    )


async def until_allowed(
    kubeconfig: str, grant: Grant, *, resource: pulumi.Resource | None = None, patience_s: float = PATIENCE_S
) -> str:
    """The kubeconfig, once the API server lets its user do what is done first.

    Raises:
        NotAllowedError: it did not within `patience_s`, or kubelogin is missing.
    """
    start = told = time.monotonic()
    while True:
        refused = await _refused(kubeconfig)
        if refused is None:
            return kubeconfig
        now = time.monotonic()
        if now - start >= patience_s:
            raise NotAllowedError(
                f"after {now - start:.0f} s the {grant} does not hold; the API server says: {refused}. "
                "See whether the assignment is there, and whether the login is that principal's; "
                "then run again."
            )
        if now - told >= _TELL_EVERY_S or told == start:
            pulumi.log.info(f"waiting until the {grant} holds ({now - start:.0f} s)", resource)
            told = now
        await asyncio.sleep(_POLL_S)


async def _refused(kubeconfig: str) -> str | None:
    """Why the user may not do what is needed; None if it may."""
    content: Any = yaml.safe_load(kubeconfig)
    proxy = content["clusters"][0]["cluster"].get("proxy-url")
    # A new one each time: one that was asked keeps its token.
    client = AsyncClient(KubeConfig.from_dict(content), trust_env=False, proxy=proxy)
    try:
        review = await client.create(SelfSubjectAccessReview(spec=_NEEDED))
    except FileNotFoundError:
        raise NotAllowedError(
            f"{KUBELOGIN} is not on the path, which asks Entra for a token: https://azure.github.io/kubelogin/"
        ) from None
    except ApiError as error:
        return str(error)
    except httpx2.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    status = review.status
    return None if status and status.allowed else (status and status.reason) or "not allowed"
