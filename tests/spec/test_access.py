"""Who reaches the API server, and over which way: each rule with a case that keeps it."""

from typing import Any

import pytest

from inference_stack.spec import environment_findings, parse
from tests.spec.changing import changed

Asked = dict[str, Any]
NETWORK = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/ci/providers"
    "/Microsoft.Network/virtualNetworks/ci"
)
WHO = "2f5c5b0e-0000-4000-8000-000000000001"
PEERING = {"route": "peering", "network": NETWORK, "network_range": "10.90.0.0/16"}


def told(asked: Asked, access: Asked, network: Asked | None = None) -> list[tuple[str, str]]:
    environment, faults = parse(changed(asked, {"access": access, "network": network or {}}))
    assert not faults
    found = environment_findings(environment)
    return [(finding.path.removeprefix("access."), finding.code) for finding in found]


@pytest.mark.parametrize(
    ("access", "wrong"),
    [
        ({}, []),
        ({"private": True, "deployer": {"route": "inside"}}, []),
        ({"private": True, "deployer": {"route": "proxy", "proxy": "socks5://localhost:1080"}}, []),
        ({"private": True, "deployer": PEERING}, []),
        # A proxy may stand before a public API server too: that of an organisation, towards the internet.
        ({"deployer": {"route": "proxy", "proxy": "http://proxy.example.com:3128"}}, []),
        ({"deployer": {"route": "inside"}}, []),
        ({"private": True}, [("deployer.route", "route-closed")]),
        ({"deployer": PEERING}, [("deployer.route", "route-without-end")]),
        (
            {"private": True, "deployer": {"route": "peering", "network": NETWORK}},
            [("deployer.network_range", "missing-key")],
        ),
        ({"deployer": {"route": "proxy"}}, [("deployer.proxy", "missing-key")]),
        ({"deployer": {"network": NETWORK}}, [("deployer.network", "setting-unused")]),
        ({"deployer": {"proxy": "http://localhost:1"}}, [("deployer.proxy", "setting-unused")]),
        ({"deployer": {"object_id": WHO, "kind": "Group"}}, []),
        ({"deployer": {"kind": "Group"}}, [("deployer.kind", "setting-unused")]),
    ],
)
def test_a_way_to_the_api_server_ends_there_and_has_what_it_needs(
    asked: Asked, access: Asked, wrong: list[tuple[str, str]]
) -> None:
    assert told(asked, access) == wrong


@pytest.mark.parametrize(
    ("peered", "network", "wrong"),
    [
        ("10.90.0.0/16", {}, 0),
        ("10.40.128.0/24", {}, 1),
        ("10.244.7.0/24", {}, 1),
        ("10.41.0.0/24", {}, 1),
        ("10.244.7.0/24", {"pods": "10.90.0.0/16"}, 0),
        ("10.0.0.0/8", {}, 3),
    ],
)
def test_a_peered_network_has_no_address_of_ours(
    asked: Asked, peered: str, network: Asked, wrong: int
) -> None:
    access = {"private": True, "deployer": PEERING | {"network_range": peered}}
    assert told(asked, access, network) == [("deployer.network_range", "ranges-overlap")] * wrong


def test_authorized_ranges_are_of_a_public_api_each_once_and_at_most_200(asked: Asked) -> None:
    many = [f"203.0.{number}.0/24" for number in range(201)]
    assert told(asked, {"authorized_ranges": many[:200]}) == []
    assert told(asked, {"authorized_ranges": many}) == [("authorized_ranges", "too-many")]
    assert told(asked, {"authorized_ranges": many[:2] + many[:1]}) == [
        ("authorized_ranges[2]", "duplicate-entry")
    ]
    private = {"private": True, "deployer": {"route": "inside"}, "authorized_ranges": many[:1]}
    assert told(asked, private) == [("authorized_ranges", "ranges-of-private-api")]


def test_groups_need_a_deployer_who_may_make_objects_and_stand_only_once(asked: Asked) -> None:
    assert told(asked, {"admin_groups": [WHO], "deployer": {"object_id": WHO}}) == []
    assert told(asked, {"admin_groups": [WHO]}) == [("deployer.object_id", "deployer-without-rights")]
    twice = {"admin_groups": [WHO, WHO.upper()], "deployer": {"object_id": WHO}}
    assert told(asked, twice) == [("admin_groups[1]", "duplicate-entry")]


@pytest.mark.parametrize(
    ("subnet", "wrong"),
    [
        ("10.40.17.0/28", []),
        ("10.40.17.0/29", ["range-too-small"]),
        ("10.40.16.0/28", ["ranges-overlap"]),
        ("10.40.0.0/28", ["ranges-overlap"]),
        ("10.99.0.0/28", ["subnet-outside-network"]),
    ],
)
def test_the_subnet_of_the_api_server_is_judged_where_it_is_made(
    asked: Asked, subnet: str, wrong: list[str]
) -> None:
    private = {"private": True, "deployer": {"route": "inside"}}
    assert told(asked, private, {"api_server": subnet}) == [("network.api_server", code) for code in wrong]
    assert told(asked, {}, {"api_server": subnet}) == []
