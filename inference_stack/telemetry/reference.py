"""docs/telemetry.md: the table of panels and that of alerts, as the code has them."""

import re
from datetime import date
from pathlib import Path

from inference_stack.planner import plan_environment
from inference_stack.spec import read

from .alerts import alerts
from .panels import panels
from .provocations import PROVOCATIONS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "telemetry.md"
SEVERITIES = ("critical", "error", "warning", "information")
_PART = re.compile(r"(<!-- (?P<name>\w+): .*? -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with both tables as prod has them, so that the alert on the budget is among them."""
    file = ROOT / "Pulumi.prod.yaml"
    source = read(file)
    plan = plan_environment(source.data, name="prod", file=file.name, today=date(2026, 11, 29))
    seen = {alert: f"{each.what} ({each.seen})" for each in PROVOCATIONS for alert in each.alerts}
    parts = {
        "panels": ["| panel | what to read from it |", "|---|---|"]
        + [f"| {panel.title} | {panel.tells} |" for panel in panels(plan)],
        "alerts": [
            "| alert | after | severity | what is the matter | what to do | what made it fire |",
            "|---|---|---|---|---|---|",
        ]
        + [
            f"| <a id='{alert.name.lower()}'></a>`{alert.name}` | {alert.minutes} min | "
            f"{SEVERITIES[alert.severity]} | {_words(alert.summary)} | {alert.remedy} | {seen[alert.name]} |"
            for alert in alerts(plan)
        ],
    }
    return _PART.sub(lambda found: found[1] + "\n".join(parts[found["name"]]) + "\n" + found[3], page)


def _words(summary: str) -> str:
    """A summary with what Prometheus fills in named by its label."""
    named = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", summary)
    return re.sub(r"\{\{ \$value[^}]*\}\}", "*value*", named)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
