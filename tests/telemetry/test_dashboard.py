"""The dashboard and the page: both say what the lists in the code say."""

import json

from typer.testing import CliRunner

from inference_stack.cli import app
from inference_stack.planner import Plan
from inference_stack.telemetry import Seen, alerts, dashboard, panels, provocations
from inference_stack.telemetry.reference import PAGE, filled


def test_the_page_says_what_the_code_says() -> None:
    page = PAGE.read_text()
    assert filled(page) == page, "run make reference"
    assert filled(page.replace("`QueueStays`", "`QueueGoes`")) == page


def test_the_page_tells_of_every_alert_what_it_fired_on(prod: Plan) -> None:
    provoked = [alert for each in provocations(*Seen) for alert in each.alerts]
    assert sorted(provoked) == sorted(alert.name for alert in alerts(prod))
    assert all(each.what in PAGE.read_text() for each in provocations(*Seen))


def test_the_dashboard_asks_every_query_of_every_panel_once(prod: Plan) -> None:
    shown = dashboard(prod)["panels"]
    asked = [target["expr"] for panel in shown for target in panel["targets"]]
    assert asked == [query.expr for panel in panels(prod) for query in panel.queries]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in shown}
    assert len(places) == len(shown) == len(panels(prod))


def test_the_commands_print_what_grafana_and_prometheus_read() -> None:
    for command, key in (("dashboard", "panels"), ("rules", "groups")):
        printed = CliRunner().invoke(app, [command, "--env", "prod"])
        assert printed.exit_code == 0
        assert json.loads(printed.stdout)[key]
    assert CliRunner().invoke(app, ["rules", "--env", "nowhere"]).exit_code == 1
