"""AKS clusters: what is refused, and what a GET shows."""

import ipaddress
import re
from typing import NamedTuple

from localcloud.arm import wire
from localcloud.arm.immutability import refuse_transition, transitions
from localcloud.arm.refusal import refusal
from localcloud.arm.request import TENANT_ID, Put, group_name, guid
from localcloud.arm.services import address_space, cluster_security, kubernetes_version
from localcloud.arm.services.agent_pool import MAX_POOLS
from localcloud.arm.services.identity import assigned
from localcloud.arm.store import Stored
from localcloud.arm.wire import Properties

CLUSTER = "azure-native:containerservice:ManagedCluster"

_DNS_PREFIX = re.compile(r"[a-zA-Z0-9]|[a-zA-Z0-9][-a-zA-Z0-9]{0,52}[a-zA-Z0-9]")
_KEPT = ("aadProfile", "kubernetesVersion", "identity", "dnsPrefix", "identityProfile", "oidcIssuerProfile")
"""What stays when a PUT leaves it out."""


def properties(put: Put, body: Properties) -> Properties:
    """What a GET of the cluster shows after the PUT; agent pools are resources of their own."""
    body = {**{name: put.before(name) for name in _KEPT if put.before(name) is not None}, **body}
    version = str(body.get("kubernetesVersion") or kubernetes_version.default())
    prefix = body.get("dnsPrefix") or body.get("fqdnSubdomain") or put.name
    host = f"{prefix}-{guid(put.id, 'fqdn')[:8]}"
    suffix = f"{put.location}.azmk8s.io"
    private = wire.get(body, "apiServerAccessProfile.enablePrivateCluster") is True
    # Source: MicrosoftDocs/azure-aks-docs, articles/aks/private-apiserver-vnet-integration-cluster.md.
    integrated = wire.get(body, "apiServerAccessProfile.enableVnetIntegration") is True
    zone = f"{guid(put.id, 'zone')}.{'private' if integrated else 'privatelink'}.{suffix}"
    group = f"MC_{group_name(put.id)}_{put.name}_{put.location}"
    return {
        "autoUpgradeProfile": {},
        "disableLocalAccounts": False,
        "enableRBAC": True,
        "nodeResourceGroup": group,
        "securityProfile": {},
        "sku": {"name": "Base", "tier": "Free"},
        "storageProfile": {
            "diskCSIDriver": {"enabled": True},
            "fileCSIDriver": {"enabled": True},
            "snapshotController": {"enabled": True},
        },
        "supportPlan": "KubernetesOfficial",
        "servicePrincipalProfile": {"clientId": "msi"},
        "workloadAutoScalerProfile": {},
        **body,
        "kubernetesVersion": version,
        "currentKubernetesVersion": kubernetes_version.patch(version),
        "networkProfile": _network(body.get("networkProfile", {})),
        "identity": assigned(put, body.get("identity", {"type": "SystemAssigned"})),
        "identityProfile": _kubelet_identity(put, body, body.get("nodeResourceGroup", group)),
        "oidcIssuerProfile": _issuer(put, body),
        **({"addonProfiles": cluster_security.addons(put, body, group)} if "addonProfiles" in body else {}),
        **({"aadProfile": {"tenantID": TENANT_ID, **body["aadProfile"]}} if "aadProfile" in body else {}),
        "fqdn": f"{host}.hcp.{suffix}",
        "azurePortalFQDN": f"{host}.portal.hcp.{suffix}",
        **({"privateFQDN": f"{host}.{zone}"} if private else {}),
        "maxAgentPools": MAX_POOLS,
        "powerState": {"code": "Running"},
        "provisioningState": "Succeeded",
        "resourceUID": guid(put.id, "uid").replace("-", "")[:24],
    }


def _network(sent: Properties) -> Properties:
    plugin = sent.get("networkPlugin", "azure")
    mode = {"networkPluginMode": "overlay"} if not sent else {}
    shown = {
        "dnsServiceIP": "10.0.0.10",
        "ipFamilies": ["IPv4"],
        "loadBalancerSku": "standard",
        "networkPlugin": plugin,
        **mode,
        **({"networkDataplane": "azure"} if plugin == "azure" else {}),
        "networkPolicy": "none",
        "outboundType": "loadBalancer",
        "podCidr": "10.244.0.0/16",
        "serviceCidr": "10.0.0.0/16",
        **sent,
    }
    return {"podCidrs": [shown["podCidr"]], "serviceCidrs": [shown["serviceCidr"]], **shown}


def _kubelet_identity(put: Put, body: Properties, group: str) -> Properties:
    given = wire.get(body, "identityProfile.kubeletidentity") or {}
    subscription = put.id.split("/")[2]
    default = (
        f"/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{put.name}-agentpool"
    )
    identity = given.get("resourceId", default)
    return {
        "kubeletidentity": {
            "clientId": guid(identity, "client"),
            "objectId": guid(identity, "principal"),
            "resourceId": identity,
        }
    }


def _issuer(put: Put, body: Properties) -> Properties:
    enabled = wire.get(body, "oidcIssuerProfile.enabled") is True
    url = f"https://{put.location}.oic.prod-aks.azure.com/{TENANT_ID}/{guid(put.id, 'issuer')}/"
    return {"enabled": enabled, **({"issuerURL": url} if enabled else {})}


class PrivateZone(NamedTuple):
    """Where AKS keeps the name of a private API server, by ARM ids."""

    group: str
    """Resource group of the cluster's nodes."""
    zone: str
    """Private DNS zone in it."""


def private_zone(cluster: Stored) -> PrivateZone | None:
    """What AKS makes for a private cluster that brings no zone of its own."""
    host = cluster.properties.get("privateFQDN")
    brought = wire.get(cluster.properties, "apiServerAccessProfile.privateDNSZone")
    if host is None or brought not in (None, "system"):
        return None
    subscription = cluster.id.split("/")[2]
    group = f"/subscriptions/{subscription}/resourceGroups/{cluster.properties['nodeResourceGroup']}"
    zone = str(host).partition(".")[2]
    return PrivateZone(group, f"{group}/providers/Microsoft.Network/privateDnsZones/{zone}")


def refuse(put: Put, shown: Properties) -> None:
    """Raise ARM's error for a cluster that AKS does not take."""
    long_term = shown["supportPlan"] == "AKSLongTermSupport"
    version = shown["kubernetesVersion"]
    if not kubernetes_version.is_offered(version, long_term=long_term):
        raise refusal("K8sVersionNotSupported", name=put.name, version=version)
    if long_term and wire.get(shown, "sku.tier") != "Premium":
        raise refusal("LongTermSupportNeedsPremium")
    address_space.refuse_cluster(put, shown)
    cluster_security.refuse(put, shown)
    if put.body.get("dnsPrefix") and not _DNS_PREFIX.fullmatch(put.body["dnsPrefix"]):
        raise refusal("DnsPrefixInvalid")
    pools = put.body.get("agentPoolProfiles", [])
    if len(pools) > MAX_POOLS:
        raise refusal("TooManyPools", count=len(pools))
    if put.current is None:
        if not any(pool.get("mode") == "System" for pool in pools):
            raise refusal("NoSystemPool")
        return
    for path in transitions():
        refuse_transition(put, path)
    _refuse_pod_cidr(put)
    _refuse_private_toggle(put)


def _refuse_pod_cidr(put: Put) -> None:
    """An overlay's pod range may only grow."""
    old, new = (
        wire.get(side, "networkProfile.podCidr")
        for side in (put.current.properties if put.current else {}, put.body)
    )
    if new is None or new == old:
        return
    overlay = (
        put.current is not None
        and wire.get(put.current.properties, "networkProfile.networkPluginMode") == "overlay"
    )
    if not overlay or not ipaddress.ip_network(old).subnet_of(ipaddress.ip_network(new)):  # pyright: ignore[reportArgumentType]
        raise refusal("PropertyChangeNotAllowed", target="networkProfile.podCidr")


def _refuse_private_toggle(put: Put) -> None:
    """A cluster turns private, or back, only where its API server lies in the virtual network."""
    path = "apiServerAccessProfile.enablePrivateCluster"
    now = put.current.properties if put.current else {}
    wanted = wire.get(put.body, path)
    if wanted is None or wanted == (wire.get(now, path) is True):
        return
    if wire.get(now, "apiServerAccessProfile.enableVnetIntegration") is not True:
        raise refusal("PropertyChangeNotAllowed", target=path)
