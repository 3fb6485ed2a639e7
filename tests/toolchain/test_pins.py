import json
from importlib.metadata import version
from pathlib import Path

import pytest

from localcloud.toolchain import Tool
from localcloud.toolchain.pins import PINS, Artefact, Binary, Npm, Pin


def required(pin: Pin) -> str:
    return (pin.sources / "go.mod").read_text()


def test_every_tool_is_pinned_exactly_once() -> None:
    assert sorted(pin.tool for pin in (*PINS.binary, *PINS.artefact, *PINS.npm)) == sorted(Tool)


@pytest.mark.parametrize(
    "pin", [pin for pin in PINS.of(Tool) if not isinstance(pin, Npm)], ids=lambda pin: pin.tool
)
def test_a_pinned_version_is_the_one_that_its_go_mod_resolves(pin: Pin) -> None:
    module = {
        Tool.LANGUAGE_PYTHON: "github.com/pulumi/pulumi/sdk/v3",
        Tool.PULUMI: "github.com/pulumi/pulumi/pkg/v3",
        Tool.LANGUAGE_YAML: "github.com/pulumi/pulumi-yaml",
        Tool.EGCTL: "github.com/envoyproxy/gateway",
        Tool.ACTIONLINT: "github.com/rhysd/actionlint",
        Tool.DOCKERFILE_PLAN: "github.com/moby/buildkit",
        Tool.PROMETHEUS: "github.com/prometheus/prometheus",
        Tool.PROMTOOL: "github.com/prometheus/prometheus",
        Tool.KWOK: "sigs.k8s.io/kwok",
        Tool.CRANE: "github.com/google/go-containerregistry",
        Tool.ETCD: "go.etcd.io/etcd/server/v3",
        Tool.KUBERAY_OPERATOR: "github.com/ray-project/kuberay/ray-operator",
        # The one version of it that is published as a module; which release it reports is decided here.
        Tool.PROVIDER_KUBERNETES: "github.com/pulumi/pulumi-kubernetes/provider/v4",
    }.get(pin.tool) or (pin.module if isinstance(pin, Artefact) else "k8s.io/kubernetes")
    resolved = {
        Tool.PROVIDER_KUBERNETES: "4.0.0-20260115033456-f47bc2d6f199",
        # Prometheus 3.16.0 is v0.316.0 as a module.
        Tool.PROMETHEUS: "0.316.0",
        Tool.PROMTOOL: "0.316.0",
    }.get(pin.tool, pin.version)
    assert f"{module} v{resolved}" in required(pin)


@pytest.mark.parametrize("pin", PINS.npm, ids=lambda pin: pin.tool)
def test_a_program_of_node_is_locked_by_name_version_and_hash_alone(pin: Npm) -> None:
    locked = json.loads((pin.sources / "package-lock.json").read_text())["packages"]
    root = locked.pop("")
    assert root["dependencies"] == {pin.tool: pin.version}
    assert locked[f"node_modules/{pin.tool}"]["version"] == pin.version
    assert all(package["integrity"].startswith("sha512-") for package in locked.values())
    assert "://" not in (pin.sources / "package-lock.json").read_text()


def test_providers_answer_to_the_versions_of_the_installed_python_packages() -> None:
    kubernetes = next(pin for pin in PINS.binary if pin.tool is Tool.PROVIDER_KUBERNETES)
    assert kubernetes.version == version("pulumi-kubernetes")
    assert {provider.package: provider.version for provider in PINS.python_provider} == {
        "azure-native": version("pulumi-azure-native")
    }


def test_what_decides_the_outcome_decides_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    etcd = next(pin for pin in PINS.binary if pin.tool is Tool.ETCD)
    sources = tmp_path / "etcd"
    sources.mkdir()
    for file in etcd.sources.iterdir():
        (sources / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(Binary, "sources", property(lambda _: sources))
    before = etcd.folder_name()
    (sources / "go.sum").write_text((sources / "go.sum").read_text() + "\n")
    assert etcd.folder_name() != before


def test_a_new_measurement_rebuilds_nothing() -> None:
    etcd = next(pin for pin in PINS.binary if pin.tool is Tool.ETCD)
    measured_again = etcd.model_copy(update={"cold_s": 1.0, "packages": 1, "size_mb": 1, "go_caches_mb": 1})
    assert measured_again.folder_name() == etcd.folder_name()
    assert etcd.model_copy(update={"variables": {"a": "b"}}).folder_name() != etcd.folder_name()


def test_the_scheduler_is_built_after_the_api_server_whose_packages_it_shares() -> None:
    order = [pin.tool for pin in PINS.of([Tool.KUBE_SCHEDULER, Tool.KUBE_APISERVER])]
    assert order == [Tool.KUBE_APISERVER, Tool.KUBE_SCHEDULER]
