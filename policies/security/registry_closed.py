"""Images come from a registry that only we can write to and reach."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import REGISTRY, cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A registry is reached from listed networks, by identities alone.",
    why="Who can change an image runs code on every GPU node.",
    remedy="close the network of the registry, and leave its admin user and anonymous pulls off",
    on=[REGISTRY],
    references=[cis_aks("5.1.2"), mcsb("NS-2"), mcsb("IM-1")],
)
def registry_closed(registry: Seen, _: Context) -> Iterator[Violation]:
    """Whatever lets somebody in without an identity or from anywhere."""
    open_network = registry.get("publicNetworkAccess") != "Disabled"
    if open_network and registry.get("networkRuleSet.defaultAction") != "Deny":
        yield Violation(
            "publicNetworkAccess",
            registry.get("publicNetworkAccess"),
            "lets every address reach the registry",
            "Disabled, or networkRuleSet.defaultAction: Deny",
        )
    if registry.get("adminUserEnabled"):
        yield Violation("adminUserEnabled", "true", "is a password that nobody owns", "false")
    if registry.get("anonymousPullEnabled"):
        yield Violation("anonymousPullEnabled", "true", "lets everybody pull", "false")
