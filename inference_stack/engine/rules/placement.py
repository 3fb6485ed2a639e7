"""What Ray and vLLM want of the placement group of a model's workers."""

from collections.abc import Iterator

from inference_stack.engine.document import mapping, number
from inference_stack.spec import Severity

from .deployment import LLM
from .model_use import ModelUse
from .rule import Fault, Rule, rule

PLACEMENT = "placement_group_config"
PLACEMENT_SOURCE = "ray 2.60.0, ray/llm/_internal/common/placement.py: PlacementGroupConfig"
EXECUTOR = "vllm 0.29.0, vllm/v1/executor/ray_utils.py: initialize_ray_cluster"
PER_WORKER = "VLLM_RAY_PER_WORKER_GPUS"


@rule(
    "placement-unclear",
    Severity.ERROR,
    states="A placement group is said for each worker or in full.",
    reference=f"{PLACEMENT_SOURCE}.validate_bundle_options",
)
def _placement_unclear(use: ModelUse) -> Iterator[Fault]:
    placed = mapping(use.config, PLACEMENT)
    said = [key for key in ("bundle_per_worker", "bundles") if placed.get(key) is not None]
    if isinstance(use.config.get(PLACEMENT), dict) and len(said) != 1:
        yield Fault(
            path=PLACEMENT,
            given=" and ".join(said) or None,
            what="Ray Serve LLM refuses a placement group "
            + ("that is said twice" if said else "without bundles"),
            allowed="one of bundle_per_worker and bundles",
        )


@rule(
    "bundles-too-few",
    Severity.ERROR,
    states="There is a bundle with a GPU for each worker: tensor times pipeline parallel.",
    reference=EXECUTOR,
)
def _bundles_too_few(use: ModelUse) -> Iterator[Fault]:
    with_gpu = sum((number(bundle.get("GPU")) or 0) > 0 for bundle in use.bundles)
    written = mapping(use.config, PLACEMENT).get("bundles")
    if use.kind == "gpu" and isinstance(written, list) and written and with_gpu < use.workers:
        yield Fault(
            path=f"{PLACEMENT}.bundles",
            given=f"{with_gpu} with a GPU",
            what=f"vLLM starts {use.workers} workers and refuses to put them into so few bundles",
            allowed=f"{use.workers} bundles with a GPU; or bundle_per_worker",
        )


@rule(
    "bundle-of-many-gpus",
    Severity.ERROR,
    states="No bundle has more than one GPU.",
    reference=EXECUTOR,
)
def _bundle_of_many_gpus(use: ModelUse) -> Iterator[Fault]:
    key = "bundle_per_worker" if "bundle_per_worker" in mapping(use.config, PLACEMENT) else "bundles"
    most = max(((number(bundle.get("GPU")) or 0) for bundle in use.bundles), default=0)
    if most > 1:
        yield Fault(
            path=f"{PLACEMENT}.{key}",
            given=f"{most:g} GPUs in one bundle",
            what="vLLM refuses more than one GPU in a bundle: each worker has its own",
            allowed="1, with tensor_parallel_size for the number of workers",
        )


@rule(
    "nested-placement-group",
    Severity.ERROR,
    states="A replica's own process takes no GPU beside those of its workers.",
    reference=f"{LLM}/core/server/llm_server.py: _merge_replica_actor_and_child_actor_bundles; ray#59064",
)
def _nested_placement_group(use: ModelUse) -> Iterator[Fault]:
    taken = use.replica.get("GPU", 0)
    if taken and use.kind == "gpu":
        yield Fault(
            path="deployment_config.ray_actor_options.num_gpus",
            given=f"{taken:g}",
            what="the replica's own process would take it beside the GPUs of its workers: vLLM then finds "
            "more than one GPU in the first bundle, or none left",
            remedy="leave it out: the workers ask for GPUs by themselves",
        )


@rule(
    "fractional-gpu-unsaid",
    Severity.ERROR,
    states="vLLM is told of the part of a GPU that a bundle has.",
    reference="vllm 0.29.0, vllm/v1/executor/ray_executor.py: VLLM_RAY_PER_WORKER_GPUS; ray 2.60.0 sets it "
    "where the configuration is made, not where workers start",
)
def _fractional_gpu_unsaid(use: ModelUse) -> Iterator[Fault]:
    parts = {part for bundle in use.bundles if 0 < (part := number(bundle.get("GPU")) or 0) < 1}
    told = use.environment.get(PER_WORKER)
    asked = _amount(told)
    wanted = "a whole one" if asked is None else f"{asked:g}"
    for part in sorted(parts) if use.kind == "gpu" else ():
        if asked is None or asked > part:
            yield Fault(
                path=f"runtime_env.env_vars.{PER_WORKER}",
                given=None if told is None else str(told),
                what=f"a bundle has {part:g} of a GPU, and vLLM asks for {wanted} for a worker: it waits "
                "for minutes, then fails",
                allowed=f'"{part:g}"',
            )


def _amount(told: object) -> float | None:
    try:
        return float(told) if isinstance(told, str) else None
    except ValueError:
        return None


@rule(
    "accelerator-mismatch",
    Severity.ERROR,
    states="The type of accelerator and the bundles name the same hardware.",
    reference=f"{LLM}/core/configs/llm_config.py: LLMConfig._check_accelerator_type_matches_hardware",
)
def _accelerator_mismatch(use: ModelUse) -> Iterator[Fault]:
    named = use.config.get("accelerator_type")
    topology = mapping(use.config, "accelerator_config").get("topology")
    if not isinstance(named, str):
        if use.kind == "tpu" and topology:
            yield Fault(
                path="accelerator_type",
                what="Ray Serve LLM needs it beside a topology of TPUs",
            )
        return
    implied = "tpu" if named.startswith("TPU") else "gpu"
    if use.kind != implied:
        yield Fault(
            path="accelerator_type",
            given=named,
            what=f"Ray Serve LLM takes the bundles to be of a {use.kind.upper()}, and refuses this type",
            remedy=f"ask for a {implied.upper()} in the bundles, or leave the type out",
        )


placement_rules: tuple[Rule[ModelUse], ...] = (
    _placement_unclear,
    _bundles_too_few,
    _bundle_of_many_gpus,
    _nested_placement_group,
    _fractional_gpu_unsaid,
    _accelerator_mismatch,
)
