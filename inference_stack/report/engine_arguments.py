"""vLLM's arguments for people: one of them, all of a version, what changes from one version to another."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from inference_stack.engine.arguments import IN_WORDS, Argument, EngineVersion
from inference_stack.engine.arguments.difference import Change
from inference_stack.engine.upgrade import Effect
from inference_stack.spec import Finding

SIGNS = {"minimum": "≥", "above": ">", "maximum": "≤", "below": "<"}
CHANGES = {
    "removed": "gone",
    "renamed": "renamed",
    "type": "other types",
    "values": "other values",
    "bounds": "other bounds",
    "default": "other default",
}
"""Kinds of change that get a table, in their order; the others are told in a line each."""


def stands(argument: Argument) -> str:
    """What may stand at an argument: its values, or its types with their bounds; null is left unsaid."""
    if argument.values:
        found = ", ".join(map(plain, argument.values))
    else:
        kinds = [IN_WORDS[kind] for kind in argument.kinds if kind != "null"]
        found = "anything" if len(kinds) == len(IN_WORDS) - 1 else " or ".join(kinds)
        found += _entries(argument)
        if argument.known:
            found += ": " + ", ".join(map(plain, argument.known)) + ", or what a plug-in brings"
    if bounds := argument.bounds:
        found += ", " + " and ".join(f"{SIGNS[name]} {bound:g}" for name, bound in bounds.items())
    return found


def _entries(argument: Argument) -> str:
    if argument.items:
        return " of " + ", ".join(map(plain, argument.items))
    named = {"integer": "whole numbers", "number": "numbers", "string": "texts"}
    entries = [named[kind] for kind in argument.item_kinds if kind in named]
    return " of " + " or ".join(entries) if entries else ""


def plain(value: JsonValue) -> str:
    """A value as YAML writes it."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if value == "":
        return '""'
    return str(value)


def argument_card(argument: Argument, version: str) -> RenderableType:
    """Everything that is known of one argument."""
    table = Table.grid(padding=(0, 2))
    table.add_row("takes", Text(stands(argument)))
    table.add_row("left out", Text(plain(argument.default)))
    if argument.deprecated:
        table.add_row("deprecated", Text(argument.deprecated, style="yellow"))
    if argument.flags:
        table.add_row("options", Text(", ".join(argument.flags)))
    table.add_row("of", Text(f"{argument.group}, vLLM {version}"))
    for name, field in argument.fields.items():
        table.add_row(
            Text(f".{name}", style="bold"), Text(f"{stands(field)}; left out: {plain(field.default)}")
        )
    head = Text(argument.name, style="bold")
    return Group(head, Text(argument.description), table)


def argument_table(version: EngineVersion) -> Table:
    """Every argument of a version in short, by the class that declares it."""
    table = _table("argument", "takes", "left out", title=f"vLLM {version.version}")
    for group, members in by_group(version).items():
        table.add_section()
        table.add_row(Text(group, style="bold"), "", "")
        for argument in members:
            table.add_row(Text(argument.name), Text(stands(argument)), Text(plain(argument.default)))
    return table


def by_group(version: EngineVersion) -> Mapping[str, Sequence[Argument]]:
    """The arguments of a version by the class that declares them, those of `vllm serve` alone at the end."""
    groups: defaultdict[str, list[Argument]] = defaultdict(list)
    for argument in (*version.engine.values(), *version.frontend.values(), *version.serve.values()):
        groups[argument.group].append(argument)
    last = ("FrontendArgs", "serve")
    return dict(sorted(groups.items(), key=lambda entry: (entry[0] in last, entry[0])))


def difference_view(found: Iterable[Change], old: str, new: str) -> RenderableType:
    """What changes from one version to another."""
    kinds: defaultdict[str, list[Change]] = defaultdict(list)
    for change in found:
        kinds[change.kind].append(change)
    table = _table("argument", old, new, "do", title=f"vLLM {old} → {new}")
    for kind, title in CHANGES.items():
        if not kinds[kind]:
            continue
        table.add_section()
        table.add_row(Text(title, style="bold"))
        alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for change in kinds[kind]:
            alike[*_sides(change), change.remedy or ""].append(change.name)
        for cells, names in alike.items():
            table.add_row(Text("\n".join(names)), *map(Text, cells))
    added = ", ".join(change.name for change in kinds["added"])
    lost = ", ".join(change.name for change in kinds["options"] if change.before)
    lines = [
        f"{len(kinds['added'])} are new: {added}.",
        f"{len(kinds['options'])} have other options of vllm serve; of these lose one: {lost or 'none'}.",
    ]
    return Group(table, *map(Text, lines))


def _sides(change: Change) -> tuple[str, str]:
    match change.kind:
        case "removed":
            return plain(change.before), ""
        case "values" | "type":
            return _listed(change.before, "only "), _listed(
                change.after, "also " if change.kind == "values" else ""
            )
        case "bounds":
            return _bounds(change.before), _bounds(change.after)
        case _:
            return plain(change.before), plain(change.after)


def _listed(values: JsonValue, word: str) -> str:
    return word + ", ".join(map(plain, values)) if isinstance(values, list) and values else ""


def _bounds(found: JsonValue) -> str:
    return (
        ", ".join(f"{SIGNS[name]} {bound}" for name, bound in found.items())
        if isinstance(found, dict)
        else ""
    )


def effect_view(effects: Mapping[str, Effect], environment: str) -> RenderableType:
    """What a change of version means for each engine of an environment."""
    table = _table("engine", "argument", "given", "becomes", title=f"In {environment}")
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for engine, effect in effects.items():
        alike[effect.model_dump_json(exclude={"given"})].append(engine)
    for engines in alike.values():
        effect = effects[engines[0]]
        table.add_section()
        table.add_row(Text("\n".join(engines)), "", "", f"{len(effect.refused)} refused")
        for fault in effect.refused:
            told = "; ".join(part for part in (fault.what, fault.remedy or fault.allowed) if part)
            table.add_row("", Text(fault.path), Text(fault.given or ""), Text(told, style="bold red"))
        for change in effect.defaults:
            before, after = _sides(change)
            table.add_row("", Text(change.name), "", Text(f"default {before} → {after}", style="yellow"))
    table.caption = "nothing: vLLM decides at the start, and what it decides is not compared."
    table.caption_justify = "left"
    return table


def pair_line(finding: Finding) -> Text:
    """What is known against the pair of Ray and vLLM."""
    told = f"{finding.what}; works: {finding.allowed}" if finding.allowed else finding.what
    return Text(f"vLLM {finding.given} {told}", style="bold red" if finding.severity == "error" else "yellow")


def _table(*columns: str, title: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        # A name that is broken in two is not found again.
        table.add_column(column, overflow="fold", no_wrap=column == "argument")
    return table
