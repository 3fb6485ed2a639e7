"""What is told of each model and of the whole, in the few words that a screen and a pull request share."""

from dataclasses import dataclass

from inference_stack.planner import Plan, PlannedModel, PlannedPool, PoolPrice, Range
from inference_stack.planner.reservations import line_name

from .figures import bounds, counted, duration, gib, number, percent, place, sharding, short, span, usd
from .filling import keys

LOW_UTILIZATION = 0.5
"""Below this, more is paid for than is used."""

HELD, LIKELY, MISSED = "✓", "≈", "✗"
MARKS = {
    HELD: "held over the whole predicted range",
    LIKELY: "held as predicted, not over the whole range",
    MISSED: "missed",
}


@dataclass(frozen=True)
class Latency:
    """A predicted latency beside what is asked, milliseconds."""

    predicted: Range
    asked: float | None

    @property
    def mark(self) -> str:
        """Whether it holds; nothing where nothing is asked."""
        if self.asked is None:
            return ""
        if self.predicted.value > self.asked:
            return MISSED
        return HELD if self.predicted.high <= self.asked else LIKELY

    @property
    def told(self) -> str:
        """`310 of 800 ✓`."""
        value = number(self.predicted.value)
        return value if self.asked is None else f"{value} of {number(self.asked)} {self.mark}"

    @property
    def range(self) -> str:
        """The bounds of the prediction."""
        return span(self.predicted)


@dataclass(frozen=True)
class Line:
    """One model in short. A field that nobody can fill is empty."""

    key: str
    name: str
    adapters: int
    checkpoint: str
    place: str
    spread: str
    replicas: str
    prefill: str
    """Where prompts are read, if elsewhere than answers are written."""
    ttft: Latency | None
    tpot: Latency | None
    users: int
    """Requests at work at the same time, all replicas together."""
    rate: str
    used: float | None
    """Busy part of what is paid for at the mean traffic, 0 to 1."""
    usd_input: str
    usd_output: str
    cold_start: str

    @property
    def idle(self) -> bool:
        """Whether most of what is paid for does nothing."""
        return self.used is not None and self.used < LOW_UTILIZATION


def lines(plan: Plan) -> tuple[Line, ...]:
    """Every model in short, in the order of the environment."""
    pools, letters = {pool.name: pool for pool in plan.pools}, keys(plan)
    return tuple(_line(model, pools[model.pool], letters[model.name]) for model in plan.models)


def _line(model: PlannedModel, pool: PlannedPool, key: str) -> Line:
    cost, speed, slo, cold = model.cost, model.speed, model.slo, model.cold_start
    used = cost.utilization_expected if cost else None
    price = cost.at_traffic if cost else None
    return Line(
        key=key,
        name=model.name,
        adapters=len(model.adapters),
        checkpoint=short(model.checkpoint),
        place=place(model, pool),
        spread=f"{model.precision} {sharding(model.tensor_parallel, model.pipeline_parallel)}",
        replicas=bounds(model.replicas_min, model.replicas_max),
        prefill=_prefill(model),
        ttft=Latency(speed.ttft_ms, slo.ttft_ms if slo else None) if speed else None,
        tpot=Latency(speed.tpot_ms, slo.tpot_ms if slo else None) if speed else None,
        users=model.concurrency * model.replicas_max,
        rate=f"{number(model.traffic.peak)} req/s" if model.traffic else "",
        used=used.value if used else None,
        usd_input=usd(price.input.value) if price else "",
        usd_output=usd(price.output.value) if price else "",
        cold_start=duration(cold.total.typical) if cold else "",
    )


def _prefill(model: PlannedModel) -> str:
    if model.prefill is None:
        return ""
    spread = sharding(model.prefill.tensor_parallel, model.prefill.pipeline_parallel)
    replicas = bounds(model.prefill.replicas_min, model.prefill.replicas_max)
    return f"prefill {spread} × {replicas}"


def heading(plan: Plan) -> str:
    """What the environment costs."""
    price, budget = plan.price, plan.environment.budget
    zones = _zones(common_zones(plan))
    place = plan.environment.region + (f", {zones}" if zones else "")
    told = (
        f"{plan.name} in {place}: {usd(price.idle_usd_per_hour)} USD an hour idle, "
        f"{usd(price.expected_usd_per_hour)} expected, {usd(price.peak_usd_per_hour)} at peak"
    )
    return told + (f", budget {usd(budget.usd_per_hour)}" if budget else "")


def about_prices(plan: Plan) -> str:
    """What the sums stand on."""
    price = plan.price
    told = ["list price"]
    terms = (
        (price.peak.reserved_1y_usd_per_hour, "with GPUs reserved for a year"),
        (price.peak.reserved_3y_usd_per_hour, "for three years"),
        (price.peak.spot_usd_per_hour, "on Spot"),
    )
    if other := [f"{usd(amount)} {how}" for amount, how in terms if amount is not None]:
        told.append("at peak " + ", ".join(other))
    if price.peak.existing_usd_per_hour:
        told.append(f"pools that exist ({usd(price.peak.existing_usd_per_hour)}) not counted")
    if price.unpriced:
        told.append(f"without {', '.join(price.unpriced)}, whose price nobody knows")
    if price.unverified:
        told.append("? unconfirmed")
    return "; ".join(told)


def rate_of(plan: Plan, sku: str, usd_per_hour: float | None) -> str:
    """Price of a node, with a question mark where nobody confirmed it."""
    return usd(usd_per_hour) + ("?" if usd_per_hour is not None and sku in plan.price.unverified else "")


def pool_nodes(pool: PlannedPool) -> str:
    """Nodes at peak of how many there may be."""
    return f"{pool.nodes_used} of {bounds(pool.nodes.min, pool.nodes.max)}"


def pool_origin(pool: PlannedPool) -> str:
    """Whether the plan makes a pool by itself, or in which cluster it is there already."""
    if pool.cluster:
        return f"in {pool.cluster.rpartition('/')[2]}"
    return "" if pool.origin == "listed" else pool.origin


def pool_terms(pool: PlannedPool, plan: Plan) -> tuple[str, ...]:
    """In which zones its nodes are, unless all are in the same, and how many of them Azure keeps ready."""
    zones = () if pool.zones == common_zones(plan) else pool.zones
    reserved = f"{pool.nodes_reserved} reserved" if pool.nodes_reserved else ""
    return tuple(filter(None, (_zones(zones), reserved)))


def common_zones(plan: Plan) -> tuple[str, ...]:
    """The zones of all pools that the environment makes; empty where they differ, or are not said."""
    found = {pool.zones for pool in plan.pools if pool.existing is None}
    return found.pop() if len(found) == 1 else ()


def _zones(zones: tuple[str, ...]) -> str:
    if zones == tuple(str(1 + number) for number in range(len(zones))) and len(zones) > 2:
        return f"zones {zones[0]}–{zones[-1]}"
    return f"zone{'s' * (len(zones) > 1)} {', '.join(zones)}" if zones else ""


def reservations(plan: Plan) -> tuple[str, ...]:
    """Nodes that Azure keeps ready, and how many of them stand idle and are paid for."""
    paid = {line.pool: line for line in plan.price.pools}
    told: list[str] = []
    for each in plan.environment.capacity_reservations:
        line, group = paid.get(line_name(each)), each.group.rpartition("/")[2]
        idle = _idle(line) if line else ""
        told.append(f"reserved in {group}: {each.nodes} × {each.sku}{idle}")
    return tuple(told)


def _idle(line: PoolPrice) -> str:
    loads = {
        "while nobody asks": line.nodes_idle,
        "at the mean traffic": line.nodes_expected,
        "at peak": line.nodes_peak,
    }
    told = [f"{nodes} {when}" for when, nodes in loads.items() if nodes]
    return ", idle but paid for: " + ", ".join(told) if told else ""


def cpu_pools(plan: Plan) -> str:
    """The pools without GPUs, in one line."""
    cluster, told = plan.environment.cluster, list[str]()
    for name, pool in (("heads", cluster.heads), ("system", cluster.system)):
        cost = rate_of(plan, pool.sku, plan.price.usd_per_node_hour.get(pool.sku))
        told.append(f"{name}: {bounds(pool.nodes.min, pool.nodes.max)} × {pool.sku} at {cost}")
    return "; ".join(told)


def edge_models(plan: Plan) -> tuple[str, ...]:
    """Models that run on devices."""
    return tuple(
        f"{model.name}: {model.source} as {model.artefact}, {gib(model.artefact_gib)} GiB to ship, "
        f"{gib(model.memory_gib)} GiB of memory with {model.runtime}, {model.licence}"
        for model in plan.edge
    )


def quota(plan: Plan) -> tuple[str, ...]:
    """vCPUs by family, at peak and while upgrading."""
    return tuple(
        f"{use.family}: {_needed(use.vcpus_peak, use.gpus_peak)} at peak, "
        f"{_needed(use.vcpus_upgrading, use.gpus_upgrading)} while upgrading"
        + ("" if use.granted is None else f", {use.granted:,} granted")
        for use in plan.quota
    )


def _needed(vcpus: int, gpus: int) -> str:
    return f"{vcpus:,} vCPUs" + (f" ({counted(gpus, 'GPU')})" if gpus else "")


def utilization(line: Line) -> str:
    """`62 %`, or nothing."""
    return "" if line.used is None else percent(line.used)
