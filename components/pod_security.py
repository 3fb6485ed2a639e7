"""What the API server itself refuses of pods, said on the namespace that they would run in.

The levels are Kubernetes' Pod Security Standards; its admission plugin PodSecurity reads these labels.
"""

from collections.abc import Mapping

LABEL = "pod-security.kubernetes.io"
LEVEL = "restricted"
"""Of every namespace made here: no privileges, no root, nothing of the node. What needs the node (NVIDIA's
device plugin and its exporter) runs in kube-system, whose labels are AKS's."""
LATEST = "latest"


def pod_security_labels(kubernetes_version: str | None = None) -> Mapping[str, str]:
    """Labels of a namespace in a cluster of this version, minor or patch; None where it is not known.

    What is refused is what that version refuses, so that an upgrade of the cluster keeps no pod from
    starting that ran before. What a later one would refuse is told to whoever applies it, and in the audit.
    """
    version = LATEST if kubernetes_version is None else f"v{'.'.join(kubernetes_version.split('.')[:2])}"
    told = {
        f"{LABEL}/{mode}{suffix}": value
        for mode in ("warn", "audit")
        for suffix, value in (("", LEVEL), ("-version", LATEST))
    }
    return {f"{LABEL}/enforce": LEVEL, f"{LABEL}/enforce-version": version, **told}
