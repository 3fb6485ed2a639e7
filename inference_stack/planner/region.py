"""What the region of an environment does not have: itself, zones, sizes."""

from collections.abc import Iterator, Sequence

from inference_stack.catalog import Catalog, Sku
from inference_stack.spec import Environment, Finding, readable, shown, under


def absent(sku: Sku, region: str) -> bool:
    """Whether a size is known to be missing in a region.

    What Azure has no list price for cannot be rented there. The reverse does not hold: a price is no promise
    of capacity. Of most sizes the regions are not known by name, and nothing is said.
    """
    return sku.regions is not None and region not in sku.regions.split()


def region_findings(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    """Everything that the region does not have. Pools that exist may lie in another region."""
    yield from readable(_region(environment, catalog))
    yield from readable(_zones(environment.zones, environment, catalog))
    cluster, reserved = environment.cluster, environment.capacity_reservations
    yield from under("cluster.system", readable(_size(cluster.system.sku, environment, catalog)))
    yield from under("cluster.heads", readable(_size(cluster.heads.sku, environment, catalog)))
    for index, pool in enumerate(environment.listed_pools):
        if pool.existing is None:
            yield from under(f"pools[{index}]", readable(_size(pool.sku, environment, catalog)))
            yield from under(f"pools[{index}]", readable(_zones(pool.zones, environment, catalog)))
    for index, each in enumerate(reserved):
        yield from under(f"capacity_reservations[{index}]", readable(_size(each.sku, environment, catalog)))


def _region(environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    region = environment.region
    if region not in catalog.regions:
        nearest = catalog.nearest(region, catalog.regions)
        yield Finding(
            code="unknown-region",
            path="region",
            given=shown(region),
            what="is no region of Azure's public cloud",
            allowed=", ".join(nearest or catalog.regions),
        )


def _zones(asked: Sequence[str], environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    region = catalog.regions.get(environment.region)
    if region is None:
        return
    if beyond := [zone for zone in asked if int(zone) > region.zones]:
        has = f"has {region.zones}" if region.zones else "has no availability zones"
        there = ", ".join(str(zone + 1) for zone in range(region.zones))
        yield Finding(
            code="zone-not-in-region",
            path="zones",
            given=", ".join(asked),
            what=f"has {', '.join(beyond)}, and {region.name} {has}",
            allowed=there or "no zones here, or a region with zones",
        )


def _size(name: str, environment: Environment, catalog: Catalog) -> Iterator[Finding]:
    sku, region = catalog.skus.get(name), environment.region
    if sku is not None and region in catalog.regions and absent(sku, region):
        yield Finding(
            code="sku-not-in-region",
            path="sku",
            given=name,
            what=f"is not sold in {region}: Azure has no list price for it there",
            allowed="another size, or one of the regions " + ", ".join((sku.regions or "").split()),
        )
