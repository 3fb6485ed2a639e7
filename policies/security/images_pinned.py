"""What runs tomorrow is what was looked at today."""

import re
from collections.abc import Iterator

from policies.context import Context
from policies.images import WITH_IMAGES, images
from policies.kinds import mcsb
from policies.rule import Violation, rule
from policies.seen import Seen

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


@rule(
    demand="Images are named by digest.",
    why="A tag can be moved to another image; a node that pulls it again runs what nobody has looked at.",
    remedy="write the digest behind the tag, …:2.60.0-py312-cu130@sha256:…; `make digests` asks for it",
    on=WITH_IMAGES,
    references=[mcsb("DS-6"), mcsb("PV-2")],
)
def images_pinned(holder: Seen, _: Context) -> Iterator[Violation]:
    """Images that are named by a tag alone."""
    for path, image in images(holder):
        if not DIGEST.search(image):
            yield Violation(path, image, "may be another image tomorrow", f"{image}@sha256:…")
