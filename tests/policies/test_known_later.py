"""A value that is known after the update alone: told at preview, judged by the up that knows it."""

from pathlib import Path

import pytest
import yaml

from localcloud.arm.store import Store
from localcloud.stack import Stack
from localcloud.toolchain import Toolchain
from tests.e2e.environments import KEY, PYTHON, told
from tests.policies.cases.sound import ENVIRONMENT

pytestmark = pytest.mark.e2e

PROGRAM = """
from pulumi_azure_native import resources

tags = {"environment": "test", "owner": "platform"}
first = resources.ResourceGroup("first", location="swedencentral", tags=tags)
resources.ResourceGroup("second", location=first.id.apply(lambda _: "REGION"), tags=tags)
"""
GROUP = "azure-native:resources:ResourceGroup"


@pytest.mark.parametrize(("region", "stopped"), [("eastasia", True), ("swedencentral", False)])
def test_what_a_preview_does_not_know_is_told_and_stops_the_up_where_it_turns_out_wrong(
    region: str, stopped: bool, toolchain: Toolchain, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text(PYTHON)
    (tmp_path / "__main__.py").write_text(PROGRAM.replace("REGION", region))
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump({"config": {KEY: ENVIRONMENT}}))
    stack = Stack("test", toolchain, tmp_path / "state", settings, tmp_path)

    shown = stack.preview(capture=True)
    assert shown.returncode == 0, told(shown)
    assert "not checked yet: location is known after the update alone" in told(shown)

    up = stack.up(*stack.policies, capture=True)
    assert (up.returncode != 0) is stopped, told(up)
    assert ("[mandatory] data-stays-in-region" in told(up)) is stopped
    with Store(stack.state / "arm.db") as store:
        assert len(list(store.all(GROUP))) == (1 if stopped else 2)
