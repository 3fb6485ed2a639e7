"""The pack in previews of the real engine: one stack that breaks every rule, one that keeps them all.

Nothing inside the cluster is known to its provider: the kubeconfig comes with the update.
"""

import dataclasses
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from localcloud.stack import Stack
from localcloud.toolchain import Toolchain
from tests.e2e.environments import KEY, PYTHON
from tests.policies.cases.broken import BROKEN
from tests.policies.cases.environments import FAULTY, IMPOSSIBLE, WASTEFUL
from tests.policies.cases.sound import ENVIRONMENT, SOUND, merged, pool, storage
from tests.policies.holding import Made

pytestmark = pytest.mark.e2e

PROGRAM = """
import json, pulumi, pulumi_kubernetes as kubernetes
here = {"location": "swedencentral", "tags": {"environment": "test", "owner": "platform"}}
group = {"resourceGroupName": "rg"} | here
group = pulumi.CustomResource("azure-native:resources:ResourceGroup", "rg", group)
inside = kubernetes.Provider("inside", kubeconfig=group.id)
made = {}
for one in json.load(open("resources.json")):
    props = one["props"] | {name: made[of[0]].id for name, of in one["depends_on"].items()}
    opts = pulumi.ResourceOptions(provider=inside) if one["type"].startswith("kubernetes:") else None
    made[one["name"]] = pulumi.CustomResource(one["type"], one["name"], props, opts)
"""
TOLD = re.compile(r"^ +- \[(\w+)\]  ([a-z-]+)  \((.+): ([^:)]+)\)$", re.MULTILINE)


class Previewed(NamedTuple):
    """What the engine said of the policies."""

    status: int
    levels: dict[str, str]
    """Of the rules that were broken or not checked."""
    subjects: dict[str, set[str]]
    """Names of the resources, by rule."""
    output: str


def previewed(
    folder: Path,
    toolchain: Toolchain,
    resources: Iterable[Made],
    environment: dict[str, Any],
    name: str = "test",
) -> Previewed:
    (folder / "Pulumi.yaml").write_text(PYTHON)
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "resources.json").write_text(json.dumps([dataclasses.asdict(each) for each in resources]))
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump({"config": {KEY: environment}}))
    stack = Stack(name, toolchain, folder / "state", settings, folder)
    run = stack.preview(capture=True)
    levels: dict[str, str] = {}
    subjects: defaultdict[str, set[str]] = defaultdict(set)
    for level, rule, _, subject in TOLD.findall(run.stdout):
        levels[rule] = level
        subjects[rule].add(subject)
    return Previewed(run.returncode, levels, subjects, run.stdout + run.stderr)


@pytest.fixture(scope="module")
def broken(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Previewed:
    wrong = (each for resources in BROKEN.values() for each in resources)
    waiver = {
        "rule": "vault-closed",
        "scope": "nothing",
        "owner": "platform",
        "evidence": "It was to be closed last year.",
        "expires": "2025-12-31",
    }
    environment = merged(WASTEFUL, {"governance/waivers": [waiver, waiver | {"expires": "2999-12-31"}]})
    return previewed(tmp_path_factory.mktemp("broken"), toolchain, [*SOUND, *wrong], environment)


def test_a_sound_stack_passes(toolchain: Toolchain, tmp_path: Path) -> None:
    found = previewed(tmp_path, toolchain, SOUND, ENVIRONMENT)
    assert found.status == 0, found.output
    assert found.levels == {}, found.output


@pytest.mark.parametrize("rule", BROKEN)
def test_what_breaks_a_rule_stops_the_preview_and_what_keeps_it_is_not_named(
    rule: str, broken: Previewed
) -> None:
    wrong = {each.name for each in BROKEN[rule] if each.name.startswith("bad")}
    assert broken.status != 0
    assert broken.levels.get(rule) == "mandatory", broken.output
    assert wrong <= broken.subjects[rule]
    assert not broken.subjects[rule] & {each.name for each in SOUND}


@pytest.mark.parametrize("rule", [*sorted(FAULTY.keys() - {"kv-cache-has-room"}), "waivers-are-current"])
def test_what_the_plan_or_a_waiver_breaks_is_told_of_the_stack(rule: str, broken: Previewed) -> None:
    level = "advisory" if rule == "no-whole-gpu-where-a-slice-fits" else "mandatory"
    assert broken.levels.get(rule) == level, broken.output
    assert "elsewhere-test" in broken.subjects[rule]
    assert broken.levels["waivers-are-told"] == "advisory"


def test_an_environment_that_cannot_be_planned_stops_whatever_program_has_it(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    found = previewed(tmp_path, toolchain, [], IMPOSSIBLE)
    assert found.status != 0
    assert found.levels["kv-cache-has-room"] == "mandatory"


def test_in_dev_security_is_advice_tags_are_added_and_gpu_pools_scale_to_zero(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    kept = pool("kept", minCount=1, **{"tags/inference-stack-idle-reason": "Nobody waits."})
    untagged = storage("baduntagged", publicNetworkAccess="Enabled", tags={"owner": "data"})
    found = previewed(tmp_path, toolchain, [kept, untagged], ENVIRONMENT, "dev")
    wanted = {"storage-closed": "advisory", "gpu-pools-scale-to-zero": "mandatory"}
    assert wanted.items() <= found.levels.items(), found.output
    assert "[remediate]  required-tags" in found.output, found.output
    assert "is required and is not there" not in found.output
