"""The dashboard as Grafana imports it (JSON model, schema 39)."""

from typing import Any

from inference_stack.planner import Plan

from .panels import Panel, Query, panels

COLUMNS, WIDTH, HEIGHT = 2, 12, 8
"""Grafana's grid is 24 wide."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard(plan: Plan) -> dict[str, Any]:
    """The whole dashboard. Which Prometheus it asks is chosen on it."""
    return {
        "uid": f"inference-{plan.name}"[:40],
        "title": f"Inference: {plan.name}",
        "tags": ["inference-stack"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
            ]
        },
        "panels": [_panel(index, panel) for index, panel in enumerate(panels(plan))],
    }


def _panel(index: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(index, COLUMNS)
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.bound is not None:
        steps.append({"color": "red", "value": panel.bound})
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.tells,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "off" if panel.bound is None else "line"}},
            },
            "overrides": [_dashed(letter) for letter, query in _lettered(panel) if query.dashed],
        },
        "targets": [
            {"refId": letter, "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend}
            for letter, query in _lettered(panel)
        ],
    }


def _lettered(panel: Panel) -> list[tuple[str, Query]]:
    return list(zip("ABCDEFGH", panel.queries, strict=False))


def _dashed(letter: str) -> dict[str, Any]:
    return {
        "matcher": {"id": "byFrameRefID", "options": letter},
        "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}}],
    }
