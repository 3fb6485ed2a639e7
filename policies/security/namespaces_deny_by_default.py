"""Pods talk to whom they must, and nobody else."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import NAMESPACE, NETWORK_POLICY, cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen

DIRECTIONS = ("Ingress", "Egress")


@rule(
    demand="Pods of a namespace made here are reached, and reach others, only where a policy says so.",
    why="Ray's dashboard and its clients' port run code for whoever reaches them, without asking who it is.",
    remedy="add a NetworkPolicy for all pods of the namespace, with both policyTypes and no rules",
    on=[NAMESPACE],
    whole=True,
    references=[cis_aks("4.4.2"), cis_aks("5.4.4"), mcsb("NS-1")],
)
def namespaces_deny_by_default(namespace: Seen, context: Context) -> Iterator[Violation]:
    """Directions in which nothing holds back the pods of a namespace."""
    name = namespace.get("metadata.name", namespace.name)
    policies = [each for each in context.of_type(NETWORK_POLICY) if each.get("metadata.namespace") == name]
    closed = {direction for policy in policies for direction in _closed(policy)}
    if open_to := [direction for direction in DIRECTIONS if direction not in closed]:
        yield Violation(
            "metadata.name",
            name,
            f"is open for {' and '.join(open_to).lower()}: no policy selects all of its pods",
            "a NetworkPolicy with podSelector {} and policyTypes [Ingress, Egress]",
        )


def _closed(policy: Seen) -> list[str]:
    """Directions that a policy closes for all pods, other than by its own rules."""
    if policy.get("spec.podSelector.matchLabels") or policy.get("spec.podSelector.matchExpressions"):
        return []
    return [each for each in policy.plain("spec.policyTypes", []) if not policy.get(f"spec.{each.lower()}")]
