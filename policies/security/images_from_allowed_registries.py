"""Images come from where somebody has looked at them."""

from collections.abc import Iterator, Sequence

from policies.context import Context
from policies.images import RELEASE, WITH_IMAGES, images, registry_of
from policies.kinds import cis_aks, mcsb
from policies.rule import Violation, rule
from policies.seen import Seen

OCI = "oci://"


@rule(
    demand="Images and charts come from registries that the organisation allows.",
    why="What a public registry serves was checked by nobody here, and may be gone when a node needs it.",
    remedy="mirror it, and name the mirror under images.registry or governance.registries",
    on=WITH_IMAGES,
    references=[cis_aks("5.1.4"), mcsb("PV-2"), mcsb("AM-2")],
)
def images_from_allowed_registries(holder: Seen, context: Context) -> Iterator[Violation]:
    """Images and charts from elsewhere, or from anywhere where no registry is allowed by name."""
    allowed = _allowed(context)
    told = ", ".join(allowed) or "none: name one under governance.registries"
    for path, image in images(holder):
        if registry_of(image) not in allowed:
            yield Violation(path, image, f"comes from {registry_of(image)}", told)
    chart = str(holder.get("chart", "")) if holder.type == RELEASE else ""
    repository = holder.get("repositoryOpts.repo")
    if repository or (chart.startswith(OCI) and registry_of(chart.removeprefix(OCI)) not in allowed):
        yield Violation("chart", repository or chart, "is a chart from elsewhere", f"{told}; or a folder")


def _allowed(context: Context) -> Sequence[str]:
    if context.governance.registries:
        return context.governance.registries
    images = vars(context.environment).get("images") if context.environment else None
    return [registry_of(f"{images.registry}/image")] if images and images.registry else []
