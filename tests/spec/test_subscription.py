"""Tags, logs, zones, images and charts: each rule with a case that keeps it."""

from typing import Any

import pytest

from inference_stack.spec import environment_findings, parse
from tests.spec.changing import changed

Asked = dict[str, Any]
ON_CALL = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/on-call/providers"
    "/Microsoft.Insights/actionGroups/sre"
)


def told(asked: Asked, **changes: Any) -> list[tuple[str, str]]:
    environment, faults = parse(changed(asked, changes))
    assert not faults
    return [(found.path, found.code) for found in environment_findings(environment)]


@pytest.mark.parametrize(
    ("tags", "wrong"),
    [
        ({"cost center": "7", "cost-center": "7", "Straße": "7"}, []),
        ({"a/b": "x"}, ['tags["a/b"]']),
        ({"a" * 128: "x"}, []),
        ({"a" * 129: "x"}, ["tags." + "a" * 129]),
        ({"": "x"}, ['tags[""]']),
        ({"Owner": "x", "owner": "y", "OWNER": "z"}, ["tags.owner", "tags.OWNER"]),
    ],
)
def test_tags_are_named_as_azure_takes_it(asked: Asked, tags: Asked, wrong: list[str]) -> None:
    assert told(asked, tags=tags) == [(path, "tag-name") for path in wrong]


@pytest.mark.parametrize(
    ("private", "most"),
    [(False, 47), (True, 15)],
)
def test_tags_leave_room_for_those_of_pools_and_for_a_private_dns_zone(
    asked: Asked, private: bool, most: int
) -> None:
    asked["access"] = {"private": private, "deployer": {"route": "inside"}}
    tags = {f"tag{number}": "x" for number in range(most)}
    assert told(asked, tags=tags) == []
    assert told(asked, tags=tags | {"one": "more"}) == [("tags", "too-many")]


@pytest.mark.parametrize(
    ("logs", "wrong"),
    [
        (["guard", "kube-audit"], []),
        (["guard", "kube-audit", "guard"], [("telemetry.diagnostics[2]", "duplicate-entry")]),
        (["kube-audit-admin", "kube-audit"], [("telemetry.diagnostics[0]", "log-recorded-twice")]),
    ],
)
def test_a_log_is_recorded_once(asked: Asked, logs: list[str], wrong: list[tuple[str, str]]) -> None:
    assert told(asked, **{"telemetry.diagnostics": logs}) == wrong


@pytest.mark.parametrize(
    ("telemetry", "wrong"),
    [
        ({"metrics": True, "grafana": True}, []),
        ({"grafana": True}, [("telemetry.grafana", "metrics-not-recorded")]),
        ({"metrics": True, "action_group": ON_CALL}, []),
        ({"action_group": ON_CALL}, [("telemetry.action_group", "metrics-not-recorded")]),
        ({}, []),
    ],
)
def test_what_nobody_records_is_neither_shown_nor_told(
    asked: Asked, telemetry: Asked, wrong: list[tuple[str, str]]
) -> None:
    assert told(asked, telemetry=telemetry) == wrong


@pytest.mark.parametrize(
    ("again", "wrong"),
    [
        ("Standard NCADS_H100_v5 Family", ['quota["Standard NCADS_H100_v5 Family"]']),
        ("standardNCADSA100v4Family", []),
    ],
)
def test_a_quota_family_is_named_once_whatever_its_spelling(
    asked: Asked, again: str, wrong: list[str]
) -> None:
    quota = {"StandardNCADS_H100_v5Family": 80, again: 40}
    assert told(asked, quota=quota) == [(path, "duplicate-entry") for path in wrong]


def test_a_zone_is_named_once(asked: Asked) -> None:
    assert told(asked, zones=["1", "3"]) == []
    assert told(asked, zones=["1", "3", "1"]) == [("zones[2]", "duplicate-entry")]


@pytest.mark.parametrize(
    ("operator", "wrong"),
    [
        ({"chart": "oci://acme.azurecr.io/mirror/kuberay-operator", "version": "1.6.1"}, []),
        ({"chart": "./charts/kuberay-operator"}, []),
        ({"chart": "kuberay-operator", "repository": "https://acme.azurecr.io/helm", "version": "1.6.1"}, []),
        (
            {"chart": "kuberay-operator", "repository": "https://charts.example.com", "version": "1.6.1"},
            [("charts.kuberay_operator.repository", "chart-outside-mirror")],
        ),
    ],
)
def test_with_a_mirror_charts_come_from_it_or_from_a_folder(
    asked: Asked, operator: Asked, wrong: list[tuple[str, str]]
) -> None:
    assert told(asked, **{"charts.kuberay_operator": operator}) == []
    mirrored = {"charts.kuberay_operator": operator, "images.registry": "acme.azurecr.io/mirror"}
    assert told(asked, **mirrored) == wrong
