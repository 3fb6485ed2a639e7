"""The API server refuses pods that could own the node, whoever asks for them."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import NAMESPACE, cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen

ENFORCE = "pod-security.kubernetes.io/enforce"
LEVEL = "restricted"


@rule(
    demand="A namespace made here takes only pods that Kubernetes calls restricted.",
    why="What an operator makes, or somebody applies by hand, no preview sees. The API server does.",
    remedy="label the namespace so, and give what needs the node a namespace of its own, with a waiver",
    on=[NAMESPACE],
    references=[cis_aks("4.2.1"), cis_aks("4.2.5"), mcsb("PV-2")],
)
def namespaces_enforce_pod_security(namespace: Seen, _: Context) -> Iterator[Violation]:
    """Namespaces of another level, or of none."""
    labels = namespace.get("metadata.labels") or {}
    if (level := labels.get(ENFORCE)) != LEVEL:
        yield Violation(
            f"metadata.labels[{ENFORCE}]", level, "lets in pods that may own the node they run on", LEVEL
        )
