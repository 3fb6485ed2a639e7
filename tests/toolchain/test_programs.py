import subprocess
from pathlib import Path

import pytest

from localcloud.toolchain import Tool, Toolchain


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        (Tool.PULUMI, ["version"], "v3.274.1"),
        (Tool.LANGUAGE_PYTHON, ["-version"], "3.274.1"),
        (Tool.KUBE_APISERVER, ["--version"], "Kubernetes v1.35.4"),
        (Tool.KUBE_SCHEDULER, ["--version"], "Kubernetes v1.35.4"),
        (Tool.KUBE_CONTROLLER_MANAGER, ["--version"], "Kubernetes v1.35.4"),
        (Tool.ETCD, ["--version"], "etcd Version: 3.6.14"),
        (Tool.KWOK, ["--version"], "kwok version v0.8.0"),
        (Tool.ACTIONLINT, ["-version"], "v1.7.12"),
    ],
)
def test_a_program_runs_and_reports_the_pinned_version(
    tool: Tool, arguments: list[str], says: str, toolchain: Toolchain
) -> None:
    done = subprocess.run(
        [toolchain.path(tool), *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith(says)


@pytest.mark.parametrize("tool", [Tool.KUBERAY_OPERATOR, Tool.LANGUAGE_YAML])
def test_a_program_without_a_version_flag_runs_at_least(tool: Tool, toolchain: Toolchain) -> None:
    done = subprocess.run(
        [toolchain.path(tool), "-h"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr.startswith("Usage of ")


def test_the_kubernetes_provider_is_a_plugin_of_the_version_that_the_python_sdk_asks_for(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    done = subprocess.run(
        [toolchain.path(Tool.PULUMI), "plugin", "ls"],
        env={**toolchain.environment(), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert any(line.split()[:3] == ["kubernetes", "resource", "4.34.2"] for line in done.stdout.splitlines())
