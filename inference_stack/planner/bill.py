"""What a plan costs, and what it takes of a subscription's quota."""

from pydantic import Field

from .planned import Planned


class Range(Planned):
    """A predicted figure, between bounds that hold it in 80 % of cases."""

    value: float
    low: float
    high: float


class PoolPrice(Planned):
    """What the nodes of one pool cost, USD an hour each; None where nobody knows."""

    pool: str = Field(description="Or the capacity reservation, for its nodes that no pool has.")
    sku: str
    gpus: int = Field(description="Of one node; 0 for a pool without GPUs.")
    existing: bool = Field(description="Whether it is there already, so that somebody pays for it anyway.")
    nodes_idle: int = Field(description="Nodes while nobody asks for anything.")
    nodes_expected: int = Field(description="Nodes that the mean traffic keeps.")
    nodes_peak: int = Field(description="Most nodes that the pool may have.")
    usd_per_node_hour: float | None = Field(description="List price.")
    spot_usd_per_node_hour: float | None = Field(default=None, description="Spot price seen last.")
    reserved_1y_usd_per_node_hour: float | None = Field(default=None, description="Reserved for one year.")
    reserved_3y_usd_per_node_hour: float | None = Field(default=None, description="For three years.")


class Amount(Planned):
    """What all nodes cost at one load, USD an hour at list price; sizes without a price are left out."""

    usd_per_hour: float = Field(description="Nodes of pools that exist already do not count.")
    gpu_usd_per_hour: float = Field(default=0, description="Of that, nodes with GPUs.")
    existing_usd_per_hour: float = Field(
        default=0, description="List price of the nodes that exist already and are used; not in the sum."
    )
    spot_usd_per_hour: float | None = Field(
        default=None, description="The same with every GPU node at its Spot price; None where one has none."
    )
    reserved_1y_usd_per_hour: float | None = Field(
        default=None, description="With every GPU node reserved for one year; None where one has no price."
    )
    reserved_3y_usd_per_hour: float | None = Field(default=None, description="For three years.")


class Price(Planned):
    """What the environment costs at each load, and how sure that is. Spot pools count at list price."""

    idle: Amount = Field(description="All pools at their minimum.")
    expected: Amount = Field(description="The nodes that the mean traffic keeps.")
    peak: Amount = Field(description="All pools at their maximum.")
    pools: tuple[PoolPrice, ...] = ()
    usd_per_node_hour: dict[str, float] = Field(description="What one node of each priced size costs.")
    unpriced: tuple[str, ...] = Field(description="Sizes without a known price, left out of the sums.")
    unverified: tuple[str, ...] = Field(description="Sizes whose price is old or unconfirmed.")

    @property
    def idle_usd_per_hour(self) -> float:
        """While nobody asks for anything."""
        return self.idle.usd_per_hour

    @property
    def expected_usd_per_hour(self) -> float:
        """At the mean traffic."""
        return self.expected.usd_per_hour

    @property
    def peak_usd_per_hour(self) -> float:
        """With every pool at its maximum."""
        return self.peak.usd_per_hour


class TokenPrice(Planned):
    """USD per million tokens at list price, also where the nodes exist already."""

    input: Range
    output: Range


class Fleet(Planned):
    """Replicas of one or more deployments, with a pool to themselves."""

    replicas: int
    nodes: int
    usd_per_hour: float | None = Field(description="List price of the units that the replicas take.")


class AdapterSaving(Planned):
    """One base with adapters, against a deployment for each adapter, with equal shares of the load."""

    deployments: int = Field(description="How many there would be: one for each adapter.")
    together_expected: Fleet
    apart_expected: Fleet
    together_peak: Fleet
    apart_peak: Fleet
    ratio_expected: float = Field(description="Times the units that separate deployments take, mean traffic.")
    ratio_peak: float


class ModelCost(Planned):
    """What one model costs, and how much of what is paid for is at work."""

    usd_per_hour: float | None = Field(
        description="Share of its nodes at the mean traffic, those that exist already for nothing."
    )
    list_usd_per_hour: float | None = Field(description="The same with all nodes at list price.")
    input_share: float | None = Field(
        default=None, description="Part of the GPU time that reading prompts takes; the rest writes answers."
    )
    at_traffic: TokenPrice | None = Field(default=None, description="At the mean traffic that is stated.")
    at_full: TokenPrice | None = Field(
        default=None, description="With every replica as busy as its SLO allows and every node full."
    )
    utilization_expected: Range | None = Field(
        default=None, description="Busy part of the capacity that is paid for, at the mean traffic, 0 to 1."
    )
    utilization_peak: Range | None = Field(default=None, description="The same at peak traffic.")
    adapters: AdapterSaving | None = None


class QuotaUse(Planned):
    """vCPUs that a plan needs of one quota family of the region, and the GPUs on those nodes."""

    family: str = Field(description="As Azure calls it; `cores` is all of the region, Spot apart.")
    granted: int | None = Field(description="vCPUs that the environment says are granted; None for no limit.")
    vcpus_peak: int = Field(description="With every replica at work.")
    vcpus_node_upgrade: int = Field(description="While AKS upgrades nodes, with a surge node in each pool.")
    vcpus_service_upgrade: int = Field(
        description="While the RayService that takes most is upgraded: its replicas stand twice."
    )
    gpus_peak: int
    gpus_upgrading: int = Field(description="The more of the two upgrades.")

    @property
    def vcpus_upgrading(self) -> int:
        """The more of the two upgrades; AKS and KubeRay do not upgrade together."""
        return max(self.vcpus_node_upgrade, self.vcpus_service_upgrade)
