"""What became of arguments that vLLM no longer has."""

import pytest

from inference_stack.engine.arguments import departed, engine_version, history, known_versions
from inference_stack.engine.arguments.argument import release
from inference_stack.engine.arguments.difference import changes
from inference_stack.engine.rules import EngineUse
from inference_stack.engine.rules.types import argument_field

PINNED, NEWER = engine_version("0.29.0"), engine_version("0.33.0")


@pytest.mark.parametrize(
    "name",
    # What people still write, by the notes on vLLM 0.29.0.
    [
        *("num_scheduler_steps", "swap_space", "use_v2_block_manager", "speculative_model", "task", "device"),
        *("guided_decoding_backend", "rope_scaling", "rope_theta", "disable_log_requests"),
        *("max_seq_len_to_capture", "preemption_mode", "cuda_graph_sizes"),
    ],
)
def test_what_people_still_write_is_told_with_a_remedy(name: str) -> None:
    found = departed(name, PINNED)
    assert found
    assert found.remedy


def test_a_field_that_is_gone_is_refused_with_its_remedy() -> None:
    use = EngineUse(PINNED, {"compilation_config": {"level": 3, "moad": 3}})
    level, moad = argument_field.findings(use)
    assert (level.path, level.remedy) == ("compilation_config.level", "write compilation_config.mode")
    assert "since 0.18.0" in level.what
    assert moad.remedy is None


def test_a_name_that_vllm_takes_or_never_took_has_no_history() -> None:
    assert departed("max_model_len", PINNED) is None
    assert departed("max_num_seq", PINNED) is None


def test_what_a_later_version_drops_is_not_gone_before() -> None:
    assert departed("enable_bf16x3_router_gemm", PINNED) is None
    assert departed("enable_bf16x3_router_gemm", NEWER)


def test_an_argument_that_only_releases_between_had_is_gone_from_those_after_alone() -> None:
    assert departed("enable_mamba_fine_grained_prefix_cache", PINNED) is None
    assert departed("enable_mamba_fine_grained_prefix_cache", NEWER)


def test_everything_that_a_known_version_dropped_is_told() -> None:
    gone = [change for change in changes(PINNED, NEWER) if change.kind in ("removed", "renamed")]
    assert {change.name for change in gone} >= {"enable_bf16x3_router_gemm", "kv_transfer_config.kv_rank"}
    assert [change.name for change in gone if not change.remedy] == []


@pytest.mark.parametrize("name", history())
def test_a_departed_argument_is_in_no_known_version_after_it_and_its_heir_is(name: str) -> None:
    found = history()[name]
    assert release(found.until) < release(found.version)
    assert (found.kind == "renamed") == (found.to is not None)
    for version in map(engine_version, known_versions()):
        if release(version.version) < release(found.version):
            continue
        assert version.find(name) is None
        assert found.to is None or version.find(found.to)
