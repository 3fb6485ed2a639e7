"""One environment: from what `Pulumi.<env>.yaml` asks for, to a plan, to components."""

import gc
from datetime import date
from pathlib import Path

import pulumi

from components.stack import InferenceStack
from inference_stack.planner import plan_environment
from inference_stack.report import text
from inference_stack.spec import InvalidEnvironment

# What the imports made stays to the end. Walking through it at every collection is a fifth of a preview.
gc.freeze()

stack = pulumi.get_stack()
file = Path(__file__).with_name(f"Pulumi.{stack}.yaml")
try:
    plan = plan_environment(
        pulumi.Config().require_object("environment"),
        name=stack,
        file=file.name,
        text=file.read_text() if file.exists() else None,
        today=date.today(),
    )
    pulumi.info(text(plan, width=100))
    platform = InferenceStack(stack, plan)
except InvalidEnvironment as wrong:
    raise pulumi.RunError(f"\n{wrong}") from None

pulumi.export("cluster", platform.cluster_name)
pulumi.export("resource_group", platform.resource_group_name)
pulumi.export("kubeconfig", platform.kubeconfig)
if platform.anyscale_services:
    pulumi.export("anyscale_services", platform.anyscale_services)
