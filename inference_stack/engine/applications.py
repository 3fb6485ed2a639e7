"""The fields of a Ray Serve configuration (`serveConfigV2`) that we set, as Ray 2.60.0 names them.

Ray's own schema ignores keys that it does not know, so these models refuse them.
"""

from collections.abc import Mapping
from typing import Any, Literal

import yaml
from pydantic import Field, JsonValue, PositiveInt

from inference_stack.spec.libyaml import DUMPER

from .document import mapping
from .model import Emitted

BUILDER = "serving.app:build"
"""What builds every application that we emit, from the arguments of either of the next two."""
OPENAI_APP = "ray.serve.llm:build_openai_app"
"""Builds an application of models, each with replicas that read prompts and write answers."""
PD_APP = "ray.serve.llm:build_pd_openai_app"
"""Builds an application of one model, with replicas that read prompts and others that write answers."""

SIDES = ("prefill_config", "decode_config")
"""Arguments of `PD_APP` that say how prompts are read, and how answers are written."""

POLICY = "serving.autoscaling:LLMAutoscaling"
"""The autoscaling policy that every model gets of which the plan knows what is asked."""
UPSCALE_DELAY_S, DOWNSCALE_DELAY_S = 10.0, 30.0
"""Ray's delays around that policy, which keeps replicas by itself: only against a single odd report."""

DRAIN_S = 120
"""How long a replica that is taken away may finish the requests it has, in seconds.

Ray's own 20 s cut off streams that were still writing."""


class AutoscalingPolicy(Emitted):
    """What decides how many replicas there are."""

    policy_function: str = Field(description="Where the policy lies, `module:Class`.")
    policy_kwargs: dict[str, JsonValue] = Field(description="Its settings.")


class AutoscalingConfig(Emitted):
    """Bounds and pace of the number of replicas."""

    min_replicas: int = Field(ge=0, description="Replicas kept when nobody asks for anything.")
    max_replicas: PositiveInt = Field(description="Replicas at peak.")
    # Ray Serve LLM sets 1e9 where this is left out, and then nothing ever scales: no default here.
    target_ongoing_requests: PositiveInt = Field(
        description="Requests a replica should have, running and queued; more add one. A policy ignores it."
    )
    upscale_delay_s: float | None = Field(default=None, ge=0, description="None: Ray's 30 s.")
    downscale_delay_s: float | None = Field(default=None, ge=0, description="None: Ray's 600 s.")
    policy: AutoscalingPolicy | None = Field(default=None, description="None: Ray's own, by the target.")


class RayActorOptions(Emitted):
    """What a replica's own process takes from a Ray node."""

    num_cpus: int = Field(ge=0, description="Ray CPUs.")
    resources: dict[str, float] = Field(default_factory=dict, description="Ray resources by name.")


class RequestRouterConfig(Emitted):
    """How a request finds one of the replicas; left out, it goes to the less busy of two."""

    request_router_class: str = Field(description="Where the router lies, `module.Class`.")
    request_router_kwargs: dict[str, JsonValue] = Field(description="Its settings.")


class DeploymentConfig(Emitted):
    """How Ray Serve runs the replicas of a deployment."""

    autoscaling_config: AutoscalingConfig
    # As above: 1e9 where left out, and then one replica takes every request there is.
    max_ongoing_requests: PositiveInt = Field(description="Requests that one replica may have at once.")
    max_queued_requests: PositiveInt | None = Field(
        default=None, description="Requests that may wait at each caller; more are refused. None: any number."
    )
    graceful_shutdown_timeout_s: int = Field(
        default=DRAIN_S, ge=0, description="Time for a replica that goes to finish its requests, seconds."
    )
    ray_actor_options: RayActorOptions
    request_router_config: RequestRouterConfig | None = None


class ModelLoadingConfig(Emitted):
    """Which checkpoint, and what clients call it."""

    model_id: str = Field(description="What clients put into `model`.")
    model_source: str = Field(description="Hugging Face id, folder in the image, or cloud URI.")


class LoraConfig(Emitted):
    """Where adapters are found; a client asks for `<model_id>:<folder>`."""

    # Ray refuses a local path here.
    dynamic_lora_loading_path: str = Field(
        pattern=r"^(s3|gs|abfss|azure)://", description="Cloud folder that holds one folder an adapter."
    )
    max_num_adapters_per_replica: PositiveInt = Field(description="Adapters that a replica keeps loaded.")


class PlacementGroupConfig(Emitted):
    """What each vLLM worker of a replica takes from a Ray node, and how they lie together."""

    bundle_per_worker: dict[str, int | float] = Field(description="Ray resources of one worker, by name.")
    strategy: Literal["PACK", "STRICT_PACK"] = Field(description="STRICT_PACK: all on one Ray node.")


class RuntimeEnv(Emitted):
    """The environment of a replica's processes."""

    env_vars: dict[str, str] = Field(description="Environment variables. Never a secret: this is readable.")


class LLMConfig(Emitted):
    """One model as Ray Serve LLM runs it."""

    model_loading_config: ModelLoadingConfig
    accelerator_type: str | None = Field(
        default=None,
        description="Ray's name of the GPU: asks for the node resource `accelerator_type:<name>`.",
    )
    engine_kwargs: dict[str, JsonValue] = Field(description="vLLM engine arguments.")
    lora_config: LoraConfig | None = None
    placement_group_config: PlacementGroupConfig
    deployment_config: DeploymentConfig
    runtime_env: RuntimeEnv


class Serving(Emitted):
    """What our application takes beside what Ray's takes."""

    admission: dict[str, dict[str, JsonValue]] = Field(
        description="By model: what is let in, as `serving.admission.AdmissionSettings` has it."
    )


class LLMServingArgs(Emitted):
    """Arguments of Ray's OpenAI application, and ours."""

    llm_configs: tuple[LLMConfig, ...] = Field(min_length=1)
    ingress_deployment_config: DeploymentConfig
    serving: Serving


class PDServingArgs(Emitted):
    """Arguments of Ray's OpenAI application of one model whose prompts are read apart, and ours."""

    prefill_config: LLMConfig
    decode_config: LLMConfig
    ingress_deployment_config: DeploymentConfig
    serving: Serving


class Application(Emitted):
    """One Serve application."""

    name: str
    route_prefix: str
    import_path: str = Field(description="What builds the application: `module:function`.")
    args: LLMServingArgs | PDServingArgs


class ServeConfig(Emitted):
    """The whole of `serveConfigV2`."""

    applications: tuple[Application, ...] = Field(min_length=1)

    def to_yaml(self) -> str:
        """The configuration as Ray reads it; the same text for the same content."""
        content = self.model_dump(mode="json", exclude_none=True)
        return yaml.dump(content, Dumper=DUMPER, sort_keys=False, default_flow_style=False, width=110)


def builder_of(application: Mapping[str, Any]) -> str | None:
    """Which builder an application amounts to; of ours, Ray's that takes the same arguments.

    None where nobody says what builds it.
    """
    path = application.get("import_path")
    if path == BUILDER:
        arguments = mapping(application, "args")
        return PD_APP if any(side in arguments for side in SIDES) else OPENAI_APP
    return path if isinstance(path, str) else None
