"""What a cluster that was there before the stack has in it already."""

import hashlib
from typing import Any

import yaml
from lightkube import Client, KubeConfig
from lightkube.codecs import from_dict
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition

from localcloud.cluster.layout import Layout, write_private

_AUTHOR = "localcloud"


def furnish(layout: Layout) -> None:
    """Apply the manifests of a control plane that is ready, unless the same ones were applied before."""
    texts = [file.read_text() for file in sorted(layout.manifests.glob("*.yaml"))]
    digest = hashlib.sha256("".join(texts).encode()).hexdigest()
    if not texts or (layout.furnished.exists() and layout.furnished.read_text() == digest):
        return
    client = Client(KubeConfig.from_file(layout.kubeconfig), trust_env=False, field_manager=_AUTHOR)
    for text in texts:
        # A definition is a megabyte of YAML: half a minute for the loader that is written in Python.
        manifests: list[dict[str, Any]] = [one for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one]
        for manifest in manifests:
            client.apply(from_dict(manifest), force=True)
            if manifest["kind"] == "CustomResourceDefinition":
                name = manifest["metadata"]["name"]
                client.wait(CustomResourceDefinition, name, for_conditions=["Established"])
    write_private(layout.furnished, digest)
