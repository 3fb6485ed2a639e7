"""What a rule of the pack is, and how one is written: a function under one of the two decorators."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple

from policies.context import Context
from policies.seen import Seen


class Area(StrEnum):
    """What a rule is about: the folder it lies in."""

    FIT = "fit"
    MONEY = "money"
    LAW = "law"
    SECURITY = "security"


class Level(StrEnum):
    """What comes of a violation."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"
    REMEDIATE = "remediate"
    DISABLED = "disabled"


class Violation(NamedTuple):
    """One thing that a rule found wrong."""

    path: str
    """Property of the resource, or path in the user's file."""
    given: str | None
    what: str
    allowed: str | None = None
    remedy: str | None = None
    """In place of that of the rule."""
    subject: str | None = None
    """Model or pool that it is about, where it is not the resource."""


Judge = Callable[[Seen, Context], Iterable[Violation]]
Mend = Callable[[Seen, Context], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Rule:
    """A demand, why it is made, and the function that finds what does not meet it."""

    name: str
    area: Area
    demand: str
    why: str
    remedy: str
    level: Level
    references: tuple[str, ...]
    """Items of CIS benchmarks and of the Microsoft cloud security benchmark, or who says so."""
    on: tuple[str, ...]
    """Types of the resources that it judges, without the version of Azure's API."""
    whole: bool
    """Whether it needs the other resources too: then it runs once, at the end."""
    judge: Judge
    waivable: bool = True
    mend: Mend | None = None
    """The resource's properties as they should be, where mending is safe; None where nothing is wrong."""


STACK = "pulumi:pulumi:Stack"
"""Judges of the plan, or of sums over all resources, are asked about the stack itself."""

_RULES: dict[str, Rule] = {}


def rule(
    *,
    demand: str,
    why: str,
    remedy: str,
    on: Iterable[str],
    level: Level = Level.MANDATORY,
    references: Iterable[str] = (),
    whole: bool = False,
    waivable: bool = True,
    mend: Mend | None = None,
) -> Callable[[Judge], Rule]:
    """A rule from its judge, whose name it has and in whose folder it lies."""

    def made(judge: Judge) -> Rule:
        name = judge.__name__.replace("_", "-")
        found = Rule(
            name=name,
            area=Area(judge.__module__.split(".")[-2]),
            demand=demand,
            why=why,
            remedy=remedy,
            level=level,
            references=tuple(references),
            on=tuple(on),
            whole=whole,
            judge=judge,
            waivable=waivable,
            mend=mend,
        )
        if name in _RULES:
            raise ValueError(f"two rules are called {name}")
        _RULES[name] = found
        return found

    return made


def every_rule() -> tuple[Rule, ...]:
    """The rules of all modules in the folders of the areas, by area and name."""
    for area in Area:
        package = import_module(f"policies.{area}")
        for module in iter_modules(package.__path__):
            import_module(f"policies.{area}.{module.name}")
    order = list(Area)
    return tuple(sorted(_RULES.values(), key=lambda each: (order.index(each.area), each.name)))
