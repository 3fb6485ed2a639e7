"""The whole stack of an environment that is handed over as arguments, for stacks in any language."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

import pulumi

from components import stack
from components.arguments import refused
from inference_stack.planner import plan_environment
from inference_stack.spec import Environment, InvalidEnvironment


class InferenceStackArgs(TypedDict):
    """What a whole stack needs."""

    environment: Environment
    """Required. What is asked for, as `inference-stack:environment` of Pulumi.<env>.yaml has it."""


class InferenceStack(stack.InferenceStack):
    """Foundation, cluster, GPU pools, KubeRay and the Ray Serve services of an environment."""

    # Pulumi looks for descriptions in the class itself.
    cluster_name: pulumi.Output[str]
    """Name of the AKS cluster."""
    resource_group_name: pulumi.Output[str]
    """Resource group of the environment."""
    kubeconfig: pulumi.Output[str]
    """Kubeconfig of a user of the cluster; secret."""
    anyscale_services: dict[str, Any]
    """By name, what Anyscale's command deploys, under its runtime."""

    def __init__(
        self, name: str, args: InferenceStackArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Plan the environment, then register everything that the plan says.

        Raises pulumi.InputPropertiesError with everything that is wrong with it.
        """
        # It comes as the plain data that a section is made of.
        asked = cast("Mapping[str, Any]", args["environment"])
        try:
            plan = plan_environment(asked, name=name, file=name)
            super().__init__(name, plan, opts)
        except InvalidEnvironment as wrong:
            raise refused(wrong.findings, "environment") from None
