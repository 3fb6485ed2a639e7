"""The Ray Serve configuration (`serveConfigV2`), for the fields of Ray 2.60.0 that we set.

Ray's own schema ignores keys that it does not know, so these models refuse them.
"""

from collections.abc import Sequence
from typing import Literal, Self

import yaml
from pydantic import Field, JsonValue, PositiveInt, model_validator

from .model import Emitted

DRAIN_S = 120
"""How long a replica that is taken away may finish the requests it has, in seconds.

Ray's own 20 s cut off streams that were still writing."""

START_BUDGET_S = 3600
"""How long a replica may take from its process to a loaded model where no plan says it, in seconds: as Ray.

vLLM alone gives up after 600 s, too soon for a large model's weights over a network."""

HEAD_RESOURCE = "node:__internal_head__"
"""Ray resource that only the head offers."""

INGRESS_TARGET_REQUESTS = 200
INGRESS_MAX_REQUESTS = 1000
"""Requests that one ingress replica is asked to pass on at once, and at most.

Ray uses 1000 for a router of its own; nobody has measured the target."""
INGRESS_MAX_REPLICAS = 2
"""What a head of 8 GiB holds: an ingress replica takes 1.1 GiB as soon as it has imported vLLM."""


class AutoscalingConfig(Emitted):
    """Bounds and pace of the number of replicas."""

    min_replicas: int = Field(ge=0, description="Replicas kept when nobody asks for anything.")
    max_replicas: PositiveInt = Field(description="Replicas at peak.")
    # Ray Serve LLM sets 1e9 where this is left out, and then nothing ever scales: no default here.
    target_ongoing_requests: PositiveInt = Field(
        description="Requests a replica should have, running and queued; more of them add a replica."
    )


class RayActorOptions(Emitted):
    """What a replica's own process takes from a Ray node."""

    num_cpus: int = Field(ge=0, description="Ray CPUs.")
    resources: dict[str, float] = Field(default_factory=dict, description="Ray resources by name.")


class DeploymentConfig(Emitted):
    """How Ray Serve runs the replicas of a deployment."""

    autoscaling_config: AutoscalingConfig
    # As above: 1e9 where left out, and then one replica takes every request there is.
    max_ongoing_requests: PositiveInt = Field(description="Requests that one replica may have at once.")
    graceful_shutdown_timeout_s: int = Field(
        default=DRAIN_S, ge=0, description="Time for a replica that goes to finish its requests, seconds."
    )
    ray_actor_options: RayActorOptions | None = None


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


class LLMServingArgs(Emitted):
    """Arguments of Ray's OpenAI application."""

    llm_configs: tuple[LLMConfig, ...] = Field(min_length=1)
    ingress_deployment_config: DeploymentConfig


class Application(Emitted):
    """One Serve application."""

    name: str
    route_prefix: str
    import_path: str = Field(description="What builds the application: `module:function`.")
    args: LLMServingArgs


class ServeConfig(Emitted):
    """The whole of `serveConfigV2`."""

    applications: tuple[Application, ...] = Field(min_length=1)

    def to_yaml(self) -> str:
        """The configuration as Ray reads it; the same text for the same content."""
        content = self.model_dump(mode="json", exclude_none=True)
        return yaml.safe_dump(content, sort_keys=False, default_flow_style=False, width=110)


class Adapters(Emitted):
    """The LoRA adapters of a model."""

    path: str = Field(description="Cloud folder that holds one folder an adapter, s3, gs, abfss or azure.")
    count: PositiveInt = Field(description="Adapters that a replica keeps loaded.")


class ServedModel(Emitted):
    """What the engine must know of one model; the plan has decided it."""

    name: str = Field(description="What clients put into `model`.")
    source: str = Field(description="Hugging Face id, folder in the image, or cloud URI.")
    pool: str = Field(description="Worker group that it runs on.")
    accelerator_type: str | None = Field(default=None, description="Ray's name of the GPU, if it has one.")
    units: PositiveInt = Field(default=1, description="GPUs or slices that one replica spans.")
    replicas_min: int = Field(ge=0)
    replicas_max: PositiveInt
    concurrency: PositiveInt = Field(description="Requests that one replica works on at the same time.")
    start_budget_s: PositiveInt = Field(
        default=START_BUDGET_S, description="From its process to a loaded model, at most, seconds."
    )
    engine: dict[str, JsonValue] = Field(default_factory=dict, description="vLLM engine arguments.")
    adapters: Adapters | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.replicas_min > self.replicas_max:
            raise ValueError(
                f"{self.name}: replicas_min {self.replicas_min} is above replicas_max {self.replicas_max}"
            )
        given = self.engine.get("tensor_parallel_size", self.tensor_parallel)
        if given != self.tensor_parallel or self.units % self.stages:
            raise ValueError(
                f"{self.name}: engine.tensor_parallel_size is {given} in {self.stages} stages, "
                f"and a replica has {self.units} units"
            )
        return self

    @property
    def stages(self) -> int:
        """Pipeline stages of a replica."""
        return int(str(self.engine.get("pipeline_parallel_size", 1)))

    @property
    def tensor_parallel(self) -> int:
        """Units of a stage."""
        return self.units // self.stages


def worker_resource(pool: str) -> str:
    """Ray resource that the workers of a pool offer, so that a model runs there and nowhere else.

    It must not end in "gpu", whatever the pool is called: KubeRay would count it as GPUs.
    """
    return f"{pool}-worker"


def serve_config(models: Sequence[ServedModel], *, name: str = "llm") -> ServeConfig:
    """One OpenAI-compatible application that serves `models`, made by the builder in the stock Ray image."""
    return ServeConfig(
        applications=(
            Application(
                name=name,
                route_prefix="/",
                import_path="ray.serve.llm:build_openai_app",
                args=LLMServingArgs(
                    llm_configs=tuple(_llm_config(model) for model in models),
                    ingress_deployment_config=_ingress(),
                ),
            ),
        )
    )


def _llm_config(model: ServedModel) -> LLMConfig:
    engine: dict[str, JsonValue] = {**model.engine, "tensor_parallel_size": model.tensor_parallel}
    if model.adapters:
        # Ray loads adapters only into an engine that was told to expect them.
        engine["enable_lora"] = True
    return LLMConfig(
        model_loading_config=ModelLoadingConfig(model_id=model.name, model_source=model.source),
        accelerator_type=model.accelerator_type,
        engine_kwargs=dict(sorted(engine.items())),
        lora_config=model.adapters
        and LoraConfig(
            dynamic_lora_loading_path=model.adapters.path,
            max_num_adapters_per_replica=model.adapters.count,
        ),
        placement_group_config=PlacementGroupConfig(
            bundle_per_worker={"GPU": 1, worker_resource(model.pool): 0.001},
            # A replica is one pod; PACK would let tensor parallel spread over two of them.
            strategy="STRICT_PACK",
        ),
        deployment_config=DeploymentConfig(
            autoscaling_config=AutoscalingConfig(
                min_replicas=model.replicas_min,
                max_replicas=model.replicas_max,
                # Below what a replica takes, so that the next one is on its way before this one is full.
                target_ongoing_requests=max(1, round(0.8 * model.concurrency)),
            ),
            max_ongoing_requests=model.concurrency,
        ),
        runtime_env=RuntimeEnv(
            env_vars={
                "RAYLLM_ENGINE_START_TIMEOUT_S": str(model.start_budget_s),
                "VLLM_ENGINE_READY_TIMEOUT_S": str(model.start_budget_s),
            }
        ),
    )


def _ingress() -> DeploymentConfig:
    """The ingress on the head, which is there anyway: with every model at zero, no worker is kept for it.

    Left to Ray it asks for a CPU, which the head does not offer, and would wake a GPU node to have one.
    """
    return DeploymentConfig(
        autoscaling_config=AutoscalingConfig(
            min_replicas=1,
            max_replicas=INGRESS_MAX_REPLICAS,
            target_ongoing_requests=INGRESS_TARGET_REQUESTS,
        ),
        max_ongoing_requests=INGRESS_MAX_REQUESTS,
        ray_actor_options=RayActorOptions(num_cpus=0, resources={HEAD_RESOURCE: 0.001}),
    )
