"""docs/configuration.md is what the spec says, and its example is an environment that can be built."""

import re

from inference_stack.planner import plan_environment
from inference_stack.report.reference import DOCS, reference, written
from inference_stack.spec import Environment, environment_findings, parse, read
from inference_stack.spec.schema import Node

EXAMPLE = DOCS / "environment.yaml"
ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
PAGE = reference("config: {}")


def keys(node: Node) -> list[str]:
    """Every key of the schema below a node, each as often as its group can be reached."""
    found: list[str] = []
    for name in node.keys:
        below = node.child(name)
        inside = below.section or (below.sequence.child(0).section if below.sequence else None)
        found += [name, *(keys(inside) if inside else [])]
    return found


def row(key: str) -> tuple[str, ...]:
    """What may stand at a key that only one group has, its default and its meaning."""
    (cells,) = (cells for name, *cells in ROW.findall(PAGE) if name == key)
    return tuple(cells)


def test_the_page_is_as_make_reference_writes_it() -> None:
    assert (DOCS / "configuration.md").read_text() == written()


def test_every_key_is_described_with_what_may_stand_there() -> None:
    assert {name for name, *_ in ROW.findall(PAGE)} == set(keys(Node.of(Environment)))
    assert len(ROW.findall(PAGE)) == sum(line.startswith("| `") for line in PAGE.splitlines())


def test_a_key_has_its_kind_its_bounds_and_its_default() -> None:
    assert row("os_disk_gb")[:2] == ("a whole number from 30 to 2048", "`512`")
    assert row("shared_prefix")[:2] == ("a number from 0 to below 1", "`0.0`")
    assert row("route")[:2] == ("public, inside, peering, proxy", "`public`")
    assert row("kubernetes_version")[1] == '`"1.35"`'
    assert row("region")[1] == "**required**"
    assert row("registry")[1] == "nothing"
    assert row("system")[1] == "`{ sku: Standard_D4ds_v5, nodes: { min: 1, max: 3 } }`"


def test_every_link_to_a_group_of_keys_leads_to_its_heading() -> None:
    titles = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    there = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= there
    assert len(there) == len(titles)


def test_the_example_can_be_built_and_shows_every_key() -> None:
    source = read(EXAMPLE)
    environment, faults = parse(source.data)
    assert not faults
    assert list(environment_findings(environment)) == []
    assert plan_environment(source.data, name="example", file=EXAMPLE.name).models
    shown = set(re.findall(r"\w+", source.text))
    assert set(keys(Node.of(Environment))) <= shown
