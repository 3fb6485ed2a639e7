"""ARM ids, taken apart."""

import pytest

from components.arm_id import ArmId


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Microsoft.Network/virtualNetworks/runners", ("runners",)),
        ("Microsoft.ContainerService/managedClusters/shared/agentPools/a100", ("shared", "a100")),
        ("microsoft.containerservice/managedclusters/shared/agentpools/a100", ("shared", "a100")),
    ],
)
def test_an_id_names_a_resource_behind_those_it_is_a_part_of(text: str, names: tuple[str, ...]) -> None:
    assert ArmId.parse(f"/subscriptions/s/resourceGroups/g/providers/{text}") == ArmId("s", "g", names)
