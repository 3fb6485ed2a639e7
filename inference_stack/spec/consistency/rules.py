"""What rules have in common: how findings are passed on, and what is asked of more than one part."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from inference_stack.spec.finding import Finding
from inference_stack.spec.section import Unparsed

Item = TypeVar("Item")


def readable(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What a rule finds before it asks for a part that could not be read: no fault is told by its echo."""
    try:
        yield from findings
    except Unparsed:
        return


def under(parent: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings about a part, their paths counted from the whole."""
    return (finding.under(parent) for finding in findings)


def ordered(least: int, most: int, path: str) -> Iterator[Finding]:
    """Whether the bounds at `path` are the right way round."""
    if least > most:
        yield Finding(
            code="bounds-reversed",
            path=f"{path}.min",
            given=str(least),
            what=f"is more than {path}.max, which is {most}",
            allowed=f"at most {most}",
        )


def unique_names(parent: str, items: Iterable[Item], name_of: Callable[[Item], str]) -> Iterator[Finding]:
    """Names that another one of the list has already."""
    for index, earlier, name in _again(items, name_of):
        yield Finding(
            code="duplicate-name",
            path=f"{parent}[{index}].name",
            given=name,
            what=f"is the name of {parent}[{earlier}] already",
            allowed="a name that no other one has",
        )


def distinct(
    parent: str, items: Iterable[Item], key: Callable[[Item], str | None], below: str = ""
) -> Iterator[Finding]:
    """Entries of a list that say what an earlier one says. `below` is what the key reads of an entry."""
    for index, earlier, told in _again(items, key):
        yield Finding(
            code="duplicate-entry",
            path=f"{parent}[{index}]{below}",
            given=told,
            what=f"stands in {parent}[{earlier}]{below} already",
            allowed="each only once",
        )


def _again(items: Iterable[Item], key: Callable[[Item], str | None]) -> Iterator[tuple[int, int, str]]:
    """Index of an item, of the earlier one with the same key, and the key; case does not count."""
    first: dict[str, int] = {}
    for index, item in enumerate(items):
        try:
            told = key(item)
        except Unparsed:
            continue
        if told is None:
            continue
        earlier = first.setdefault(told.casefold(), index)
        if earlier != index:
            yield index, earlier, told
