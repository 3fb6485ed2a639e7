"""docs/rules.md: every rule on engines, Serve configurations, services and pods, and who says so."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inference_stack.engine.rules import Rule, engine_rules
from inference_stack.engine.rules.deployment import deployment_rules
from inference_stack.engine.rules.llm_config import llm_config_rules
from inference_stack.engine.rules.pod import pod_rules
from inference_stack.engine.rules.ray_cluster import cluster_rules
from inference_stack.engine.rules.ray_service import service_rules
from inference_stack.engine.rules.serve import serve_rules
from inference_stack.engine.rules.server import SERVER_RULES
from inference_stack.engine.rules.service_placement import service_placement_rules

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"

HEAD = """\
# Rules

<!-- Written by `make reference` from inference_stack/engine/rules. -->

What vLLM 0.29.0, Ray 2.60.0 and KubeRay 1.6.1 refuse, ignore or make slow, each rule once: the linter, the
plan and the policy pack hold what you write against the same ones. Each names its place upstream. An error
would fail, or be misread in silence; a warning runs but costs more than it seems. See [findings](findings.md)
for what else is told, and [engine arguments](engine-arguments.md) for types, values and bounds.
"""
ROWS = "| code | severity | what must hold | who says so |\n|---|---|---|---|"

GROUPS: tuple[tuple[str, tuple[Rule[Any], ...]], ...] = (
    ("An engine: its arguments, its model and its card", engine_rules),
    ("vLLM's server", SERVER_RULES),
    ("A model in Ray Serve LLM", llm_config_rules),
    ("A deployment of Ray Serve", deployment_rules),
    ("A Serve configuration", serve_rules),
    ("A RayService", (*service_rules, *service_placement_rules)),
    ("A Ray cluster", cluster_rules),
    ("A pod", pod_rules),
)
"""Titles of the page, with every rule there is."""


def every_rule() -> tuple[Rule[Any], ...]:
    """All rules, in the order of the page."""
    return tuple(rule for _, rules in GROUPS for rule in rules)


def written() -> str:
    """The page."""
    parts = [HEAD]
    for title, rules in GROUPS:
        parts.append(f"## {title}\n\n{ROWS}\n{_rows(rules)}\n")
    return "\n".join(parts)


def _rows(rules: Iterable[Rule[Any]]) -> str:
    cells = ((f"`{rule.code}`", str(rule.severity), rule.states, rule.reference) for rule in rules)
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells)


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(written())


if __name__ == "__main__":
    main()
