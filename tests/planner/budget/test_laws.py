"""What holds for every model, GPU and setting."""

from dataclasses import replace
from functools import cache

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from inference_stack.catalog import CATALOG
from inference_stack.planner.case import resolve_model
from inference_stack.planner.engine_defaults import batch
from inference_stack.planner.memory.budget import fits, longest, memory
from inference_stack.planner.memory.limits import indivisible
from inference_stack.planner.memory.sharing import share_together, with_share
from inference_stack.planner.replica import Engine, Replica, Silicon
from inference_stack.planner.silicon import silicon

GPUS = ("A100-SXM-80GB", "H100-NVL-94GB", "H100-SXM-80GB", "H200-SXM-141GB", "GB200-186GB", "L40S-48GB")
SLICES = ("1g.12gb", "2g.24gb", "3g.47gb", "7g.94gb")
"""By memory. 4g.47gb has that of 3g.47gb, and keeps a little more of it for its multiprocessors."""
VERSIONS = ("0.16.0", "0.19.0", "0.22.0", "0.27.1", "0.29.0")


@cache
def unit(gpu: str, mig: str | None = None) -> Silicon:
    return silicon(gpu, mig=mig)


@st.composite
def replicas(draw: st.DrawFn, gpus: tuple[str, ...] = GPUS) -> Replica:
    """A catalog model on some GPU, the engine set somehow."""
    model, layout = resolve_model(draw(st.sampled_from(sorted(CATALOG.models))))
    chosen = unit(draw(st.sampled_from(gpus)))
    context = draw(st.integers(min_value=256, max_value=model.max_position_embeddings))
    tokens, seqs = batch(chosen, context)
    engine = Engine(
        max_model_len=context,
        max_num_batched_tokens=draw(st.sampled_from((tokens, 512, 2048, 16384))),
        max_num_seqs=draw(st.sampled_from((seqs, 1, 16, 256))),
        gpu_memory_utilization=draw(st.sampled_from((0.5, 0.8, 0.9, 0.92, 0.95))),
        kv_cache_dtype=draw(st.sampled_from(("auto", "fp8"))),
        version=draw(st.sampled_from(VERSIONS)),
        enforce_eager=draw(st.booleans()),
        max_loras=draw(st.sampled_from((0, 2))),
        max_lora_rank=16,
    )
    return Replica(model, layout, chosen, engine, draw(st.sampled_from((1, 2, 4, 8))))


law = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def on_memory(replica: Replica, gib: float) -> Replica:
    return replace(replica, silicon=replace(replica.silicon, memory_gib=gib))


def with_engine(replica: Replica, **changed: object) -> Replica:
    return replace(replica, engine=replace(replica.engine, **changed))  # pyright: ignore[reportArgumentType]


@law
@given(replicas(), st.floats(min_value=1, max_value=200))
def test_more_memory_never_fits_less(replica: Replica, more: float) -> None:
    small, large = memory(replica), memory(on_memory(replica, replica.silicon.memory_gib + more))
    assert large.kv_gib > small.kv_gib
    assert large.kv_tokens >= small.kv_tokens
    assert large.fits or not small.fits


@law
@given(replicas(gpus=("H100-NVL-94GB",)))
def test_a_smaller_slice_never_holds_more(replica: Replica) -> None:
    single = replace(replica, tensor_parallel=1)
    held = [memory(replace(single, silicon=unit("H100-NVL-94GB", mig))).kv_tokens for mig in SLICES]
    assert held == sorted(held)
    assert held[-1] <= memory(single).kv_tokens


@law
@given(replicas(), st.floats(min_value=0.1, max_value=1))
def test_a_longer_context_never_gives_more_concurrency(replica: Replica, part: float) -> None:
    shorter = with_engine(replica, max_model_len=max(16, int(replica.engine.max_model_len * part)))
    assert memory(shorter).max_concurrency >= memory(replica).max_concurrency
    assert memory(shorter).fits or not memory(replica).fits


@law
@given(replicas())
def test_more_units_never_leave_each_less_for_the_cache(replica: Replica) -> None:
    # From one unit to two the buffers of communication come; from there on only weights are dealt out.
    assume(replica.tensor_parallel < 8)
    wider = replace(replica, tensor_parallel=2 * replica.tensor_parallel)
    assume(indivisible(replica) is None and indivisible(wider) is None)
    bought = 3.0 if replica.tensor_parallel == 1 else 0.5
    assert memory(wider).kv_gib >= memory(replica).kv_gib - bought
    assert memory(wider).weights_gib <= memory(replica).weights_gib


@law
@given(replicas())
def test_parts_and_cache_add_up_to_what_was_requested(replica: Replica) -> None:
    held = memory(replica)
    parts = held.weights_gib + held.prepared_gib + held.activation_gib + held.non_torch_gib
    parts += held.adapters_gib + held.draft_gib
    graphs = held.cudagraph_gib if held.graphs_reserved else 0.0
    assert abs(parts + graphs + held.kv_gib - held.requested_gib) < 1e-6
    assert held.kv_low_gib < held.kv_gib < held.kv_high_gib


@law
@given(replicas())
def test_the_longest_context_fits_and_one_token_more_does_not(replica: Replica) -> None:
    single = replace(replica, tensor_parallel=1)
    context = longest(single)
    if context:
        assert fits(single, context) or memory(single).limit is not None
    if 0 < context < single.model.max_position_embeddings and fits(single, context):
        assert not fits(single, context + 1)


@law
@given(replicas())
def test_eager_engines_and_fewer_requests_never_hold_less(replica: Replica) -> None:
    assert memory(with_engine(replica, enforce_eager=True)).kv_gib >= memory(replica).kv_gib
    fewer = with_engine(replica, max_num_seqs=max(1, replica.engine.max_num_seqs // 2))
    assert memory(fewer).kv_gib >= memory(replica).kv_gib


@law
@given(st.lists(replicas(), min_size=1, max_size=4), st.data())
def test_tenants_with_shares_of_one_gpu_never_exceed_it(tenants: list[Replica], data: st.DataObject) -> None:
    card = tenants[0].silicon
    weights = [data.draw(st.integers(min_value=1, max_value=5)) for _ in tenants]
    budgeted: list[Replica] = []
    for tenant, weight in zip(tenants, weights, strict=True):
        alone = replace(tenant, silicon=card, tensor_parallel=1)
        share = weight / sum(weights)
        held = memory(alone)
        assume(share * card.memory_gib > held.footprint_gib - held.requested_gib + 1)
        budgeted.append(with_share(alone, share))
    assert sum(memory(tenant).footprint_gib for tenant in budgeted) <= card.memory_gib
    assert share_together(budgeted)


@law
@given(replicas())
def test_the_same_question_has_the_same_answer(replica: Replica) -> None:
    again = replace(replica, silicon=replace(replica.silicon))
    assert memory(again) == memory(replica)
