"""The images that a resource asks for."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from policies.pods import WITH_PODS, pods
from policies.seen import Seen

RELEASE = "kubernetes:helm.sh/v3:Release"
ENVOY_PROXY = "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy"
WITH_IMAGES = (*WITH_PODS, RELEASE, ENVOY_PROXY)
"""Types of the resources that ask for images. Of a chart, those that its values name."""


def images(resource: Seen) -> Iterator[tuple[str, str]]:
    """Every image of a resource once, with the path where it stands first."""
    first: dict[str, str] = {}
    for path, image in _named(resource):
        first.setdefault(image, path)
    yield from ((path, image) for image, path in first.items())


def _named(resource: Seen) -> Iterator[tuple[str, str]]:
    if resource.type in (RELEASE, ENVOY_PROXY):
        place = "values" if resource.type == RELEASE else "spec"
        yield from _in_values(resource.get(place), place)
        return
    for pod in pods(resource):
        for path, container in pod.containers:
            yield f"{path}.image", str(container.get("image") or "")


def _in_values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Whatever charts call an image: a reference, or a repository and a tag that may hold the digest too."""
    if not isinstance(value, Mapping):
        return
    for name, inner in cast("Mapping[str, Any]", value).items():
        here = f"{path}.{name}"
        if name == "image" and isinstance(inner, str) and inner:
            yield here, inner
        elif name == "image" and isinstance(inner, Mapping) and inner.get("repository"):
            yield here, f"{inner['repository']}:{inner.get('tag') or ''}"
        else:
            yield from _in_values(inner, here)


def registry_of(image: str) -> str:
    """The registry that an image comes from: without a host in its name, Docker Hub."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named else "docker.io"
