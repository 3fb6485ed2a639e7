"""Charts and images: from one place each, and from the mirror where there is one."""

from collections.abc import Iterator

from inference_stack.spec.environment import Environment
from inference_stack.spec.faults import shown
from inference_stack.spec.finding import Finding, Severity
from inference_stack.spec.sources import Charts, ChartSource, Images

from .rules import readable, under


def source_findings(environment: Environment) -> Iterator[Finding]:
    """Contradictions about where charts and images come from."""
    yield from readable(_image(environment))
    for name in Charts.model_fields:
        for rule in (_chart, _mirrored):
            yield from under(f"charts.{name}", readable(rule(environment, name)))


def unpublished_findings(images: Images) -> Iterator[Finding]:
    """Why no pod could have the image of heads and workers. A plan alone needs none."""
    if not images.published:
        yield Finding(
            code="image-without-registry",
            path="images.serving",
            given=shown(images.serving),
            what="names no registry, and nobody publishes this image: no pod could start",
            allowed=f"acme.azurecr.io/{images.serving}, for example; or set images.registry",
            remedy="`make image` builds it and pushes it there",
        )


def _source(environment: Environment, name: str) -> ChartSource:
    return getattr(environment.charts, name)


def _image(environment: Environment) -> Iterator[Finding]:
    images = environment.images
    name = images.serving.partition("@")[0].rpartition("/")[2]
    if name in ("ray", "ray-llm", "ray-ml"):
        yield Finding(
            code="image-of-ray",
            path="images.serving",
            given=shown(images.serving),
            what="is where Ray's own images lie, and they do not have the application",
            allowed="a repository of yours, for example acme.azurecr.io/inference-serving",
            remedy="`make image` builds it on Ray's and pushes it there",
        )


def _chart(environment: Environment, name: str) -> Iterator[Finding]:
    source = _source(environment, name)
    folder = source.chart.startswith((".", "/"))
    reference = source.chart.startswith("oci://")
    if (folder or reference) and source.repository is not None:
        yield Finding(
            code="chart-repository-not-wanted",
            path="repository",
            given=shown(source.repository),
            what=f"does not go with {'a folder' if folder else 'an oci:// reference'}",
            allowed="nothing here, or a plain chart name in `chart`",
        )
    if not folder and not reference and source.repository is None:
        yield Finding(
            code="chart-without-repository",
            path="chart",
            given=shown(source.chart),
            what="is a plain name, and there is no `repository` to look it up in",
            allowed="a name with `repository`, an oci:// reference, or a folder such as ./charts/name",
        )
    if folder and source.version is not None:
        yield Finding(
            code="chart-version-not-wanted",
            path="version",
            given=shown(source.version),
            what="does not go with a folder, whose Chart.yaml has the version",
            allowed="nothing here",
        )


def _mirrored(environment: Environment, name: str) -> Iterator[Finding]:
    mirror, source = environment.images.registry, _source(environment, name)
    if mirror is None or source.repository is None:
        return
    # Charts are fetched where `pulumi up` runs, which may reach more than the cluster does.
    if mirror.partition("/")[0] not in source.repository:
        yield Finding(
            code="chart-outside-mirror",
            severity=Severity.WARNING,
            path="repository",
            given=shown(source.repository),
            what=f"is not in the mirror {mirror}, from which every image comes",
            allowed=f"oci://{mirror}/… in `chart`, or a folder, which `make charts` writes",
        )
