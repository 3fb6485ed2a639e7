"""What the nodes of an environment cost at list price, while nobody asks, at the mean traffic and at peak."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from inference_stack.catalog import Catalog
from inference_stack.spec import HEADS_POOL, SYSTEM_POOL, CpuPool, Environment, Finding, GpuPool, Severity

from .bill import Amount, PoolPrice, Price
from .heads import head_nodes
from .plan import PlannedPool
from .reservations import line_name, takes_reserved


def price(
    environment: Environment,
    catalog: Catalog,
    pools: Sequence[GpuPool | PlannedPool],
    expected: Mapping[str, int],
    services: int,
) -> Price:
    """The sum over all pools. Every size must be in the catalog.

    `pools` are the GPU pools; `expected` are the nodes that the mean traffic fills in each of them;
    `services` have a head each, also while they have no worker. Spot nodes count at list price, which they
    do not exceed. Reserved nodes are paid for whether a pool has them or not.
    """
    heads = environment.cluster.heads
    kept = min(max(heads.nodes.min, head_nodes(services, heads, catalog) or 0), heads.nodes.max)
    filled = [_gpu_line(pool, expected[pool.name], catalog) for pool in pools]
    lines = (
        _cpu_line(SYSTEM_POOL, environment.cluster.system, environment.cluster.system.nodes.min, catalog),
        _cpu_line(HEADS_POOL, heads, kept, catalog),
        *filled,
        *_idle_lines(environment, pools, filled, catalog),
    )
    skus = {line.sku: catalog.skus[line.sku] for line in lines}
    rates = {name: sku.usd_per_hour for name, sku in skus.items() if sku.usd_per_hour is not None}
    return Price(
        idle=_amount(lines, lambda line: line.nodes_idle),
        expected=_amount(lines, lambda line: line.nodes_expected),
        peak=_amount(lines, lambda line: line.nodes_peak),
        pools=lines,
        usd_per_node_hour=rates,
        unpriced=_names(skus.keys() - rates.keys()),
        unverified=_names(name for name in rates if not skus[name].price_verified),
    )


def price_findings(environment: Environment, price: Price) -> Iterator[Finding]:
    """Whether the price keeps within the budget, and how sure it is."""
    budget = environment.budget
    if budget and price.peak_usd_per_hour > budget.usd_per_hour:
        yield Finding(
            code="over-budget",
            path="budget.usd_per_hour",
            given=f"{budget.usd_per_hour:g}",
            what=f"is less than all nodes cost at peak: {price.peak_usd_per_hour:.2f} at list price",
            allowed=f"at least {price.peak_usd_per_hour:.2f}, or fewer or smaller nodes",
        )
    if price.unpriced:
        yield Finding(
            code="price-unknown",
            severity=Severity.WARNING if budget else Severity.NOTE,
            path="budget.usd_per_hour" if budget else "pools",
            what="leaves out sizes whose price nobody knows: " + ", ".join(price.unpriced),
        )
    if price.unverified:
        yield Finding(
            code="price-unverified",
            severity=Severity.NOTE,
            path="pools",
            what="has prices that are old or unconfirmed: " + ", ".join(price.unverified),
        )


def _cpu_line(name: str, pool: CpuPool, kept: int, catalog: Catalog) -> PoolPrice:
    return PoolPrice(
        pool=name,
        sku=pool.sku,
        gpus=0,
        existing=False,
        nodes_idle=kept,
        nodes_expected=kept,
        nodes_peak=pool.nodes.max,
        usd_per_node_hour=catalog.skus[pool.sku].usd_per_hour,
    )


def _gpu_line(pool: GpuPool | PlannedPool, filled: int, catalog: Catalog) -> PoolPrice:
    sku = catalog.skus[pool.sku]
    return PoolPrice(
        pool=pool.name,
        sku=pool.sku,
        gpus=sku.gpus,
        existing=pool.existing is not None,
        nodes_idle=pool.nodes.min,
        nodes_expected=min(max(pool.nodes.min, filled), pool.nodes.max),
        nodes_peak=pool.nodes.max,
        usd_per_node_hour=sku.usd_per_hour,
        spot_usd_per_node_hour=sku.spot_usd_per_hour,
        reserved_1y_usd_per_node_hour=sku.reserved_1y_usd_per_hour,
        reserved_3y_usd_per_node_hour=sku.reserved_3y_usd_per_hour,
    )


def _idle_lines(
    environment: Environment,
    pools: Sequence[GpuPool | PlannedPool],
    filled: Sequence[PoolPrice],
    catalog: Catalog,
) -> Iterator[PoolPrice]:
    """Reserved nodes that no pool has: a line for each reservation of a size that is known."""
    takers = {pool.name for pool in pools if takes_reserved(pool)}
    for each in environment.capacity_reservations:
        sku = catalog.skus.get(each.sku)
        if sku is None:
            continue
        taken = [line for line in filled if line.pool in takers and line.sku == each.sku]
        yield PoolPrice(
            pool=line_name(each),
            sku=sku.name,
            gpus=sku.gpus,
            existing=False,
            nodes_idle=max(0, each.nodes - sum(line.nodes_idle for line in taken)),
            nodes_expected=max(0, each.nodes - sum(line.nodes_expected for line in taken)),
            nodes_peak=max(0, each.nodes - sum(line.nodes_peak for line in taken)),
            usd_per_node_hour=sku.usd_per_hour,
            # Azure reserves nothing for Spot; a commitment of years covers idle reserved nodes too.
            reserved_1y_usd_per_node_hour=sku.reserved_1y_usd_per_hour,
            reserved_3y_usd_per_node_hour=sku.reserved_3y_usd_per_hour,
        )


def _amount(lines: Sequence[PoolPrice], nodes: Callable[[PoolPrice], int]) -> Amount:
    paid = [line for line in lines if not line.existing]
    with_gpus = [line for line in paid if line.gpus]
    without = _sum((nodes(line), line.usd_per_node_hour) for line in paid if not line.gpus)

    def instead(rates: Iterable[tuple[int, float | None]]) -> float | None:
        used = [(count, rate) for count, rate in rates if count]
        known = used and all(rate is not None for _, rate in used)
        return round(without + _sum(used), 4) if known else None

    return Amount(
        usd_per_hour=_sum((nodes(line), line.usd_per_node_hour) for line in paid),
        gpu_usd_per_hour=_sum((nodes(line), line.usd_per_node_hour) for line in with_gpus),
        existing_usd_per_hour=_sum((nodes(line), line.usd_per_node_hour) for line in lines if line.existing),
        spot_usd_per_hour=instead((nodes(line), line.spot_usd_per_node_hour) for line in with_gpus),
        reserved_1y_usd_per_hour=instead(
            (nodes(line), line.reserved_1y_usd_per_node_hour) for line in with_gpus
        ),
        reserved_3y_usd_per_hour=instead(
            (nodes(line), line.reserved_3y_usd_per_node_hour) for line in with_gpus
        ),
    )


def _sum(amounts: Iterable[tuple[int, float | None]]) -> float:
    return round(sum(count * (rate or 0) for count, rate in amounts), 4)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
