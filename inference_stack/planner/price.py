"""What the nodes of an environment cost at list price."""

from collections.abc import Iterable, Iterator

from inference_stack.catalog import Catalog
from inference_stack.spec import CpuPool, Environment, Finding, GpuPool, Severity

from .plan import Price


def price(environment: Environment, catalog: Catalog) -> Price:
    """The sum over all pools at their minimum and at their maximum. Every size must be in the catalog.

    Spot nodes count at list price, which they do not exceed.
    """
    pools: tuple[CpuPool | GpuPool, ...] = (
        environment.cluster.system,
        environment.cluster.heads,
        *environment.listed_pools,
    )
    skus = {pool.sku: catalog.skus[pool.sku] for pool in pools}
    rates = {name: sku.usd_per_hour for name, sku in skus.items() if sku.usd_per_hour is not None}
    return Price(
        idle_usd_per_hour=round(sum(pool.nodes.min * rates.get(pool.sku, 0) for pool in pools), 4),
        peak_usd_per_hour=round(sum(pool.nodes.max * rates.get(pool.sku, 0) for pool in pools), 4),
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


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
