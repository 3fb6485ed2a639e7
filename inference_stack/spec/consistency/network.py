"""Address ranges: each inside or apart from the others, and large enough for what it must hold."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from inference_stack.spec.environment import Environment
from inference_stack.spec.finding import Finding
from inference_stack.spec.network import Network

from .rules import readable

RESERVED_RANGES = tuple(
    map(IPv4Network, ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24"))
)
"""Ranges that AKS keeps for itself."""

POD_PREFIX = 24
"""AKS gives each node a /24 of the overlay."""

AZURE_ADDRESSES = 5
"""Addresses that Azure keeps in every subnet."""

SMALLEST = {
    "endpoints": (29, "Azure makes no smaller subnet"),
    "api_server": (28, "AKS keeps nine addresses in it and takes none that is smaller"),
    "services": (28, "its tenth address is that of the cluster's DNS"),
}
"""Longest prefix of a range, and why. Nodes and pods are counted instead."""

LARGEST_SERVICES = 12
"""Shortest prefix of the range of services: the API server takes none that is larger."""


def network_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions between the ranges of the environment."""
    yield from readable(_ranges(environment))
    yield from readable(_private_range(environment))
    yield from readable(_node_counts(environment))


def _ranges(environment: Environment) -> Iterator[Finding]:
    network = environment.network
    for name in ("nodes", "endpoints"):
        yield from readable(_inside(network, name))
    for name, other in (
        ("endpoints", "nodes"),
        ("pods", "address_space"),
        ("services", "address_space"),
        ("services", "pods"),
    ):
        yield from readable(_apart(network, name, other))
    for name in ("address_space", "pods", "services"):
        yield from readable(_not_reserved(network, name))
    for name in ("endpoints", "services"):
        yield from readable(_large_enough(network, name))
    yield from readable(_small_enough(network))


def _private_range(environment: Environment) -> Iterator[Finding]:
    """The subnet of the API server, which is made where that is private."""
    if not environment.access.private:
        return
    yield from readable(_inside(environment.network, "api_server"))
    for other in ("nodes", "endpoints"):
        yield from readable(_apart(environment.network, "api_server", other))
    yield from readable(_large_enough(environment.network, "api_server"))


def _range(network: Network, name: str) -> IPv4Network:
    return getattr(network, name)


def _inside(network: Network, name: str) -> Iterator[Finding]:
    subnet, space = _range(network, name), network.address_space
    if not subnet.subnet_of(space):
        yield Finding(
            code="subnet-outside-network",
            path=f"network.{name}",
            given=str(subnet),
            what=f"is not inside network.address_space, which is {space}",
            allowed=f"a range inside {space}",
        )


def _apart(network: Network, name: str, other: str) -> Iterator[Finding]:
    yield from apart(_range(network, name), _range(network, other), f"network.{name}", f"network.{other}")


def apart(mine: IPv4Network, taken: IPv4Network, path: str, other: str) -> Iterator[Finding]:
    """Whether a range at `path` has addresses of another one."""
    if mine.overlaps(taken):
        yield Finding(
            code="ranges-overlap",
            path=path,
            given=str(mine),
            what=f"overlaps {other}, which is {taken}",
            allowed=f"a range without addresses of {taken}",
        )


def _not_reserved(network: Network, name: str) -> Iterator[Finding]:
    mine = _range(network, name)
    for taken in RESERVED_RANGES:
        if mine.overlaps(taken):
            yield Finding(
                code="range-reserved",
                path=f"network.{name}",
                given=str(mine),
                what=f"overlaps {taken}, which AKS keeps for itself",
                allowed="ranges outside of " + ", ".join(map(str, RESERVED_RANGES)),
            )


def _large_enough(network: Network, name: str) -> Iterator[Finding]:
    mine, (longest, why) = _range(network, name), SMALLEST[name]
    if mine.prefixlen > longest:
        yield Finding(
            code="range-too-small",
            path=f"network.{name}",
            given=str(mine),
            what=f"has {mine.num_addresses} addresses, and {why}",
            allowed=f"a range of at least /{longest}",
        )


def _small_enough(network: Network) -> Iterator[Finding]:
    if network.services.prefixlen < LARGEST_SERVICES:
        yield Finding(
            code="range-too-large",
            path="network.services",
            given=str(network.services),
            what="is larger than the range of services may be",
            allowed=f"a range of at most /{LARGEST_SERVICES}",
        )


def _node_counts(environment: Environment) -> Iterator[Finding]:
    pools = environment.own_pools
    nodes = sum(pool.nodes.max for pool in pools)
    # A pool that upgrades adds one node of its own beside the others.
    needed = nodes + len(pools)
    network = environment.network
    for name in ("nodes", "pods"):
        yield from readable(_room(network, name, nodes, needed))


def _room(network: Network, name: str, nodes: int, needed: int) -> Iterator[Finding]:
    mine = _range(network, name)
    overlay = 2 ** max(0, POD_PREFIX - mine.prefixlen)
    room = overlay if name == "pods" else max(0, mine.num_addresses - AZURE_ADDRESSES)
    if room < needed:
        yield Finding(
            code="range-too-small",
            path=f"network.{name}",
            given=str(mine),
            what=f"has room for {room} nodes; the pools may have {nodes} and upgrades add {needed - nodes}",
            allowed=f"a range with room for {needed} nodes, or fewer nodes",
        )
