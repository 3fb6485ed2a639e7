"""What is recorded of an environment, from its plan: scrape configuration, rules, alerts, dashboard."""

from .alerts import Alert, alerts
from .dashboard import dashboard
from .panels import Panel, Query, panels
from .provocations import Provocation, Seen, provocations
from .rules import Group, Record, annotations, groups, rules_file
from .scrape import Job, jobs, scrape_config

__all__ = [
    "Alert",
    "Group",
    "Job",
    "Panel",
    "Provocation",
    "Query",
    "Record",
    "Seen",
    "alerts",
    "annotations",
    "dashboard",
    "groups",
    "jobs",
    "panels",
    "provocations",
    "rules_file",
    "scrape_config",
]
