"""The rules of the pack on the terminal."""

from rich.console import Console
from rich.table import Table

from policies.levels import level_of, table
from policies.rule import Rule, every_rule


def print_rules() -> None:
    """Name, demand and level of every rule, by environment."""
    environments = list(table())
    listed = Table("area", "rule", *environments, "demand", box=None, pad_edge=False)
    for rule in every_rule():
        listed.add_row(rule.area, rule.name, *_levels(rule, environments), rule.demand)
    Console().print(listed)


def _levels(rule: Rule, environments: list[str]) -> list[str]:
    return [level_of(rule, environment).value for environment in environments]
