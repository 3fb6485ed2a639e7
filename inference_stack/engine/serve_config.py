"""What Ray Serve is told of the models of a plan: which application, on which workers, scaled by what."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, PositiveInt, model_validator

from .applications import (
    BUILDER,
    DOWNSCALE_DELAY_S,
    POLICY,
    UPSCALE_DELAY_S,
    Application,
    AutoscalingConfig,
    AutoscalingPolicy,
    DeploymentConfig,
    LLMConfig,
    LLMServingArgs,
    LoraConfig,
    ModelLoadingConfig,
    PDServingArgs,
    PlacementGroupConfig,
    RayActorOptions,
    RequestRouterConfig,
    RuntimeEnv,
    ServeConfig,
    Serving,
)
from .model import Emitted

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

PREFIX_ROUTER = "ray.serve.llm.request_router.PrefixCacheAffinityRouter"

KV_CONNECTOR = "NixlConnector"
"""How the KV cache goes from where a prompt is read to where its answer is written: NIXL, over UCX.

Its side channel needs no setting: Ray gives each replica the address of its own pod and a port by its rank,
20000 and up on one side, 22000 and up on the other."""


class Adapters(Emitted):
    """The LoRA adapters of a model."""

    path: str = Field(description="Cloud folder that holds one folder an adapter, s3, gs, abfss or azure.")
    count: PositiveInt = Field(description="Adapters that a replica keeps loaded.")


class ServedModel(Emitted):
    """What the engine must know of one model; the plan has decided it."""

    name: str = Field(description="What clients put into `model`.")
    source: str = Field(description="Hugging Face id, folder in the image, or cloud URI.")
    group: str = Field(description="Worker group that it runs on.")
    accelerator_type: str | None = Field(default=None, description="Ray's name of the GPU, if it has one.")
    units: PositiveInt = Field(default=1, description="GPUs or slices that one replica spans.")
    share: float = Field(default=1, gt=0, le=1, description="Part of its only unit that a replica takes.")
    replicas_min: int = Field(ge=0)
    replicas_max: PositiveInt
    concurrency: PositiveInt = Field(description="Requests that one replica works on at the same time.")
    start_budget_s: PositiveInt = Field(
        default=START_BUDGET_S, description="From its process to a loaded model, at most, seconds."
    )
    engine: dict[str, JsonValue] = Field(default_factory=dict, description="vLLM engine arguments.")
    adapters: Adapters | None = None
    routing: Literal["balanced", "prefix"] = Field(
        default="balanced", description="How a request finds its replica: by load, or by what it has read."
    )
    autoscaling: dict[str, JsonValue] | None = Field(
        default=None, description="Settings of our autoscaling policy; None leaves it to Ray's."
    )
    admission: dict[str, JsonValue] | None = Field(
        default=None, description="What is let in, as the application takes it; None for everything."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.replicas_min > self.replicas_max:
            raise ValueError(
                f"{self.name}: replicas_min {self.replicas_min} is above replicas_max {self.replicas_max}"
            )
        if self.share < 1 < self.units:
            raise ValueError(f"{self.name}: a replica of {self.units} units cannot have a part of each")
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

    @property
    def scaling(self) -> AutoscalingConfig:
        """How Ray finds the number of replicas."""
        bounds: dict[str, Any] = {
            "min_replicas": self.replicas_min,
            "max_replicas": self.replicas_max,
            # Below what a replica takes, so that the next one is on its way before this one is full.
            "target_ongoing_requests": max(1, round(0.8 * self.concurrency)),
        }
        if self.autoscaling is None:
            return AutoscalingConfig(**bounds)
        return AutoscalingConfig(
            **bounds,
            upscale_delay_s=UPSCALE_DELAY_S,
            downscale_delay_s=DOWNSCALE_DELAY_S,
            policy=AutoscalingPolicy(policy_function=POLICY, policy_kwargs=self.autoscaling),
        )


def worker_resource(group: str) -> str:
    """Ray resource that the workers of a group offer, so that a model runs there and nowhere else.

    It must not end in "gpu", whatever the group is called: KubeRay would count it as GPUs.
    """
    return f"{group}-worker"


def serve_config(models: Sequence[ServedModel], *, name: str = "llm") -> ServeConfig:
    """One OpenAI-compatible application that serves `models`."""
    return _application(
        name,
        LLMServingArgs(
            llm_configs=tuple(_llm_config(model) for model in models),
            ingress_deployment_config=_ingress(),
            serving=_serving(models),
        ),
    )


def disaggregated_config(prefill: ServedModel, decode: ServedModel, *, name: str = "llm") -> ServeConfig:
    """One OpenAI-compatible application of a model: some replicas read prompts, the others write answers.

    A request goes to a replica that writes, which has one that reads make the KV cache and fetches it. The
    two must be of one name and checkpoint; each side scales by itself.
    """
    return _application(
        name,
        PDServingArgs(
            prefill_config=_llm_config(prefill, kv_role="kv_producer"),
            decode_config=_llm_config(decode, kv_role="kv_consumer"),
            ingress_deployment_config=_ingress(),
            # Requests reach the side that writes.
            serving=_serving([decode]),
        ),
    )


def kv_transfer(role: Literal["kv_producer", "kv_consumer"]) -> dict[str, JsonValue]:
    """The engine argument by which a side of a disaggregated model hands over its cache, or takes it."""
    return {"kv_transfer_config": {"kv_connector": KV_CONNECTOR, "kv_role": role}}


def _application(name: str, arguments: LLMServingArgs | PDServingArgs) -> ServeConfig:
    application = Application(name=name, route_prefix="/", import_path=BUILDER, args=arguments)
    return ServeConfig(applications=(application,))


def _serving(models: Sequence[ServedModel]) -> Serving:
    return Serving(admission={model.name: model.admission for model in models if model.admission})


def _llm_config(
    model: ServedModel, kv_role: Literal["kv_producer", "kv_consumer"] | None = None
) -> LLMConfig:
    engine: dict[str, JsonValue] = {**model.engine, "tensor_parallel_size": model.tensor_parallel}
    if kv_role:
        engine |= kv_transfer(kv_role)
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
            bundle_per_worker={
                "GPU": 1 if model.share == 1 else model.share,
                worker_resource(model.group): 0.001,
            },
            # A replica is one pod; PACK would let tensor parallel spread over two of them.
            strategy="STRICT_PACK",
        ),
        deployment_config=DeploymentConfig(
            autoscaling_config=model.scaling,
            max_ongoing_requests=model.concurrency,
            # The first bound, by number. What waits in vain is told so, and the last in line still gets its
            # turn in about the time of two answers; the ingress counts tokens besides.
            max_queued_requests=model.concurrency * model.replicas_max,
            # Its GPUs alone decide where a replica runs: workers offer no CPU.
            ray_actor_options=RayActorOptions(num_cpus=0),
            request_router_config=_prefix_router(model) if model.routing == "prefix" else None,
        ),
        runtime_env=RuntimeEnv(env_vars=_variables(model)),
    )


def _variables(model: ServedModel) -> dict[str, str]:
    named = {
        "RAYLLM_ENGINE_START_TIMEOUT_S": str(model.start_budget_s),
        "VLLM_ENGINE_READY_TIMEOUT_S": str(model.start_budget_s),
    }
    if model.share < 1:
        # Ray tells vLLM only where it makes the configuration, not where workers start.
        named["VLLM_RAY_PER_WORKER_GPUS"] = f"{model.share:g}"
    return named


def _prefix_router(model: ServedModel) -> RequestRouterConfig:
    """To the replica that has read most of a prompt before, unless it has far more to do than another.

    Left to Ray, the longest queue keeps its prompts whatever the others do, and what was read is kept in
    memory for ever. Half of what a replica takes as the difference allowed is ours; nobody has measured it.
    """
    return RequestRouterConfig(
        request_router_class=PREFIX_ROUTER,
        request_router_kwargs={"imbalanced_threshold": max(1, model.concurrency // 2), "do_eviction": True},
    )


def _ingress() -> DeploymentConfig:
    """The ingress on the head, which is there anyway: with every model at zero, no worker is kept for it.

    Left to Ray it asks for a CPU, which is not there for it.
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
