"""The digests of images, asked of a real registry and put into an environment's file."""

import difflib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from inference_stack.spec import Images, load, read
from localcloud.cluster.commands import Command
from localcloud.cluster.processes import Child
from localcloud.digests import written
from localcloud.toolchain import Tool, Toolchain
from tests.cluster.live import eventually
from tests.gateway.proxy import LOOPBACK, free_port

pytestmark = pytest.mark.e2e

SETTINGS = """\
config:
  inference-stack:environment:
    region: swedencentral
    storage_account: acmeweights

    # One mirror for all.
    images:
      registry: REGISTRY
      serving: acme.azurecr.io/serving # ours
      envoy: docker.io/envoyproxy/envoy:distroless-v1.39.1 # looked at on Monday
      kuberay_operator: quay.io/kuberay/operator@sha256:PINNED

    pools:
      - name: slices
        sku: Standard_NC40ads_H100_v5
        mig: { profile: MIG2g }
        nodes: { max: 2 }
    models:
      - name: copilot
        source: Qwen/Qwen2.5-7B-Instruct
        context_tokens: 8192
        replicas: { max: 1 }
        placement: { pool: slices }
"""
PINNED = "a" * 64
ASKED = ("device_plugin", "dcgm_exporter", "envoy_gateway", "envoy")
"""Images that are not pinned in that file, but for ours."""


class Registry:
    """A registry that keeps everything in memory."""

    def __init__(self, crane: Path, folder: Path) -> None:
        self._crane, self._folder = crane, folder
        self.mirror = f"{LOOPBACK}:{free_port()}/mirror"
        address = self.mirror.partition("/")[0]
        command = Command(
            name="registry", program=crane, arguments=("registry", "serve", "--address", address)
        )
        self._child = Child(command, folder / "registry.log")
        eventually("a registry that answers", lambda: _answers(f"http://{address}/v2/"), within_s=30)

    def push(self, reference: str) -> None:
        """An image that is like no other."""
        layer = self._folder / "layer.tar"
        with tarfile.open(layer, "w") as packed:
            packed.addfile(tarfile.TarInfo(reference.replace("/", "-")))
        asked = [self._crane, "append", "--new_layer", layer, "--new_tag", reference]
        subprocess.run(asked, check=True, capture_output=True)

    def has(self, reference: str) -> bool:
        """Whether it serves an image, tag or digest."""
        asked = [self._crane, "manifest", reference]
        return subprocess.run(asked, check=False, capture_output=True).returncode == 0

    def stop(self) -> None:
        self._child.stop()


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url).is_success
    except httpx2.TransportError:
        return False


@pytest.fixture
def registry(toolchain: Toolchain, tmp_path: Path) -> Iterator[Registry]:
    running = Registry(toolchain.path(Tool.CRANE), tmp_path)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def settings(registry: Registry, tmp_path: Path) -> Path:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(SETTINGS.replace("REGISTRY", registry.mirror).replace("PINNED", PINNED))
    return file


def images(file: Path) -> Images:
    return load(read(file).data, file=str(file)).images


def digests(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "localcloud", "digests", "--file", str(file), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_a_registry_has_is_named_by_its_digest_and_the_rest_of_the_file_stays(
    registry: Registry, settings: Path
) -> None:
    before, text = images(settings), settings.read_text()
    for key in ASKED:
        registry.push(before.pulled(getattr(before, key)))
    told = digests(settings, "--json")
    assert told.returncode == 0, told.stderr
    assert settings.read_text() == text
    known = {each["key"]: each["digest"] for each in json.loads(told.stdout)}
    assert known.pop("images.kuberay_operator") is None
    assert len({*known.values()}) == len(known) == len(ASKED)

    assert digests(settings, "--write").returncode == 0
    after = images(settings)
    for key in ASKED:
        assert getattr(after, key) == f"{getattr(before, key)}@{known[f'images.{key}']}"
        assert registry.has(after.pulled(getattr(after, key)))
        assert not registry.has(after.pulled(getattr(after, key))[:-1] + "x")
    assert (after.serving, after.kuberay_operator) == (before.serving, before.kuberay_operator)
    changed = [
        line
        for line in difflib.ndiff(text.splitlines(), settings.read_text().splitlines())
        if line.startswith("-")
    ]
    assert changed == ["-       envoy: docker.io/envoyproxy/envoy:distroless-v1.39.1 # looked at on Monday"]
    assert "# looked at on Monday" in settings.read_text()
    again = digests(settings, "--write")
    assert (again.returncode, images(settings)) == (0, after)


def test_images_that_no_registry_has_are_told_all_at_once_and_nothing_is_written(
    registry: Registry, settings: Path
) -> None:
    before = settings.read_text()
    there, *absent = ASKED
    registry.push(images(settings).pulled(getattr(images(settings), there)))
    told = digests(settings, "--write")
    assert told.returncode == 1
    for key in absent:
        assert f"images.{key} = {registry.mirror}/" in told.stderr
    assert f"images.{there}" not in told.stderr
    assert settings.read_text() == before


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  inference-stack:environment:\n    region: x\n",
        "config:\n  inference-stack:environment:\n    images:\n      envoy: b # why\n    region: x\n",
        "config:\n  inference-stack:environment:\n    region: x\n    images: # all\n        arm64: true",
        "config:\n  inference-stack:environment:\n    images:\n    region: x\n",
        "config:\n  inference-stack:environment:\n    images:\n      arm64: true\n\n      envoy: b\n",
    ],
)
def test_a_value_lands_where_it_belongs_whatever_stands_there(text: str) -> None:
    made = yaml.safe_load(written(text, {"envoy": "a@sha256:b"}))["config"]["inference-stack:environment"]
    given = yaml.safe_load(text)["config"]["inference-stack:environment"]
    assert made == {**given, "images": {**(given.get("images") or {}), "envoy": "a@sha256:b"}}


def test_a_section_on_one_line_is_refused() -> None:
    text = "config:\n  inference-stack:environment:\n    images: { arm64: true }\n"
    with pytest.raises(ValueError, match="on one line"):
        written(text, {"envoy": "a"})
