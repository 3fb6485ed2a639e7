"""What each version of vLLM takes, as the committed files say it."""

import pytest

from inference_stack.engine import versions
from inference_stack.engine.arguments import Argument, engine_version, known_versions
from inference_stack.engine.arguments.argument import descriptions

PINNED = engine_version(versions.VLLM)


def test_versions_are_known_oldest_first_and_the_pinned_one_is_among_them() -> None:
    assert known_versions() == ("0.29.0", "0.33.0")
    assert versions.VLLM in known_versions()


def test_a_version_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(KeyError, match=r"known: 0\.29\.0, 0\.33\.0"):
        engine_version("0.12.0")


@pytest.mark.parametrize(("version", "engine", "frontend"), [("0.29.0", 237, 57), ("0.33.0", 260, 62)])
def test_a_version_has_all_of_its_arguments(version: str, engine: int, frontend: int) -> None:
    found = engine_version(version)
    assert (found.version, len(found.engine), len(found.frontend)) == (version, engine, frontend)
    assert set(found.serve) == {"api_server_count", "config", "grpc", "headless"}


@pytest.mark.parametrize("version", known_versions())
def test_an_argument_bears_the_name_under_which_it_is_found(version: str) -> None:
    def check(arguments: dict[str, Argument]) -> None:
        for name, argument in arguments.items():
            assert argument.name == name
            assert argument.kinds
            check(dict(argument.fields))

    check({**engine_version(version).options, **engine_version(version).arguments})


@pytest.mark.parametrize("version", known_versions())
def test_an_option_names_one_argument_only(version: str) -> None:
    flags = [flag for argument in engine_version(version).options.values() for flag in argument.flags]
    assert len(flags) == len(set(flags))


def test_bounds_are_those_of_the_configuration_class_behind_an_argument() -> None:
    utilization = PINNED.engine["gpu_memory_utilization"]
    assert (utilization.above, utilization.maximum, utilization.default) == (0, 1, 0.92)
    assert PINNED.engine["max_model_len"].minimum == -1
    assert PINNED.engine["max_num_seqs"].minimum == 1
    port = PINNED.engine["data_parallel_rpc_port"]
    assert (port.minimum, port.maximum) == (1, 65535)
    assert engine_version("0.33.0").engine["max_num_scheduled_tokens"].minimum == 1


def test_values_are_closed_where_vllm_takes_no_others_and_known_where_a_plugin_may_bring_more() -> None:
    assert PINNED.engine["dtype"].values == ("auto", "half", "float16", "bfloat16", "float", "float32")
    assert 16 in PINNED.engine["max_lora_rank"].values
    quantization = PINNED.engine["quantization"]
    assert quantization.values == ()
    assert {"awq_marlin", "fp8"} <= set(quantization.known)
    assert "hermes" in PINNED.frontend["tool_call_parser"].known


def test_an_enumeration_is_written_by_the_names_that_vllm_reads() -> None:
    backend = PINNED.engine["attention_backend"]
    assert {"FLASH_ATTN", "FLASHINFER", "TRITON_ATTN"} <= set(backend.values)
    assert backend.any_case
    assert PINNED.engine["optimization_level"].values == (0, 1, 2, 3)
    assert PINNED.engine["optimization_level"].default == 2


def test_an_object_says_which_fields_it_may_hold() -> None:
    assert PINNED.engine["kv_transfer_config"].fields["kv_role"].values == (
        "kv_producer",
        "kv_both",
        "kv_consumer",
    )
    assert PINNED.engine["speculative_config"].fields["num_speculative_tokens"].above == 0
    assert "level" not in PINNED.engine["compilation_config"].fields


def test_options_are_read_as_the_parser_reads_them() -> None:
    read = {name: argument.parse for name, argument in PINNED.options.items()}
    assert read["max_model_len"] == "human-or-auto"
    assert read["max_num_batched_tokens"] == "human"
    assert read["served_model_name"] == "list"
    assert read["speculative_config"] == "json"
    assert read["hf_overrides"] == "json-or-text"
    assert read["device_ids"] == "comma"
    assert read["lora_modules"] == "lora"
    assert PINNED.options["tensor_parallel_size"].flags == ("--tensor-parallel-size", "-tp")


def test_what_turns_an_argument_off_is_told_apart() -> None:
    assert PINNED.engine["enable_lora"].negated == ("--no-enable-lora",)
    newer = engine_version("0.33.0").engine
    assert set(newer["enable_lora"].negated) == {"--no-enable-lora", "--disable-lora"}
    assert set(newer["disable_cascade_attn"].negated) == {
        "--no-disable-cascade-attn",
        "--enable-cascade-attn",
    }
    assert PINNED.serve["headless"].negated == ()


def test_what_only_python_may_set_has_no_option() -> None:
    bare = {name for name, argument in PINNED.engine.items() if not argument.flags}
    assert bare == {
        "_api_process_count",
        "_api_process_rank",
        "enable_mm_processor_stats",
        "mamba_config",
        "model_weights",
    }


def test_a_default_that_hangs_on_the_machine_is_left_open() -> None:
    assert PINNED.engine["kv_transfer_config"].fields["kv_buffer_device"].default is None


def test_every_argument_is_described_and_nothing_else_is() -> None:
    named = {
        name
        for version in map(engine_version, known_versions())
        for name in {**version.serve, **version.arguments}
    }
    assert set(descriptions()) == named


@pytest.mark.parametrize("version", known_versions())
def test_a_description_is_one_to_three_sentences(version: str) -> None:
    found = engine_version(version)
    for argument in {**found.serve, **found.arguments}.values():
        assert 20 <= len(argument.description) <= 250, argument.name
        assert argument.description.endswith("."), argument.name


def test_what_is_deprecated_is_told_from_the_version_that_says_so() -> None:
    assert PINNED.engine["ir_op_priority"].deprecated is None
    assert engine_version("0.33.0").engine["ir_op_priority"].deprecated
    assert PINNED.engine["dcp_kv_cache_interleave_size"].deprecated == "use cp_kv_cache_interleave_size"
