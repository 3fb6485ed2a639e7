"""The steps of a recovery, on a Pulumi that is a state in memory."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from recovery import RecoveryError, recover, unfinished
from tests.recovery.deployments import GROUP_ID, group, killed, provider


class Engine:
    """Export, import and refresh, as Pulumi has them; every resource is found."""

    def __init__(self, deployment: dict[str, Any]) -> None:
        self.deployment = deployment
        self.fails: str | None = None
        self.ran: list[str] = []

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        verb = arguments[0] if arguments[0] != "stack" else arguments[1]
        self.ran.append(verb)
        if verb == self.fails:
            return subprocess.CompletedProcess(arguments, 255, "", "error: the stack is currently locked")
        if verb == "refresh":
            for resource in self.deployment["resources"]:
                if resource["urn"] in arguments:
                    resource["inputs"] = {**resource["inputs"], "location": "by default"}
        elif verb == "export":
            Path(arguments[-1]).write_text(json.dumps({"deployment": self.deployment}))
        else:
            self.deployment = json.loads(Path(arguments[-1]).read_text())["deployment"]
        return subprocess.CompletedProcess(arguments, 0, "", "")


def test_what_was_under_way_is_looked_up_and_keeps_its_inputs(tmp_path: Path) -> None:
    engine = Engine(killed(group()))
    (told,) = recover(engine, tmp_path / "r")
    assert "taken into the state" in told
    assert engine.ran == ["export", "import", "refresh", "export", "import"]
    assert engine.deployment["resources"][-1]["inputs"] == {"resourceGroupName": "rg"}
    assert list((tmp_path / "r").iterdir()) == []


def test_where_nothing_was_under_way_nothing_is_changed(tmp_path: Path) -> None:
    engine = Engine({"resources": [provider()]})
    assert recover(engine, tmp_path) == []
    assert engine.ran == ["export"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["import", "refresh"])
def test_a_recovery_that_failed_is_gone_on_with(tmp_path: Path, step: str) -> None:
    engine = Engine(killed(group()))
    engine.fails = step
    with pytest.raises(RecoveryError, match="currently locked"):
        recover(engine, tmp_path)
    assert unfinished(tmp_path)
    engine.fails = None
    (told,) = recover(engine, tmp_path)
    assert "taken into the state" in told
    taken = engine.deployment["resources"][-1]
    assert (taken["id"], taken["inputs"]) == (GROUP_ID, {"resourceGroupName": "rg"})
    assert len(engine.deployment["resources"]) == 2
    assert not unfinished(tmp_path)


def test_without_a_subscription_one_is_asked_for(tmp_path: Path) -> None:
    deployment = killed(group())
    deployment["resources"][0] = provider()
    with pytest.raises(RecoveryError, match="do: name it with --subscription"):
        recover(Engine(deployment), tmp_path)
    assert recover(Engine(deployment), tmp_path, "named")
