"""The published baselines for AKS beside what prod has, value by value, each deviation with its reason.

`docs/hardening.md` is written from this table, and a test holds the cluster that prod makes against it.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, cast

PAGE = Path(__file__).parents[1] / "docs" / "hardening.md"

BL = "AKS baseline"
AVM = "AVM"
PODS = "AKS baseline's policies"
SOURCES = {
    BL: "mspnp/aks-baseline@0b468aa, workload-team/cluster-stamp.bicep: Microsoft's reference cluster",
    AVM: "Azure Verified Modules, managed cluster, their secure values: "
    "Azure/bicep-registry-modules@9f9ea1a and Azure/terraform-azurerm-avm-res-containerservice-"
    "managedcluster@895e0c6",
    PODS: "mspnp/aks-baseline@2424407, workload-team/modules/policies.bicep: what Azure Policy holds pods "
    "to, outside of kube-system",
}


class Special(Enum):
    """What is said of a property instead of a value."""

    SAME = "as the baseline"
    ABSENT = "not set"
    GIVEN = "set"

    def __str__(self) -> str:
        """In words."""
        return self.value


SAME, ABSENT, GIVEN = Special.SAME, Special.ABSENT, Special.GIVEN


class Row(NamedTuple):
    """One property of the cluster, or of what belongs to it."""

    path: str
    """Names with dots between; brackets hold the name of an entry of a list."""
    baseline: Any
    source: str
    ours: Any = SAME
    reason: str = ""
    """Why ours is another; empty where it is the same."""

    @property
    def wanted(self) -> Any:
        """The value that prod must have."""
        return self.baseline if self.ours is SAME else self.ours

    @property
    def deviates(self) -> bool:
        """Whether ours is another than the baseline's."""
        return self.ours is not SAME


_LOGS = "diagnosticSettings"

BASELINE = (
    Row("apiServerAccessProfile.enablePrivateCluster", True, BL),
    Row("apiServerAccessProfile.enableVnetIntegration", True, BL),
    Row("apiServerAccessProfile.subnetId", GIVEN, BL),
    Row("apiServerAccessProfile.disableRunCommand", True, BL),
    Row(
        "apiServerAccessProfile.privateDNSZone",
        GIVEN,
        BL,
        "system",
        "AKS keeps a zone of its own beside the nodes, which goes with the cluster; we link to it the "
        "network of who deploys.",
    ),
    Row(
        "apiServerAccessProfile.enablePrivateClusterPublicFQDN",
        True,
        BL,
        False,
        "A public name tells everybody the address of the API server; the linked zone does without.",
    ),
    Row(
        "publicNetworkAccess",
        "Disabled",
        AVM,
        ABSENT,
        "A private cluster with its API server in the network has no public address that this could close.",
    ),
    Row("disableLocalAccounts", True, BL),
    Row("enableRBAC", True, BL),
    Row("aadProfile.managed", True, BL),
    Row("aadProfile.enableAzureRBAC", True, BL),
    Row("oidcIssuerProfile.enabled", True, BL),
    Row("securityProfile.workloadIdentity.enabled", True, BL),
    Row("securityProfile.defender.securityMonitoring.enabled", True, BL),
    Row("securityProfile.defender.logAnalyticsWorkspaceResourceId", GIVEN, BL),
    Row("securityProfile.imageCleaner.enabled", True, BL),
    Row("securityProfile.imageCleaner.intervalHours", 120, BL),
    Row("securityProfile.azureKeyVaultKms", ABSENT, BL),
    Row("addonProfiles.azurepolicy.enabled", True, BL),
    Row("addonProfiles.azurepolicy.config.version", "v2", BL),
    Row(
        "addonProfiles.omsagent",
        GIVEN,
        BL,
        ABSENT,
        "It copies every container's output to the workspace, prompts in error messages included, billed by "
        "volume. Metrics go to Azure Monitor's Prometheus, and the control plane's logs to the workspace.",
    ),
    Row("addonProfiles.azureKeyvaultSecretsProvider.enabled", True, BL),
    Row(
        "addonProfiles.azureKeyvaultSecretsProvider.config.enableSecretRotation",
        "false",
        BL,
        "true",
        "The baseline's certificates are long-lived; keys of tenants are renewed, and pods must follow.",
    ),
    Row("networkProfile.networkPlugin", "azure", BL),
    Row("networkProfile.networkPluginMode", "overlay", BL),
    Row(
        "networkProfile.networkPolicy",
        "azure",
        BL,
        "cilium",
        "The baseline is older than AKS's advice to leave Azure's network policy manager, which is retired "
        "(MicrosoftDocs/azure-aks-docs, migrate-from-npm-to-cilium-network-policy).",
    ),
    Row("networkProfile.networkDataplane", GIVEN, BL, "cilium", "Cilium's policies need its data plane."),
    Row("networkProfile.loadBalancerSku", "standard", BL),
    Row(
        "networkProfile.outboundType",
        "userDefinedRouting",
        BL,
        "loadBalancer",
        "It needs a firewall, which the hub owns and this platform does not make. What pods may reach is "
        "held by network policies; what nodes may reach is not.",
    ),
    Row(
        "autoUpgradeProfile.upgradeChannel",
        "none",
        BL,
        "patch",
        "AVM has stable. Patches of the minor version come by themselves, within the window; the minor "
        "version is that of the environment's file.",
    ),
    Row("autoUpgradeProfile.nodeOSUpgradeChannel", "NodeImage", BL),
    Row("maintenanceConfigurations[aksManagedNodeOSUpgradeSchedule].maintenanceWindow", GIVEN, BL),
    Row("identity.type", "UserAssigned", BL),
    Row("identityProfile.kubeletidentity", GIVEN, AVM),
    Row("sku.name", "Base", BL),
    Row("sku.tier", "Standard", BL),
    Row("storageProfile.blobCSIDriver.enabled", False, BL),
    Row("storageProfile.diskCSIDriver.enabled", False, BL),
    Row("storageProfile.fileCSIDriver.enabled", False, BL),
    Row("storageProfile.snapshotController.enabled", False, BL),
    Row("agentPoolProfiles[system].availabilityZones", ["1", "2", "3"], BL),
    Row("agentPoolProfiles[system].upgradeSettings.maxSurge", "33%", BL),
    Row(
        "agentPoolProfiles[system].osDiskType",
        "Ephemeral",
        BL,
        ABSENT,
        "AKS takes an Ephemeral disk by itself where the size's own disk holds it, as prod's does. Said "
        "outright, a size without one would be refused.",
    ),
    Row(
        "agentPoolProfiles[system].osSKU",
        "AzureLinux",
        BL,
        ABSENT,
        "AKS's default, Ubuntu: one image for all pools, and the one for which AKS brings NVIDIA's driver.",
    ),
    Row(
        "agentPoolProfiles[system].nodeTaints",
        ["CriticalAddonsOnly=true:NoSchedule"],
        BL,
        ABSENT,
        "The operators of this platform run on it: a third pool would be paid for to hold a few small pods. "
        "Ray heads choose their own pool, and GPU pools are tainted, so that no model comes here.",
    ),
    Row("agentPoolProfiles[system].enableEncryptionAtHost", ABSENT, BL),
    Row(
        "agentPools[gpu].osDiskType",
        "Ephemeral",
        BL,
        "Managed",
        "Its size is asked for, since images of vLLM are large; not every GPU size holds that itself.",
    ),
    Row(f"{_LOGS}[control-plane].cluster-autoscaler", True, BL),
    Row(f"{_LOGS}[control-plane].guard", True, BL),
    Row(f"{_LOGS}[control-plane].kube-audit-admin", True, BL),
    Row(f"{_LOGS}[control-plane].kube-controller-manager", True, BL),
    Row(f"{_LOGS}[control-plane].kube-scheduler", ABSENT, BL),
    Row(
        f"{_LOGS}[control-plane].kube-apiserver",
        True,
        AVM,
        ABSENT,
        "Requests are in kube-audit-admin; what the server says of itself is billed by volume. "
        "`telemetry.diagnostics` adds it.",
    ),
    *(
        Row(f"namespaces[{namespace}].podSecurity", "restricted", PODS)
        for namespace in ("inference", "inference-prod", "kuberay-system", "envoy-gateway-system")
    ),
    *(
        Row(f"containers[{container}].readOnlyRootFilesystem", True, PODS)
        for container in ("ray-head", "ray-worker", "autoscaler", "weights", "envoy")
    ),
)


def differences(made: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Path, what the table says, and what is there, wherever the two are not the same."""
    for row in BASELINE:
        found = _at(made, row.path)
        if row.wanted is GIVEN and found not in (ABSENT, None, "", [], {}):
            continue
        if row.wanted is ABSENT and not found:
            continue
        if found != row.wanted:
            yield row.path, row.wanted, found


def _at(made: Mapping[str, Any], path: str) -> Any:
    """The value at a path, or ABSENT."""
    value: Any = made
    for part in path.replace("[", ".").replace("]", "").split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ABSENT
        value = cast("Mapping[str, Any]", value)[part]
    return value


HEAD = """\
# Hardening

<!-- Written by `make reference` from policies/baseline.py. -->

What prod's cluster has, beside two published baselines. A test holds the cluster that prod makes against
this table: a value that differs from its baseline and is not listed here fails.

"""

TAIL = """\

Left as the baseline has it: encryption at the host is off. It wants `Microsoft.Compute/EncryptionAtHost`
registered in the subscription, which ARM refuses to do without, and it cannot be changed on a pool that
stands. Disks of Azure are encrypted at rest without it.

**Pods.** The API server itself refuses what a namespace made here does not take: the baseline only has it
noted. Its level is that of the cluster's version; what the latest would refuse is told when something is
applied. NVIDIA's device plugin and its exporter need the node, and run in kube-system, which the baseline
leaves out too; `governance.waivers` says why.

No container there can write to its image. Heads and workers write to /dev/shm and below /tmp, a volume of
the pod that is also their HOME: sessions and logs of Ray, caches, checkpoints from the hub. That is measured:
dev's application answered, real Ray and vLLM on simulated GPUs, on a root that was read-only. Not run so:
Ray's autoscaler and the jobs that bring weights, which have the same places; and what a real GPU adds, such
as kernels that Triton, FlashInfer and CUDA compile, all below HOME unless told otherwise. Envoy, with the
arguments that Envoy Gateway gives it, writes to /dev/shm alone; the container beside it leaves a file in
/tmp when requests are answered.

**dev** is lighter: a public API server, no Entra and with it local accounts, no Defender, and storage,
registry and vault with public addresses behind identities. Nothing of worth lies in it, and whoever develops
pushes images from where they sit.
"""


def written() -> str:
    """The page."""
    parts = [HEAD]
    parts += [f"- *{name}*: {what}\n" for name, what in SOURCES.items()]
    parts.append("\n## Deviations\n\n| property | baseline | here | why |\n|---|---|---|---|\n")
    parts += [
        f"| `{row.path}` | {_told(row.baseline)} ({row.source}) | {_told(row.ours)} | {row.reason} |\n"
        for row in BASELINE
        if row.deviates
    ]
    parts.append("\n## As the baseline\n\n| property | value | baseline |\n|---|---|---|\n")
    parts += [
        f"| `{row.path}` | {_told(row.baseline)} | {row.source} |\n" for row in BASELINE if not row.deviates
    ]
    return "".join((*parts, TAIL))


def _told(value: Any) -> str:
    if isinstance(value, Special):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(f"`{each}`" for each in cast("list[Any]", value))
    return f"`{value}`"


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(written())


if __name__ == "__main__":
    main()
