"""Charts of Envoy Gateway, out of the files of its module."""

import base64
import gzip
from pathlib import Path

import yaml

from components.gateway_names import CERTIFICATES_LABELS, CONTROLLER_LABELS, XDS_PORT
from localcloud.toolchain import Tool, Toolchain
from localcloud.toolchain.pins import PINS

MOST_OF_A_SECRET = 1024**2


def folder(toolchain: Toolchain, name: str) -> Path:
    return toolchain.path(Tool.ENVOY_GATEWAY_CHARTS) / name


def test_helm_can_keep_the_release_of_the_definitions_in_one_secret(toolchain: Toolchain) -> None:
    templates = sorted(folder(toolchain, "envoy-gateway-crds").glob("templates/*.yaml"))
    text = b"".join(file.read_bytes() for file in templates)
    # A release holds the chart, its templates in base64, and the manifest that came out of them.
    kept = base64.b64encode(gzip.compress(base64.b64encode(text) + text))
    assert len(kept) < MOST_OF_A_SECRET


def test_every_definition_that_we_ask_for_something_by_is_there(toolchain: Toolchain) -> None:
    found = {
        (definition["spec"]["group"], definition["spec"]["names"]["kind"])
        for file in folder(toolchain, "envoy-gateway-crds").glob("templates/*.yaml")
        for definition in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader)
    }
    group = "gateway.networking.k8s.io"
    assert {(group, kind) for kind in ("GatewayClass", "Gateway", "HTTPRoute", "ReferenceGrant")} < found
    kinds = ("EnvoyProxy", "SecurityPolicy", "BackendTrafficPolicy", "ClientTrafficPolicy", "HTTPRouteFilter")
    assert {("gateway.envoyproxy.io", kind) for kind in kinds} < found


def test_both_charts_carry_the_version_of_the_controller(toolchain: Toolchain) -> None:
    (pin,) = PINS.of([Tool.ENVOY_GATEWAY_CHARTS])
    for name in ("envoy-gateway-crds", "envoy-gateway"):
        header = yaml.safe_load((folder(toolchain, name) / "Chart.yaml").read_text())
        assert (header["name"], header["version"]) == (name, pin.version)
        assert "dependencies" not in header
    values = yaml.safe_load((folder(toolchain, "envoy-gateway") / "values.yaml").read_text())
    assert values["global"]["images"]["envoyGateway"]["image"].endswith(f":v{pin.version}")
    assert any(port["port"] == XDS_PORT for port in values["deployment"]["ports"])


def test_the_pods_of_the_controller_have_the_labels_that_others_know_them_by(toolchain: Toolchain) -> None:
    templates = folder(toolchain, "envoy-gateway") / "templates"
    deployment = (templates / "envoy-gateway-deployment.yaml").read_text()
    assert f"control-plane: {CONTROLLER_LABELS['control-plane']}" in deployment
    assert f"app: {CERTIFICATES_LABELS['app']}" in (templates / "certgen.yaml").read_text()
