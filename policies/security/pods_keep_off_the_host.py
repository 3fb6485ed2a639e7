"""A pod sees nothing of the node it runs on."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import cis_aks, mcsb
from policies.pods import WITH_PODS, pods
from policies.rule import Violation, rule
from policies.seen import Seen, maps

SHARED = ("hostPID", "hostIPC", "hostNetwork")


@rule(
    demand="Pods mount no folder of their node and share none of its namespaces.",
    why="A folder of the node holds what every pod there trusts: credentials, images, devices.",
    remedy="use an emptyDir or a volume of Azure",
    on=WITH_PODS,
    references=[cis_aks("4.2.2"), cis_aks("4.2.3"), cis_aks("4.2.4"), mcsb("PV-2")],
)
def pods_keep_off_the_host(holder: Seen, _: Context) -> Iterator[Violation]:
    """Folders and namespaces of the node that a pod asks for."""
    for path, spec in pods(holder):
        for shared in SHARED:
            if spec.get(shared):
                yield Violation(f"{path}.{shared}", "true", "shares a namespace of the node", "false")
        for index, volume in enumerate(maps(spec.get("volumes"))):
            if host := volume.get("hostPath"):
                yield Violation(
                    f"{path}.volumes[{index}].hostPath", host.get("path"), "is a folder of the node"
                )
