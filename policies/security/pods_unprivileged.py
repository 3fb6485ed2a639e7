"""A container is not root, and cannot become it."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import cis_aks, mcsb
from policies.pods import WITH_PODS, Asked, pods
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="Containers run as somebody other than root, without privileges and without a way to gain them.",
    why="Out of a container that is root, one fault of the kernel is enough to own the node and its GPUs.",
    remedy="set runAsNonRoot on the pod and allowPrivilegeEscalation: false on each container",
    on=WITH_PODS,
    references=[cis_aks("4.2.1"), cis_aks("4.2.5"), mcsb("PV-2")],
)
def pods_unprivileged(holder: Seen, _: Context) -> Iterator[Violation]:
    """Containers that are root, privileged, or may become so."""
    for pod in pods(holder):
        yield from _of_pod(pod)


def _of_pod(pod: Asked) -> Iterator[Violation]:
    outer = pod.spec.get("securityContext") or {}
    for path, container in pod.containers:
        inner = container.get("securityContext") or {}
        if inner.get("privileged"):
            yield Violation(f"{path}.securityContext.privileged", "true", "owns the node it runs on", "false")
        if not inner.get("runAsNonRoot", outer.get("runAsNonRoot")):
            yield Violation(f"{path}.securityContext.runAsNonRoot", None, "may run as root", "true")
        if inner.get("runAsUser", outer.get("runAsUser")) == 0:
            yield Violation(f"{path}.securityContext.runAsUser", "0", "is root", "any other user")
        if inner.get("allowPrivilegeEscalation") is not False:
            yield Violation(
                f"{path}.securityContext.allowPrivilegeEscalation", None, "may gain privileges", "false"
            )
