"""The pods that Envoy Gateway's controller would make for its proxies, which no test here lets it make."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from components.gateway_names import PROXY_LABELS
from localcloud.toolchain.pins import BUILD_FLAGS

PROJECT = Path(__file__).parents[2]
PINNED = PROJECT / "localcloud" / "toolchain" / "go" / "envoy_gateway"
MODULE = "module github.com/envoyproxy/gateway/proxy_pods\n"
"""Below the controller's own module, whose internal packages it may use then."""


def proxy_pods(folder: Path, controller: dict[str, Any], proxy: dict[str, Any]) -> dict[str, Any]:
    """The template of the proxies' pods, by the controller's own code.

    `controller` is its configuration, an EnvoyGateway; `proxy` is the EnvoyProxy.
    """
    _, _, pinned = (PINNED / "go.mod").read_text().partition("\n")
    (folder / "go.mod").write_text(MODULE + pinned)
    shutil.copy(PINNED / "go.sum", folder)
    shutil.copy(Path(__file__).with_name("proxy_pods.go"), folder / "main.go")
    # With the flags of the toolchain, so that what was compiled for egctl is not compiled again.
    subprocess.run(["go", "build", *BUILD_FLAGS, "-ldflags=-s -w", "-o", "pods", "."], cwd=folder, check=True)  # noqa: S607
    asked = {"envoyGateway": controller, "envoyProxy": proxy, "labels": PROXY_LABELS}
    answer = subprocess.run(
        [folder / "pods"], input=json.dumps(asked), check=True, capture_output=True, text=True
    )
    return json.loads(answer.stdout)["spec"]["template"]
