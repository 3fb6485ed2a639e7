"""The components as a plugin, for stacks in any language."""

import sys
from importlib.metadata import version

from pulumi.provider import main

from components.cluster import Cluster
from components.environment_stack import InferenceStack
from components.gpu_node_pool import GpuNodePool
from components.kuberay import KubeRay
from components.package import Package
from components.ray_serve import RayServe

OFFERED = [InferenceStack, Cluster, GpuNodePool, KubeRay, RayServe]
"""Each may be used alone, also on a cluster that is there already."""


def package() -> Package:
    """What is offered, in the version that is installed."""
    return Package(OFFERED, "inference-stack", version("inference-stack"))


if __name__ == "__main__":
    main(package(), sys.argv[1:])
