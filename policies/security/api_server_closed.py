"""Who is not expected does not reach the API server."""

from collections.abc import Iterator

from policies.context import Context
from policies.kinds import MANAGED_CLUSTER, cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen

ANYWHERE = {"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"}


@rule(
    demand="The API server is private, or answers to listed addresses alone.",
    why="A public API server is tried by everybody, and one mistake in its access rules opens the cluster.",
    remedy="set access.private, or access.authorized_ranges",
    on=[MANAGED_CLUSTER],
    references=[cis_aks("5.4.1"), cis_aks("5.4.2"), mcsb("NS-2")],
)
def api_server_closed(cluster: Seen, _: Context) -> Iterator[Violation]:
    """A public API server without ranges, or with all addresses in them."""
    profile = "apiServerAccessProfile"
    if cluster.get(f"{profile}.enablePrivateCluster"):
        return
    ranges = cluster.plain(f"{profile}.authorizedIPRanges", [])
    path, allowed = (
        f"{profile}.authorizedIPRanges",
        "enablePrivateCluster: true, or ranges of those who deploy",
    )
    if not ranges:
        yield Violation(path, None, "lets every address reach the API server", allowed)
    elif wide := ANYWHERE & set(ranges):
        yield Violation(path, ", ".join(sorted(wide)), "takes in every address, or half of them", allowed)
