"""One model of an environment, from an engine that somebody runs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, cast

from inference_stack.catalog import Catalog, ModelRow

from .arguments import engine_keys, whole
from .keys import text_of
from .served import Served

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
MOST_AT_ONCE = 1024
MOST_MADE_UP = 64
"""Names of adapters that are made up; whoever has more will not type them from these."""
LEAST_CONTEXT = 256
LORA = ("enable_lora", "max_loras", "max_lora_rank", "lora_modules")
NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
COPY = re.compile(r"/(?P<checkpoint>[^/]+/[^/]+)/[0-9a-f]{40}/?$")
"""The folder of a copy, as `weights.copied` makes it: the checkpoint, then its commit."""
TRAFFIC = {"requests_per_second": 1, "prompt_tokens": 1000, "output_tokens": 200}
SLO = {"ttft_ms": 2000, "tpot_ms": 50}
"""For a model that cannot be planned without; nobody said them."""


@dataclass
class Asked:
    """A model as it goes into the environment, with what the reader must know beside its keys."""

    content: dict[str, Any]
    comments: dict[str, str] = field(default_factory=dict[str, str])
    """By key; of a key within another, `adapters[0].name`."""
    row: ModelRow | None = None


def model(served: Served, to: str, taken: Sequence[str], catalog: Catalog, version: str) -> Asked:
    """The model; `to` is its path in the environment, `taken` the names that others have."""
    asked = Asked({})
    _name(served, to, taken, asked)
    _source(served, to, catalog, asked)
    _context(served, to, asked)
    if served.prefill:
        _disaggregated(served, served.prefill, asked)
    else:
        _load(served, to, asked)
    _adapters(served, to, asked)
    _precision(served, to, asked)
    if served.routing == "prefix":
        asked.content["routing"] = "prefix"
    if served.upgrade:
        asked.content["upgrade"] = served.upgrade
    for key, paths in served.said.items():
        for path in paths:
            if not key or key in asked.content:
                served.keys.carry(path, f"{to}.{key}".rstrip("."))
            else:
                served.keys.derive(path, f"`{key}`, where it is the default")
    if engine := engine_keys(served, asked.row, to, version):
        asked.content["engine"] = engine
    return asked


def _name(served: Served, to: str, taken: Sequence[str], asked: Asked) -> None:
    path, given = served.name or served.source or ("", "model")
    if "served_model_name" in served.arguments:
        path, value = served.places["served_model_name"], served.arguments["served_model_name"]
        names = cast("list[object]", value) if isinstance(value, list) else [value]
        given = str(names[0]) if names else given
        for other in names[1:]:
            served.keys.leave(path, "a model has one name here", given=other)
    name = re.sub(r"[^a-z0-9]+", "-", given.rsplit("/", 1)[-1].lower()).strip("-")
    name = (name if name[:1].isalpha() else f"m-{name}")[:30].rstrip("-")
    free = (f"{name[:26]}-{number}" for number in count(2))
    asked.content["name"] = name = next(each for each in chain((name,), free) if each not in taken)
    if name != given:
        asked.comments["name"] = f"clients ask for {given} today, and for this then"
    if served.name:
        served.keys.carry(served.name[0], f"{to}.name")
    if "served_model_name" in served.places:
        served.keys.carry(served.places["served_model_name"], f"{to}.name")


def _source(served: Served, to: str, catalog: Catalog, asked: Asked) -> None:
    path, given = served.source or ("", "")
    name = served.name[1] if served.name else ""
    copied = COPY.search(given)
    origin = copied["checkpoint"] if copied else given
    asked.row = catalog.model(origin) or catalog.model(name) or _by_last_name(origin, catalog)
    asked.content["source"] = asked.row.id if asked.row else given or name
    if asked.row and asked.row.id != given:
        asked.comments["source"] = f"taken to be what the source calls {given}"
    elif asked.row is None:
        asked.comments["source"] = "not in the catalog: add `own` with config, weights and licence"
    if path:
        served.keys.carry(path, f"{to}.source")
    if "model" in served.places:
        served.keys.carry(served.places["model"], f"{to}.source")


def _by_last_name(given: str, catalog: Catalog) -> ModelRow | None:
    """A folder or a bucket is mostly called as the checkpoint in it."""
    last = given.rstrip("/").rsplit("/", 1)[-1].lower()
    if not last or "/" not in given:
        return None
    found = [row for row in catalog.models.values() if row.id.rsplit("/", 1)[-1].lower() == last]
    return found[0] if len(found) == 1 else None


def _context(served: Served, to: str, asked: Asked) -> None:
    given = whole(served.arguments, "max_model_len")
    if given is None:
        most = asked.row.max_context if asked.row else 8192
        asked.comments["context_tokens"] = (
            "not said: what vLLM takes then; less takes less memory"
            if asked.row
            else "not said, nor known of this model"
        )
        asked.content["context_tokens"] = most
    else:
        asked.content["context_tokens"] = max(given, LEAST_CONTEXT)
    if "max_model_len" in served.places:
        served.keys.carry(served.places["max_model_len"], f"{to}.context_tokens")


def _load(served: Served, to: str, asked: Asked) -> None:
    """How many requests at once, and how many replicas."""
    limits = (
        {served.places["max_num_seqs"]: found} if (found := whole(served.arguments, "max_num_seqs")) else {}
    )
    if served.limit:
        limits |= {served.limit[0]: served.limit[1]}
    if limits:
        least = min(*limits.values(), MOST_AT_ONCE)
        asked.content["concurrency"] = least
        for path, amount in limits.items():
            served.keys.carry(path, f"{to}.concurrency")
            if amount != least:
                asked.comments["concurrency"] = f"the least of what the source says; {amount} was another"
    if served.replicas:
        least, most = served.replicas
        asked.comments["replicas"] = "left out, with `traffic` and `slo` instead: what these need"
        asked.content["replicas"] = {"min": max(0, min(least, most, 1000)), "max": min(most, 1000)}


def _disaggregated(served: Served, prefill: Served, asked: Asked) -> None:
    """Both sides are sized by what is asked of them; nobody can say it twice."""
    asked.content |= {"disaggregated": True, "traffic": dict(TRAFFIC), "slo": dict(SLO)}
    for key in ("traffic", "slo"):
        asked.comments[key] = "not said in the source: set it, both sides are sized by it"
    sized = "both sides of a disaggregated model, from traffic and slo"
    for side in (served, prefill):
        if "max_num_seqs" in side.places:
            served.keys.derive(side.places["max_num_seqs"], sized)
        if side.limit:
            served.keys.derive(side.limit[0], sized)
        for path in side.said.pop("replicas", ()):
            served.keys.derive(path, sized)
    for said in (prefill.name, prefill.source, prefill.hardware.gpu):
        if said:
            served.keys.derive(said[0], "the other side, which is of the same model")
    for name, place in prefill.places.items():
        same = prefill.arguments[name] == served.arguments.get(name)
        if name in ("max_num_seqs", "kv_transfer_config"):
            continue
        if same:
            served.keys.derive(place, "the other side, which says the same")
        else:
            served.keys.leave(
                place,
                "both sides of a model are asked for as one, and the other says otherwise",
                given=text_of(prefill.arguments[name]),
            )
    for side in (served, prefill):
        if "kv_transfer_config" in side.places:
            served.keys.derive(
                side.places["kv_transfer_config"], "`disaggregated`, with this stack's connector"
            )


def _adapters(served: Served, to: str, asked: Asked) -> None:
    arguments = served.arguments
    rank = whole(arguments, "max_lora_rank") or 16
    names = [_adapter_name(name) for name in served.adapters or _lora_modules(arguments)]
    held = served.adapters_held[1] if served.adapters_held else 0
    unnamed = (
        0
        if names or not (arguments.get("enable_lora") or held)
        else held or whole(arguments, "max_loras") or 1
    )
    made_up = [f"adapter-{index + 1}" for index in range(min(unnamed, MOST_MADE_UP))]
    if names or made_up:
        fitting = next((known for known in RANKS if known >= rank), RANKS[-1])
        asked.content["adapters"] = [{"name": name, "rank": fitting} for name in names or made_up]
    if made_up:
        asked.comments["adapters[0].name"] = (
            "the source counts adapters and does not name them: set their names"
        )
    paths = [served.places[name] for name in LORA if name in served.places]
    for path in [*paths, *([served.adapters_held[0]] if served.adapters_held else [])]:
        if names or made_up:
            served.keys.carry(path, f"{to}.adapters")
        else:
            served.keys.derive(path, "`adapters`, of which the source has none")


def _lora_modules(arguments: Mapping[str, Any]) -> list[str]:
    """Names in `--lora-modules`: name=path, or an object with a name."""
    found: list[str] = []
    given = arguments.get("lora_modules")
    for entry in cast("list[Any]", given) if isinstance(given, list) else ():
        name = cast("Mapping[str, Any]", entry).get("name") if isinstance(entry, Mapping) else entry
        found.append(str(name).partition("=")[0])
    return found


def _adapter_name(given: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-")[:30]
    return name if NAME.fullmatch(name) else f"a-{name}"[:30].rstrip("-")


def _precision(served: Served, to: str, asked: Asked) -> None:
    """Online quantization to fp8 is a published checkpoint in fp8 here."""
    if "quantization" not in served.places:
        return
    path, value, row = served.places["quantization"], served.arguments["quantization"], asked.row
    if row is None:
        return
    if value is None or value == row.layout.method:
        served.keys.derive(path, "the checkpoint, which says how it is stored")
    elif row.layout.method is None and value == "fp8":
        asked.content["precision"] = "fp8"
        asked.comments["precision"] = (
            "loads a published checkpoint; the source makes fp8 of 16 bits at each start"
        )
        served.keys.carry(path, f"{to}.precision")
