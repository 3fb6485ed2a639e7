"""Makes Envoy Gateway's charts out of the files of its module."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

IMAGE = "docker.io/envoyproxy/gateway"
CHARTS = {"envoy-gateway": "gateway-helm", "envoy-gateway-crds": "gateway-crds-helm"}
"""Our name of a chart, by that of the module."""


def write_charts(version: str, module: Path, folder: Path) -> None:
    """Write both charts, with the version in place of what a release of theirs fills in."""
    for ours, theirs in CHARTS.items():
        source, chart = module / "charts" / theirs, folder / ours
        (chart / "templates").mkdir(parents=True)
        header = yaml.safe_load((source / "Chart.yaml").read_text())
        header |= {"name": ours, "version": version, "appVersion": f"v{version}"}
        # The definitions that it depends on are the other chart.
        header.pop("dependencies", None)
        (chart / "Chart.yaml").write_text(yaml.safe_dump(header, sort_keys=False))
    _write_controller(version, module / "charts" / CHARTS["envoy-gateway"], folder / "envoy-gateway")
    source = module / "charts" / CHARTS["envoy-gateway-crds"] / "templates"
    for definition in _definitions(source):
        name = definition["metadata"]["name"]
        text = yaml.dump(definition, Dumper=yaml.CSafeDumper, sort_keys=False)
        (folder / "envoy-gateway-crds" / "templates" / f"{name}.yaml").write_text(
            text.replace("{{", '{{ "{{" }}')
        )


def _write_controller(version: str, source: Path, chart: Path) -> None:
    for template in sorted((source / "templates").iterdir()):
        if template.suffix in (".yaml", ".tpl"):
            (chart / "templates" / template.name).write_text(template.read_text())
    values = (source / "values.tmpl.yaml").read_text()
    filled = values.replace("${GatewayImagePullPolicy}", "IfNotPresent")
    (chart / "values.yaml").write_text(filled.replace("${GatewayImage}", f"{IMAGE}:v{version}"))


def _definitions(templates: Path) -> Iterator[dict[str, Any]]:
    """Those of Gateway API's standard channel and of Envoy Gateway, without descriptions.

    Helm keeps a release in one Secret, of at most 1 MiB, which they would exceed.
    """
    files = [templates / "standard-gatewayapi-crds.yaml", *sorted((templates / "generated").glob("*.yaml"))]
    for file in files:
        text = "\n".join(line for line in file.read_text().splitlines() if not line.startswith("{{"))
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
            if document and document["kind"] == "CustomResourceDefinition":
                yield _terse(document)


def _terse(part: Any) -> Any:
    if isinstance(part, list):
        return [_terse(each) for each in part]
    if isinstance(part, dict):
        # A property that is called description is a schema, and stays.
        return {
            name: _terse(value)
            for name, value in part.items()
            if name != "description" or not isinstance(value, str)
        }
    return part
