"""The level of a rule in an environment, from levels.yaml."""

from functools import cache
from pathlib import Path

import yaml

from policies.rule import Level, Rule

FILE = Path(__file__).with_name("levels.yaml")


@cache
def table() -> dict[str, dict[str, Level]]:
    """Level by rule or area, by environment."""
    content: dict[str, dict[str, str]] = yaml.safe_load(FILE.read_text())
    return {
        environment: {name: Level(level) for name, level in levels.items()}
        for environment, levels in content.items()
    }


def level_of(rule: Rule, environment: str) -> Level:
    """What comes of a violation of the rule there."""
    levels = table().get(environment, {})
    return levels.get(rule.name) or levels.get(rule.area) or rule.level
