"""A whole environment around the models of a source, which the planner takes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference_stack.catalog import CATALOG, Catalog
from inference_stack.planner import plan_environment
from inference_stack.spec import Finding, InvalidEnvironment, Severity
from inference_stack.spec.network import Network

from .hardware import Pool, nodes, pool_of
from .keys import within
from .model import Asked, model
from .served import Served

REGIONS = ("swedencentral", "eastus2", "westeurope")
"""The first that sells every size is taken; else any that does."""
MODEL = re.compile(r"models\[(\d+)\]\.(\w+)")
NOT_OF_POOLS = ("import-model-unknown", "licence-not-allowed")
"""Faults of a model that no other pool mends."""
DEFAULT_LICENCES = ("apache-2.0", "mit")


@dataclass
class Draft:
    """An environment, comments for its reader by path, and what the planner says of it."""

    content: dict[str, Any]
    comments: dict[str, str] = field(default_factory=dict[str, str])
    findings: tuple[Finding, ...] = ()


def environment(engines: Sequence[Served], version: str, catalog: Catalog = CATALOG) -> Draft:
    """The environment that asks for engines, as far as one can; what it cannot say is told to their keys."""
    asked: list[Asked] = []
    for served in engines:
        to = f"models[{len(asked)}]"
        taken = [each.content["name"] for each in asked]
        asked.append(model(served, to, taken, catalog, version))
    draft = _placed(engines, asked, catalog)
    draft.findings = tuple(_faults(draft.content))
    # What is wrong with a pool may show only when nothing is wrong with a model any more.
    while _take_back_arguments(draft, engines) or _take_back_pools(draft, engines):
        draft.findings = tuple(_faults(draft.content))
    return draft


def _placed(engines: Sequence[Served], asked: Sequence[Asked], catalog: Catalog) -> Draft:
    account = re.sub(r"[^a-z0-9]", "", asked[0].content["name"])[:16]
    content: dict[str, Any] = {"region": REGIONS[0], "storage_account": f"{account}weights"}
    comments = {
        "region": "not said in the source: an Azure region near to who asks",
        "storage_account": "not said in the source: a name that nobody else in Azure has",
        "network": "not said in the source: it must not overlap with networks that it is to reach",
    }
    content["network"] = {"address_space": str(Network().address_space)}
    pools = _pools(engines, asked, catalog)
    if pools:
        content |= {"region": _region([pool["sku"] for pool in pools], catalog), "pools": pools}
        if any("placement" not in each.content for each in asked):
            content["new_pools"] = True
    content["models"] = [each.content for each in asked]
    for index, each in enumerate(asked):
        comments |= {f"models[{index}].{key}": told for key, told in each.comments.items()}
    licences = {each.row.licence for each in asked if each.row} - {*DEFAULT_LICENCES}
    if licences:
        content["governance"] = {"licences": [*DEFAULT_LICENCES, *sorted(licences)]}
        comments["governance"] = f"{', '.join(sorted(licences))} stands here because the source has it"
    if any(catalog.skus[pool["sku"]].arch == "arm64" for pool in pools):
        content["images"] = {"arm64": True}
        comments["images"] = "nodes of a pool are arm64: the image is to be built for them too"
    return Draft(content, comments)


def _pools(engines: Sequence[Served], asked: Sequence[Asked], catalog: Catalog) -> list[dict[str, Any]]:
    """A pool for each kind of hardware that is asked for, and each model placed on its own."""
    on: dict[Pool, list[tuple[Served, Asked]]] = {}
    for index, (served, each) in enumerate(zip(engines, asked, strict=True)):
        found = pool_of(served.hardware, served.units, catalog)
        _tell_hardware(served, found, f"models[{index}].placement")
        if isinstance(found, Pool):
            on.setdefault(found, []).append((served, each))
    listed: list[dict[str, Any]] = []
    # Of an engine whose hardware nobody names, the first pool is to hold every replica, too.
    placed_ones = [id(served) for group in on.values() for served, _ in group]
    anywhere = [served for served in engines if id(served) not in placed_ones]
    for pool, placed in on.items():
        held = [*(served for served, _ in placed), *([] if listed else anywhere)]
        most = nodes(pool, held, catalog)
        bounds: dict[str, Any] = {"min": 0, "max": max(1, most)}
        cut = {"mig": {"profile": pool.mig, "strategy": "mixed"}} if pool.mig else {}
        name = pool.name if all(pool.name != each["name"] for each in listed) else f"p{len(listed) + 1}"
        listed.append({"name": name, "sku": pool.sku, **cut, "nodes": bounds})
        for served, each in placed:
            placement: dict[str, Any] = {"pool": name}
            placement |= {"gpus": served.units} if served.units > 1 else {}
            placement |= {"pipeline": served.stages} if served.stages > 1 else {}
            each.content["placement"] = placement
    return listed


def _region(sizes: Sequence[str], catalog: Catalog) -> str:
    """A region that sells all of several sizes, as far as that is known."""
    sold = [set(regions.split()) for size in sizes if (regions := catalog.skus[size].regions)]
    common: set[str] = sold[0].intersection(*sold) if sold else {*REGIONS}
    return next((region for region in (*REGIONS, *sorted(common)) if region in common), REGIONS[0])


def _tell_hardware(served: Served, found: Pool | str | None, to: str) -> None:
    said = [each for each in (served.hardware.sku, served.hardware.gpu, served.hardware.slice) if each]
    for path, given in said:
        if isinstance(found, Pool):
            served.keys.carry(path, to)
        else:
            served.keys.leave(
                path, str(found), given=given, remedy="the plan chooses a pool; `inference-stack skus`"
            )
    sizes = (
        ("tensor_parallel_size", "gpus", served.units),
        ("pipeline_parallel_size", "pipeline", served.stages),
    )
    for argument, key, size in sizes:
        if argument in served.places:
            path = served.places[argument]
            if isinstance(found, Pool) and size > 1:
                served.keys.carry(path, f"{to}.{key}")
            elif size == 1:
                served.keys.derive(path, f"`placement.{key}`, where one is the default")
            else:
                served.keys.derive(path, "the plan, which chooses how many GPUs a replica spans")


def _faults(content: dict[str, Any]) -> Iterator[Finding]:
    """What the planner has against an environment."""
    try:
        plan_environment(content, name="imported", file="")
    except InvalidEnvironment as wrong:
        for each in wrong.findings:
            if each.severity is Severity.ERROR:
                yield _unknown(each) if each.code == "unknown-model" else each


def _unknown(fault: Finding) -> Finding:
    return Finding(
        code="import-model-unknown",
        path=fault.path,
        given=fault.given,
        what=fault.what,
        remedy="add `own` to the model: its config.json, where its weights lie, their licence; "
        "or name one that `inference-stack models` lists",
    )


def _take_back_pools(draft: Draft, engines: Sequence[Served]) -> bool:
    """Let the plan choose, where what the source has is not to be had; whether there was any."""
    for fault in draft.findings:
        for index, asked in enumerate(draft.content["models"]):
            placement = asked.get("placement")
            if placement and _is_about(fault, index, _pool_path(draft, placement["pool"])):
                _take_back_pool(draft, engines[index], asked, fault)
                return True
    return False


def _is_about(fault: Finding, index: int, pool: str) -> bool:
    """Whether it is about where a model runs: its placement, its pool, or that it does not fit there."""
    paths = [
        pool,
        *(f"models[{index}].{key}" for key in ("placement", "source", "context_tokens", "adapters")),
    ]
    return fault.code not in NOT_OF_POOLS and any(within(fault.path, path) for path in paths)


def _pool_path(draft: Draft, name: str) -> str:
    return f"pools[{[pool['name'] for pool in draft.content['pools']].index(name)}]"


def _take_back_pool(draft: Draft, served: Served, asked: dict[str, Any], why: Finding) -> None:
    name = asked.pop("placement")["pool"]
    others = [each for each in draft.content["models"] if each.get("placement", {}).get("pool") == name]
    draft.content["new_pools"] = True
    if not others:
        draft.content["pools"] = [pool for pool in draft.content["pools"] if pool["name"] != name]
    if not draft.content["pools"]:
        del draft.content["pools"], draft.content["new_pools"]
    for said in (served.hardware.sku, served.hardware.gpu, served.hardware.slice):
        if said:
            what = f"the plan refuses it: {why.path} {why.what}"
            served.keys.leave(said[0], what, given=said[1], remedy="the plan chooses a pool")
    for argument in ("tensor_parallel_size", "pipeline_parallel_size"):
        if argument in served.places:
            served.keys.derive(
                served.places[argument], "the plan, which chooses how many GPUs a replica spans"
            )


def _take_back_arguments(draft: Draft, engines: Sequence[Served]) -> bool:
    """Leave out what an environment may not say; whether there was any."""
    for fault in draft.findings:
        if (match := MODEL.match(fault.path)) is None:
            continue
        index, key = int(match.group(1)), match.group(2)
        asked, served = draft.content["models"][index], engines[index]
        if key == "precision" and asked.pop("precision", None):
            path = served.places["quantization"]
        elif key.startswith("engine") and (name := _guilty(draft, asked, fault)):
            path = served.places[name]
        else:
            continue
        served.keys.leave(
            path, f"the plan says: {fault.what}", given=fault.given, remedy=fault.allowed or fault.remedy
        )
        return True
    return False


def _guilty(draft: Draft, asked: dict[str, Any], fault: Finding) -> str | None:
    """Take out the argument that a fault is about; if it names none, the one without which it is gone."""
    engine: dict[str, Any] = asked.get("engine", {})
    named = [name for name in engine if within(fault.path.partition(".engine.")[2], name)]
    for name in named or [*engine]:
        asked["engine"] = {other: value for other, value in engine.items() if other != name}
        if not asked["engine"]:
            del asked["engine"]
        if named or (fault.code, fault.path) not in {
            (each.code, each.path) for each in _faults(draft.content)
        }:
            return name
        asked["engine"] = engine
    return None
