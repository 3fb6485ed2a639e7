"""A RayService that a test changes in one place, and what is then wrong with it."""

from collections.abc import Callable
from typing import Any

import yaml

from inference_stack.engine import check_ray_service
from inference_stack.spec import Finding, Severity

APPLICATION = "spec.serveConfigV2.applications[0]"


def faults(manifest: Any) -> list[Finding]:
    """What is wrong with a manifest, advice aside."""
    return [finding for finding in check_ray_service(manifest) if finding.severity is not Severity.NOTE]


Edit = Callable[[Callable[[dict[str, Any]], object]], list[Any]]
"""Change the first application of a Serve configuration, and check the whole."""


def editor(manifest: dict[str, Any]) -> Edit:
    def edit(change: Callable[[dict[str, Any]], object]) -> list[Any]:
        config = yaml.safe_load(manifest["spec"]["serveConfigV2"])
        change(config["applications"][0])
        manifest["spec"]["serveConfigV2"] = yaml.safe_dump(config)
        return faults(manifest)

    return edit
