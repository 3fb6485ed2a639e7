"""The components as a plugin, for stacks in any language."""

from importlib.metadata import version

from pulumi.provider.experimental import component_provider_host

from components.gpu_node_pool import GpuNodePool

component_provider_host(name="inference-stack", components=[GpuNodePool], version=version("inference-stack"))
