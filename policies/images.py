"""The images that a resource asks for."""

from collections.abc import Iterator

from policies.pods import WITH_PODS, pods
from policies.seen import Seen

RELEASE = "kubernetes:helm.sh/v3:Release"
WITH_IMAGES = (*WITH_PODS, RELEASE)
"""Types of the resources that ask for images. Of a chart, those that its values name."""


def images(resource: Seen) -> Iterator[tuple[str, str]]:
    """Every image of a resource once, with the path where it stands first."""
    first: dict[str, str] = {}
    for path, image in _named(resource):
        first.setdefault(image, path)
    yield from ((path, image) for image, path in first.items())


def _named(resource: Seen) -> Iterator[tuple[str, str]]:
    if resource.type == RELEASE:
        image = resource.get("values.image", {})
        if image.get("repository"):
            # KubeRay's chart knows no digest of its own; one stands in the tag: v1.6.1@sha256:…
            yield "values.image", f"{image['repository']}:{image.get('tag') or ''}"
        return
    for pod in pods(resource):
        for path, container in pod.containers:
            yield f"{path}.image", str(container.get("image") or "")


def registry_of(image: str) -> str:
    """The registry that an image comes from: without a host in its name, Docker Hub."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else "docker.io"
