"""Makes charts, definitions of resources and kwok's stages out of the files of published modules."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from localcloud.toolchain.gateway_charts import write_charts
from localcloud.toolchain.pins import Artefact
from localcloud.toolchain.tool import Tool

KWOK_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
OPERATOR_MANIFESTS = (
    "rbac/service_account.yaml",
    "rbac/role.yaml",
    "rbac/role_binding.yaml",
    "rbac/leader_election_role.yaml",
    "rbac/leader_election_role_binding.yaml",
    "manager/manager.yaml",
    "manager/service.yaml",
)
CLUSTER_SCOPED = {"ClusterRole", "ClusterRoleBinding"}
RELEASE_NAMESPACE = "{{ .Release.Namespace }}"
IMAGE = "{{ .Values.image.repository }}:{{ .Values.image.tag }}"

Document = dict[str, Any]


def make(pin: Artefact, module: Path, folder: Path) -> None:
    """Write an artefact into `folder`, out of the unpacked `module`."""
    _MAKERS[pin.tool](pin, module, folder)


def escaped(template: str) -> str:
    """Text that Helm renders back to `template`, whatever braces are in it."""
    return template.replace("{{", '{{ "{{" }}')


def _crds(_: Artefact, module: Path, folder: Path) -> None:
    for definition in _definitions(module):
        shutil.copyfile(definition, folder / definition.name)


def _charts(pin: Artefact, module: Path, folder: Path) -> None:
    _write_crds_chart(pin, module, folder / "kuberay-crds")
    _write_operator_chart(pin, module, folder / "kuberay-operator")


def _write_crds_chart(pin: Artefact, module: Path, chart: Path) -> None:
    """The definitions are templates, not in crds/: those Helm would neither upgrade nor remove."""
    _write_header(chart, pin, "Custom resource definitions of KubeRay.")
    for definition in _definitions(module):
        (chart / "templates" / definition.name).write_text(escaped(definition.read_text()))


def _write_operator_chart(pin: Artefact, module: Path, chart: Path) -> None:
    _write_header(chart, pin, "The KubeRay operator, watching every namespace.")
    (chart / "values.yaml").write_text(yaml.safe_dump({"image": _published_image(module)}, sort_keys=False))
    for manifest in OPERATOR_MANIFESTS:
        source = module / "config" / manifest
        documents = [
            _for_release(document) for document in yaml.safe_load_all(source.read_text()) if document
        ]
        (chart / "templates" / source.name).write_text(yaml.safe_dump_all(documents, sort_keys=False))


def _for_release(document: Document) -> Document:
    """A manifest with the release's namespace and image in place of the module's placeholders."""
    document = dict(document)
    metadata = {name: value for name, value in document["metadata"].items() if name != "namespace"}
    if document["kind"] not in CLUSTER_SCOPED:
        metadata["namespace"] = RELEASE_NAMESPACE
    document["metadata"] = metadata
    if "subjects" in document:
        document["subjects"] = [
            {**subject, "namespace": RELEASE_NAMESPACE} for subject in document["subjects"]
        ]
    if document["kind"] == "Deployment":
        for container in document["spec"]["template"]["spec"]["containers"]:
            container["image"] = IMAGE
    return document


def _published_image(module: Path) -> dict[str, str]:
    """The image that this version of the operator was published as."""
    kustomization = yaml.safe_load((module / "config/default/kustomization.yaml").read_text())
    image = kustomization["images"][0]
    return {"repository": image["newName"], "tag": image["newTag"]}


def _write_header(chart: Path, pin: Artefact, description: str) -> None:
    (chart / "templates").mkdir(parents=True)
    header: Mapping[str, str] = {
        "apiVersion": "v2",
        "name": chart.name,
        "description": description,
        "type": "application",
        "version": pin.version,
        "appVersion": pin.version,
    }
    (chart / "Chart.yaml").write_text(yaml.safe_dump(header, sort_keys=False))


def _definitions(module: Path) -> list[Path]:
    return sorted((module / "config/crd/bases").glob("*.yaml"))


def _stages(pin: Artefact, module: Path, folder: Path) -> None:
    """One file for kwok's --config; each stage's kustomization says which files, in what order."""
    documents: list[str] = []
    for stage in KWOK_STAGES:
        source = module / "kustomize/stage" / stage
        kustomization = yaml.safe_load((source / "kustomization.yaml").read_text())
        documents += [(source / name).read_text() for name in kustomization["resources"]]
    (folder / pin.entry).write_text("---\n".join(documents))


def _gateway_charts(pin: Artefact, module: Path, folder: Path) -> None:
    write_charts(pin.version, module, folder)


def _secrets_store(pin: Artefact, module: Path, folder: Path) -> None:
    """The one definition that AKS's secrets provider brings, and that we ask for something by."""
    source = module / "config/crd/bases/secrets-store.csi.x-k8s.io_secretproviderclasses.yaml"
    shutil.copyfile(source, folder / pin.entry)


_MAKERS: dict[Tool, Callable[[Artefact, Path, Path], None]] = {
    Tool.ENVOY_GATEWAY_CHARTS: _gateway_charts,
    Tool.KUBERAY_CHARTS: _charts,
    Tool.KUBERAY_CRDS: _crds,
    Tool.KWOK_STAGES: _stages,
    Tool.SECRETS_STORE_CRD: _secrets_store,
}
