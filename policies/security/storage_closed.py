"""Weights and adapters lie behind identities and a network."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import STORAGE_ACCOUNT, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen


@rule(
    demand="A storage account is reached from listed networks, by identities, over TLS 1.2.",
    why="Adapters hold what the organisation has learned. A key or an open network gives them away.",
    remedy="close the network of the account, and leave keys and anonymous access off",
    on=[STORAGE_ACCOUNT],
    references=[mcsb("NS-2"), mcsb("IM-1"), mcsb("DP-3")],
)
def storage_closed(account: Seen, _: Context) -> Iterator[Violation]:
    """Whatever lets somebody read an account without an identity or from anywhere."""
    rules = account.get("networkRuleSet.defaultAction")
    if account.get("publicNetworkAccess") not in {"Disabled", "SecuredByPerimeter"} and rules != "Deny":
        yield Violation(
            "publicNetworkAccess",
            account.get("publicNetworkAccess"),
            "lets every address reach the account",
            "Disabled, or networkRuleSet.defaultAction: Deny",
        )
    if account.get("allowBlobPublicAccess") is not False:
        yield Violation("allowBlobPublicAccess", None, "lets a container be read by everybody", "false")
    if account.get("allowSharedKeyAccess") is not False:
        yield Violation("allowSharedKeyAccess", None, "lets a key stand for an identity", "false")
    if account.get("minimumTlsVersion") not in {"TLS1_2", "TLS1_3"}:
        yield Violation(
            "minimumTlsVersion", account.get("minimumTlsVersion"), "is too old", "TLS1_2 or TLS1_3"
        )
