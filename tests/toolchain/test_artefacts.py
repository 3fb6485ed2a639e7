import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.toolchain import Tool, Toolchain
from localcloud.toolchain.artefact import escaped

RENDER = """package main

import (
	"os"
	"text/template"
)

func main() {
	for _, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		if err := template.Must(template.New(file).Parse(string(text))).Execute(os.Stdout, nil); err != nil {
			panic(err)
		}
	}
}
"""


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Go's own template engine, which is Helm's."""
    folder = tmp_path_factory.mktemp("render")
    (folder / "main.go").write_text(RENDER)
    subprocess.run([str(shutil.which("go")), "build", "-o", "render", "main.go"], cwd=folder, check=True)
    return folder / "render"


def rendered(renderer: Path, *templates: Path) -> str:
    return subprocess.run([renderer, *templates], capture_output=True, text=True, check=True).stdout


def chart(toolchain: Toolchain, name: str) -> Path:
    return toolchain.path(Tool.KUBERAY_CHARTS) / name


def documents(toolchain: Toolchain) -> dict[str, dict[str, Any]]:
    """Templates of the operator's chart by kind; a template expression is a plain string in them."""
    found: dict[str, dict[str, Any]] = {}
    for template in chart(toolchain, "kuberay-operator").glob("templates/*.yaml"):
        for document in yaml.safe_load_all(template.read_text()):
            found[document["kind"]] = document
    return found


def test_every_definition_is_a_template_that_renders_to_itself(toolchain: Toolchain, renderer: Path) -> None:
    definitions = sorted(toolchain.path(Tool.KUBERAY_CRDS).glob("*.yaml"))
    templates = sorted(chart(toolchain, "kuberay-crds").glob("templates/*.yaml"))
    assert [path.name for path in templates] == [path.name for path in definitions]
    assert [path.name.removeprefix("ray.io_") for path in definitions] == [
        *("rayclusters.yaml", "raycronjobs.yaml", "rayjobs.yaml", "rayservices.yaml")
    ]
    assert rendered(renderer, *templates) == "".join(path.read_text() for path in definitions)


@pytest.mark.parametrize("text", ["{{ .Values.x }}", "{{{ a }}", 'b: "{{"', "}} {{- x -}}", "{{/* c */}}"])
def test_braces_in_a_definition_survive_rendering(text: str, tmp_path: Path, renderer: Path) -> None:
    (tmp_path / "template").write_text(escaped(text))
    assert rendered(renderer, tmp_path / "template") == text


def test_both_charts_carry_the_version_of_the_operator(toolchain: Toolchain) -> None:
    for name in ("kuberay-crds", "kuberay-operator"):
        header = yaml.safe_load((chart(toolchain, name) / "Chart.yaml").read_text())
        assert (header["name"], header["version"], header["apiVersion"]) == (name, "1.6.1", "v2")


def test_the_operators_image_is_a_value_whose_default_is_the_published_one(toolchain: Toolchain) -> None:
    container = documents(toolchain)["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
    values = yaml.safe_load((chart(toolchain, "kuberay-operator") / "values.yaml").read_text())
    assert values["image"]["tag"] == "v1.6.1"
    assert values["image"]["repository"].endswith("kuberay/operator")


def test_the_operator_lives_in_the_namespace_of_the_release(toolchain: Toolchain) -> None:
    found = documents(toolchain)
    namespaced = {kind for kind, document in found.items() if "namespace" in document["metadata"]}
    assert namespaced == {"Deployment", "Role", "RoleBinding", "Service", "ServiceAccount"}
    assert set(found) - namespaced == {"ClusterRole", "ClusterRoleBinding"}
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        assert found[kind]["subjects"] == [
            {"kind": "ServiceAccount", "name": "kuberay-operator", "namespace": "{{ .Release.Namespace }}"}
        ]


def test_kwoks_stages_bring_nodes_and_pods_to_life(toolchain: Toolchain) -> None:
    stages = list(yaml.safe_load_all(toolchain.path(Tool.KWOK_STAGES).read_text()))
    assert {stage["kind"] for stage in stages} == {"Stage"}
    assert [stage["metadata"]["name"] for stage in stages] == [
        *("node-initialize", "node-heartbeat-with-lease", "pod-ready", "pod-complete", "pod-delete")
    ]
