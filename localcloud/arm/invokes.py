"""The functions of azure-native that the stand-in answers."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from localcloud.arm import entra
from localcloud.arm.cloud import Cloud
from localcloud.arm.control_planes import home
from localcloud.arm.kinds import PACKAGE, Kind, kinds
from localcloud.arm.refusal import ArmError, RequestError, refusal
from localcloud.arm.request import CLIENT_ID, OBJECT_ID, TENANT_ID, group_name
from localcloud.arm.services import data, managed_cluster
from localcloud.arm.store import Store
from localcloud.arm.wire import Properties

KUBECONFIG = "kubeconfig"
"""File in its folder that a control plane writes for its user."""
TOKENS = "cluster/pki/tokens.csv"
"""File there of those whom its API server knows by a token: the administrator, then one without rights."""


class Invocation(NamedTuple):
    """One call: its arguments and the cloud it asks."""

    args: Properties
    store: Store
    subscription: str
    state: Path
    """The folder of ``LOCALCLOUD_STATE``."""


def invoke(token: str, call: Invocation) -> Properties:
    """The answer of a function.

    Raises:
        ArmError: ARM refuses.
        RequestError: a function that the stand-in does not have.
    """
    if token in _FUNCTIONS:
        return _FUNCTIONS[token](call)
    module, _, name = token.rpartition(":")
    getter = kinds().get(f"{module}:{name.removeprefix('get')}") if name.startswith("get") else None
    if getter is None:
        known = ", ".join(sorted(_FUNCTIONS))
        raise RequestError(
            f"localcloud's ARM has no function {token}; "
            f"it has the get-functions of the types in kinds.toml, and {known}"
        )
    return _existing(call, getter)


def _existing(call: Invocation, kind: Kind) -> Properties:
    missing = [name for name in kind.parameters if name not in call.args]
    if missing:
        raise ArmError(400, "InvalidRequestUri", f"{kind.token} needs {', '.join(missing)}")
    resource_id = kind.resource_id(call.args, call.subscription)
    found = Cloud(call.store).get(resource_id)
    if found is None:
        group, name = group_name(resource_id), resource_id.rpartition("/")[2]
        raise refusal("ResourceNotFound", type=kind.arm_type, name=name, group=group)
    return found


def _cluster(call: Invocation) -> Properties:
    return _existing(call, kinds()[managed_cluster.CLUSTER])


def _user_credentials(call: Invocation) -> Properties:
    return _kubeconfigs(call, _cluster(call), "clusterUser")


def _admin_credentials(call: Invocation) -> Properties:
    if (cluster := _cluster(call)).get("disableLocalAccounts"):
        raise refusal("LocalAccountsDisabled")
    return _kubeconfigs(call, cluster, "clusterAdmin")


def _kubeconfigs(call: Invocation, cluster: Properties, name: str) -> Properties:
    place = home(call.state, cluster["id"])
    file = place / KUBECONFIG
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ArmError(
            409,
            "ControlPlaneNotFound",
            f"localcloud has no Kubernetes control plane: {file} does not exist. "
            "Start it first (make up does).",
        ) from None
    if entra.guards(cluster) and name == "clusterUser":
        content = entra.kubeconfig(content, place / TOKENS, cluster, call.store)
    return {"kubeconfigs": [{"name": name, "value": base64.b64encode(content).decode()}]}


def _client_config(call: Invocation) -> Properties:
    return {
        "clientId": CLIENT_ID,
        "objectId": OBJECT_ID,
        "subscriptionId": call.subscription,
        "tenantId": TENANT_ID,
    }


def _storage_keys(call: Invocation) -> Properties:
    account = _existing(call, kinds()[data.STORAGE])
    return {"keys": data.storage_keys(account["id"], account["creationTime"])}


_FUNCTIONS: dict[str, Callable[[Invocation], Properties]] = {
    f"{PACKAGE}:containerservice:listManagedClusterUserCredentials": _user_credentials,
    f"{PACKAGE}:containerservice:listManagedClusterAdminCredentials": _admin_credentials,
    f"{PACKAGE}:authorization:getClientConfig": _client_config,
    f"{PACKAGE}:storage:listStorageAccountKeys": _storage_keys,
}
