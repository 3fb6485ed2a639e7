"""The components as a plugin, for stacks in any language."""

import sys
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from components.gpu_node_pool import GpuNodePool


class Components(ComponentProvider):
    """Pulumi's own host, except that it tells faults of arguments by path instead of by traceback."""

    def construct(self, *args: Any, **kwargs: Any) -> ConstructResult:
        """Make a component. Raises pulumi.InputPropertiesError for wrong arguments."""
        try:
            return super().construct(*args, **kwargs)
        except ComponentInitError as failed:
            if isinstance(failed.inner, pulumi.InputPropertiesError):
                raise pulumi.InputPropertiesError("wrong arguments", failed.inner.errors) from None
            raise


if __name__ == "__main__":
    main(Components([GpuNodePool], "inference-stack", None, version("inference-stack")), sys.argv[1:])
