"""The Dockerfile as BuildKit reads it, and what it copies as Ray would load it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_stack.engine import ServedModel, serve_config, versions
from localcloud.toolchain import Tool, Toolchain
from serving.image import ENTRIES, FOLDER, PACKAGE, contents, write

pytestmark = pytest.mark.e2e

Check = Callable[..., subprocess.CompletedProcess[str]]

PLATFORMS = ("linux/amd64", "linux/arm64")

AT_THE_END = """
import atexit, sys
OURS = ("serving", "inference_stack", "components", "localcloud")
atexit.register(lambda: print("ours:", *(
    module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] in OURS
)))
"""


def planned(toolchain: Toolchain, dockerfile: Path) -> str:
    """What BuildKit says of a Dockerfile."""
    command = [toolchain.path(Tool.DOCKERFILE_PLAN), dockerfile, *PLATFORMS]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return told.stdout or told.stderr


@pytest.fixture(scope="module")
def plans(toolchain: Toolchain) -> dict[str, Any]:
    """What ours comes to on each platform."""
    return json.loads(planned(toolchain, FOLDER / "Dockerfile"))


@pytest.fixture(scope="module")
def checked(plans: dict[str, Any]) -> Check:
    """Runs what the image runs when it is built, on a folder, with the Ray and vLLM that are here."""
    (run,) = plans["linux/amd64"]["runs"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def check(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        told = {"RAY": versions.RAY, "VLLM": versions.VLLM, "PATH": path, "PYTHONPATH": str(folder), **more}
        environment = {**os.environ, **told, "PYTHONSAFEPATH": "1"}
        return subprocess.run(
            run, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=300
        )

    return check


@pytest.mark.parametrize(("platform", "suffix"), list(zip(PLATFORMS, ("", "-aarch64"), strict=True)))
def test_each_platform_is_built_on_rays_own_image_of_the_pinned_version(
    plans: dict[str, Any], platform: str, suffix: str
) -> None:
    (base,) = plans[platform]["base"]
    tag = f"{versions.RAY}-py312-cu130{suffix}"
    assert base.partition("@")[0] == f"docker-image://docker.io/rayproject/ray-llm:{tag}"


def test_it_runs_as_the_user_of_the_pods_and_finds_the_application(plans: dict[str, Any]) -> None:
    for plan in plans.values():
        assert plan["config"]["User"] == "1000:100"
        assert "PYTHONPATH=/opt/application" in plan["config"]["Env"]
        assert plan["copies"] == [f"/opt/application/{PACKAGE}"]


def test_buildkit_has_nothing_to_say_against_it(plans: dict[str, Any]) -> None:
    assert [warning for plan in plans.values() for warning in plan["warnings"]] == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("from base-${TARGETARCH}", "ConsistentInstructionCasing"),
        ("FROM base-${TARGETARCH}\nENV API_KEY=abc", "SecretsUsedInArgOrEnv"),
        ("FROM base-${TARGETARCH}\nCOPY serving", "COPY requires at least two arguments"),
    ],
)
def test_what_buildkit_has_against_a_dockerfile_is_seen(
    toolchain: Toolchain, tmp_path: Path, line: str, says: str
) -> None:
    changed = tmp_path / "Dockerfile"
    changed.write_text(contents()["Dockerfile"].decode().replace("FROM base-${TARGETARCH}", line))
    assert says in planned(toolchain, changed)


def test_what_serve_configurations_name_is_in_it() -> None:
    model = ServedModel(
        name="copilot",
        source="Qwen/Qwen3-8B",
        group="small",
        replicas_min=0,
        replicas_max=1,
        concurrency=1,
        autoscaling={"concurrency": 1},
    )
    named = set(re.findall(r"\b(serving\.\w+):", serve_config([model]).to_yaml()))
    assert named == {"serving.app", "serving.autoscaling"}
    assert {f"{module.replace('.', '/')}.py" for module in named} <= contents().keys()


def test_its_check_refuses_another_vllm(checked: Check, tmp_path: Path) -> None:
    done = checked(tmp_path, VLLM="0.33.0")
    assert done.returncode
    assert "not ('2.60.0', '0.33.0')" in done.stderr


def test_its_check_passes_with_what_is_copied_and_nothing_else_of_ours(
    checked: Check, tmp_path: Path
) -> None:
    write(tmp_path)
    # Runs in the same interpreter when that ends: our other rooms are installed here, and not in the image.
    (tmp_path / "sitecustomize.py").write_text(AT_THE_END)
    done = checked(tmp_path)
    assert not done.returncode, done.stderr
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("ours: ")]
    copied = {str(tmp_path / path) for path in contents() if path.endswith(".py")}
    assert {str(tmp_path / PACKAGE / f"{entry}.py") for entry in ENTRIES} <= set(told.split()[1:]) <= copied
