"""What an environment keeps is reached from its network alone, by the names that everybody uses."""

import json
from typing import Any

import pytest

from components.private_endpoints import ZONES
from localcloud.toolchain import Toolchain
from tests.e2e.environments import passed, stack

pytestmark = pytest.mark.e2e

STORES = {
    "azure-native:storage:StorageAccount": "publicNetworkAccess",
    "azure-native:containerregistry:Registry": "publicNetworkAccess",
    "azure-native:keyvault:Vault": "properties.publicNetworkAccess",
}


def previewed(environment: str, toolchain: Toolchain, folder: Any) -> dict[str, list[dict[str, Any]]]:
    """Inputs by type of everything that a first run would make."""
    run = passed(stack(folder, toolchain, environment=environment).preview("--json", capture=True))
    made: dict[str, list[dict[str, Any]]] = {}
    for step in json.loads(run.stdout)["steps"]:
        state = step.get("newState", {})
        made.setdefault(state.get("type", ""), []).append(state.get("inputs", {}))
    return made


def reached(made: dict[str, list[dict[str, Any]]]) -> set[str]:
    found: set[str] = set()
    for token, path in STORES.items():
        (value,) = made[token]
        for part in path.split("."):
            value = value[part]
        found.add(str(value))
    return found


def test_in_prod_every_store_answers_privately_and_every_name_leads_there(
    toolchain: Toolchain, tmp_path: Any
) -> None:
    made = previewed("prod", toolchain, tmp_path)
    assert reached(made) == {"Disabled"}
    parts = [
        part
        for endpoint in made["azure-native:network:PrivateEndpoint"]
        for connection in endpoint["privateLinkServiceConnections"]
        for part in connection["groupIds"]
    ]
    assert sorted(parts) == sorted(ZONES)
    zones = {zone["privateZoneName"] for zone in made["azure-native:privatedns:PrivateZone"]}
    assert zones == set(ZONES.values())
    # One link a zone, and that of the deployer's network to the zone of the API server.
    assert len(made["azure-native:privatedns:VirtualNetworkLink"]) == len(zones) + 1
    assert len(made["azure-native:network:PrivateDnsZoneGroup"]) == len(zones)


def test_dev_stays_open_and_pays_for_no_endpoint(toolchain: Toolchain, tmp_path: Any) -> None:
    made = previewed("dev", toolchain, tmp_path)
    assert reached(made) == {"Enabled"}
    assert "azure-native:network:PrivateEndpoint" not in made
