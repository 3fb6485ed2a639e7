"""The Python language host under the real engine: programs, policies, components, generated SDKs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from localcloud.toolchain import Tool, Toolchain

COMPONENT = """
    from typing import Optional, TypedDict
    import pulumi
    from pulumi.provider.experimental import component_provider_host

    class PairArgs(TypedDict):
        left: pulumi.Input[str]

    class Pair(pulumi.ComponentResource):
        both: pulumi.Output[str]
        def __init__(self, name: str, args: PairArgs, opts: Optional[pulumi.ResourceOptions] = None):
            super().__init__("pair:index:Pair", name, {}, opts)
            self.both = pulumi.Output.concat(args["left"], "-right")
            self.register_outputs({"both": self.both})

    component_provider_host(name="pair", components=[Pair])
"""
CONFIG_MAP = """
    import pulumi
    import pulumi_kubernetes as kubernetes

    first = kubernetes.core.v1.ConfigMap("first", metadata={"name": "first"})
    provider = kubernetes.Provider("provider", kubeconfig=first.id)
    kubernetes.core.v1.ConfigMap(
        "second", metadata={"name": "second"}, opts=pulumi.ResourceOptions(provider=provider)
    )
"""
PACK = """
    import pulumi
    from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

    def no_forbidden_name(args, report):
        if args.props.get("metadata", {}).get("name") == pulumi.Config("probe").require("forbidden"):
            report(f"{args.name} is forbidden in {pulumi.get_stack()}")

    PolicyPack(
        name="pack",
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=[ResourceValidationPolicy("no-forbidden-name", "No.", no_forbidden_name)],
    )
"""
SLEEPING = """
    import pathlib, time
    pathlib.Path("running").touch()
    time.sleep(120)
"""


@dataclass(frozen=True)
class Workplace:
    """Folders of Pulumi projects that share one file backend; `.venv` in it is the tests' own environment."""

    folder: Path
    toolchain: Toolchain

    @property
    def variables(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.toolchain.environment(),
            "PULUMI_BACKEND_URL": f"file://{self.folder}",
            "PULUMI_CONFIG_PASSPHRASE": "x",
            "KUBECONFIG": str(self.folder / "none"),
            "NO_COLOR": "1",
        }

    def python(self, name: str, kind: str, program: str, virtualenv: str = "../.venv") -> Path:
        project = self.folder / name
        project.mkdir()
        header = (
            f"name: {name}\n" if kind == "Pulumi" else "version: 0.0.1\n" if kind == "PulumiPolicy" else ""
        )
        runtime = f"runtime: {{name: python, options: {{toolchain: pip, virtualenv: {virtualenv}}}}}\n"
        (project / f"{kind}.yaml").write_text(header + runtime)
        (project / "__main__.py").write_text(dedent(program))
        return project

    def start(self, project: Path, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.toolchain.path(Tool.PULUMI), *arguments, "--non-interactive"],
            cwd=project,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, project: Path, *arguments: str) -> tuple[int, str]:
        process = self.start(project, *arguments)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    def preview(self, project: Path, *arguments: str) -> tuple[int, str]:
        status, said = self.run(project, "stack", "init", "dev")
        assert status == 0, said
        return self.run(project, "preview", *arguments)

    def processes(self) -> list[list[str]]:
        """Command lines of everything that still runs for this folder."""
        mine: list[list[str]] = []
        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or []
            if any(str(self.folder) in part for part in command):
                mine.append(command)
        return mine


@pytest.fixture
def workplace(tmp_path: Path, toolchain: Toolchain) -> Workplace:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return Workplace(tmp_path, toolchain)


def test_what_a_program_prints_is_shown_and_its_resources_are_previewed(workplace: Workplace) -> None:
    program = 'import sys\nprint("to stdout")\nprint("to stderr", file=sys.stderr)\n'
    status, said = workplace.preview(workplace.python("probe", "Pulumi", program))
    assert status == 0
    assert "to stdout" in said
    assert "to stderr" in said
    assert "+ 1 to create" in said
    wait_until(lambda: workplace.processes() == [])


def test_a_cluster_that_is_not_known_yet_can_be_previewed(workplace: Workplace) -> None:
    status, said = workplace.preview(workplace.python("probe", "Pulumi", CONFIG_MAP))
    assert status == 0, said
    assert "+ 4 to create" in said
    assert "warning" not in said


def test_configuration_and_secrets_reach_the_program(workplace: Workplace) -> None:
    program = """
        import pulumi
        config = pulumi.Config()
        pulumi.export("plain", config.require("plain"))
        pulumi.export("hidden", config.require_secret("hidden"))
    """
    project = workplace.python("probe", "Pulumi", program)
    workplace.run(project, "stack", "init", "dev")
    workplace.run(project, "config", "set", "plain", "seen")
    workplace.run(project, "config", "set", "--secret", "hidden", "unseen")
    status, said = workplace.run(project, "up", "--yes", "--skip-preview")
    assert status == 0, said
    assert 'plain : "seen"' in said
    assert "hidden: [secret]" in said
    assert "unseen" not in said


@pytest.mark.parametrize(
    ("program", "told", "not_told"),
    [
        ('raise ValueError("odd")', 'raise ValueError("odd")', "non-zero exit code"),
        ('import pulumi\nraise pulumi.RunError("plainly wrong")', "error: plainly wrong", "Traceback"),
        ("import sys\nsys.exit(3)", "Program exited with non-zero exit code: 3", "Traceback"),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            "terminated by signal: killed",
            "Traceback",
        ),
    ],
)
def test_a_program_that_fails_fails_the_preview_in_its_own_words(
    program: str, told: str, not_told: str, workplace: Workplace
) -> None:
    status, said = workplace.preview(workplace.python("probe", "Pulumi", program))
    assert status == 1 or status == 255
    assert told in said
    assert not_told not in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("virtualenv: nowhere", "nowhere"),
        ("toolchain: conda", 'toolchain = "conda"; allowed: auto, pip, poetry, uv'),
        ("typechecker: pylint", 'typechecker = "pylint"; allowed: none, mypy, pyright'),
    ],
)
def test_an_impossible_runtime_option_is_named(options: str, told: str, workplace: Workplace) -> None:
    project = workplace.python("probe", "Pulumi", "")
    (project / "Pulumi.yaml").write_text(f"name: probe\nruntime: {{name: python, options: {{{options}}}}}\n")
    status, said = workplace.preview(project)
    assert status != 0
    assert told in said


def test_a_type_checker_that_finds_an_error_stops_the_program(workplace: Workplace) -> None:
    project = workplace.python("probe", "Pulumi", 'x: int = "a"\nprint("ran")\n')
    settings = (project / "Pulumi.yaml").read_text().replace("toolchain: pip", "typechecker: pyright")
    (project / "Pulumi.yaml").write_text(settings)
    status, said = workplace.preview(project)
    assert status != 0
    assert '"Literal[\'a\']" is not assignable to "int"' in said
    assert "ran" not in said


def test_an_interrupt_ends_the_program_and_leaves_no_process(workplace: Workplace) -> None:
    project = workplace.python("probe", "Pulumi", SLEEPING)
    workplace.run(project, "stack", "init", "dev")
    preview = workplace.start(project, "preview")
    wait_until((project / "running").exists)
    preview.send_signal(signal.SIGINT)
    preview.communicate(timeout=30)
    assert preview.returncode != 0
    wait_until(lambda: workplace.processes() == [])


def test_a_killed_engine_leaves_no_process(workplace: Workplace) -> None:
    project = workplace.python("probe", "Pulumi", SLEEPING)
    pack = workplace.python("pack", "PulumiPolicy", PACK)
    workplace.run(project, "stack", "init", "dev")
    preview = workplace.start(project, "preview", "--policy-pack", str(pack))
    wait_until((project / "running").exists)
    hosts = psutil.Process(preview.pid).children()
    preview.kill()
    preview.communicate(timeout=30)
    wait_until(lambda: workplace.processes() == [] and not any(host.is_running() for host in hosts))


def test_the_engine_learns_which_providers_the_installed_packages_need(workplace: Workplace) -> None:
    project = workplace.python("probe", "Pulumi", "")
    _, said = workplace.run(project, "about", "--json")
    about = json.loads(said[said.index("{") :])
    assert {
        plugin["name"]: plugin["version"] for plugin in about["plugins"] if plugin["kind"] == "resource"
    } == {
        "azure-native": "3.29.0",
        "kubernetes": "4.34.2",
    }
    assert about["runtime"]["executable"] == str(workplace.folder / ".venv/bin/python")


@pytest.mark.parametrize(("forbidden", "violated"), [("second", True), ("third", False)])
def test_a_mandatory_policy_fails_the_preview_only_where_it_is_violated(
    forbidden: str, violated: bool, workplace: Workplace
) -> None:
    project = workplace.python("probe", "Pulumi", CONFIG_MAP)
    pack = workplace.python("pack", "PulumiPolicy", PACK)
    workplace.run(project, "stack", "init", "dev")
    workplace.run(project, "config", "set", "forbidden", forbidden)
    status, said = workplace.run(project, "preview", "--policy-pack", str(pack))
    assert (status != 0) is violated, said
    assert ("second is forbidden in dev" in said) is violated
    assert "pack@v0.0.1" in said
    wait_until(lambda: workplace.processes() == [])


def test_a_policy_pack_that_does_not_start_says_why(workplace: Workplace) -> None:
    project = workplace.python("probe", "Pulumi", "")
    pack = workplace.python("pack", "PulumiPolicy", 'raise ValueError("odd pack")')
    status, said = workplace.preview(project, "--policy-pack", str(pack))
    assert status != 0
    assert "odd pack" in said


def test_a_python_component_serves_a_yaml_stack(workplace: Workplace) -> None:
    workplace.python("pair", "PulumiPlugin", COMPONENT)
    project = workplace.folder / "yaml"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(
        dedent("""
            name: yaml
            runtime: yaml
            plugins: {providers: [{name: pair, path: ../pair}]}
            resources: {pair: {type: "pair:index:Pair", properties: {left: left}}}
            outputs: {both: "${pair.both}"}
        """)
    )
    status, said = workplace.preview(project)
    assert status == 0, said
    assert 'both: "left-right"' in said
    wait_until(lambda: workplace.processes() == [])


def test_the_python_sdk_of_a_package_is_generated_and_can_be_imported(workplace: Workplace) -> None:
    schema = {
        "name": "pair",
        "version": "1.2.3",
        "resources": {
            "pair:index:Pair": {"isComponent": True, "inputProperties": {"left": {"type": "string"}}}
        },
    }
    (workplace.folder / "schema.json").write_text(json.dumps(schema))
    arguments = ("package", "gen-sdk", "schema.json", "--language", "python", "--out", "sdk")
    status, said = workplace.run(workplace.folder, *arguments)
    assert status == 0, said
    # As an installer would: the SDK reads its own version from there.
    metadata = workplace.folder / "sdk/python/pulumi_pair-1.2.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: pulumi_pair\nVersion: 1.2.3\n")
    importing = "import pulumi_pair; print(pulumi_pair.Pair.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", importing],
        env={**os.environ, "PYTHONPATH": str(workplace.folder / "sdk/python")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "Pair\n"


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
