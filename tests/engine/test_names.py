import pytest

from inference_stack.engine.names import name_findings


def told(arguments, **options):
    return [(one.code, one.path, one.allowed) for one in name_findings("0.29.0", arguments, **options)]


def test_a_dict_takes_whole_names_only():
    assert told({"max_num_batched_tokens": 1, "port": 80}) == []
    assert told({"max_num_batched_token": 1}, path="engine_kwargs") == [
        ("unknown-argument", "engine_kwargs.max_num_batched_token", "did you mean max_num_batched_tokens?")
    ]


def test_a_key_that_is_no_text_names_nothing():
    assert [path for _, path, _ in told({1: 2, None: 3})] == ["1", "None"]


def test_the_engine_itself_knows_nothing_of_the_server():
    assert [code for code, *_ in told({"port": 80, "seed": 1}, taker="engine")] == ["unknown-argument"]


def test_a_name_that_is_gone_is_told_with_its_end_and_what_to_do():
    (removed,) = name_findings("0.29.0", {"num_scheduler_steps": 8})
    assert removed.code == "unknown-removed-argument"
    assert "0.10.0" in removed.what
    (renamed,) = name_findings("0.29.0", {"guided_decoding_backend": "xgrammar"})
    assert renamed.code == "unknown-renamed-argument"
    assert renamed.remedy == "write structured_outputs_config.backend"


def test_a_name_is_gone_from_the_version_without_it_only():
    given = {"enable_bf16x3_router_gemm": True}
    assert not list(name_findings("0.29.0", given))
    assert [one.code for one in name_findings("0.33.0", given)] == ["unknown-removed-argument"]


def test_options_of_the_command_line_alone_stand_in_no_dict():
    assert [path for _, path, _ in told({"headless": True, "config": "a", "grpc": True})] == [
        "headless",
        "config",
        "grpc",
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("maxModelLen", "max_model_len"),
        ("max-model-len", "max_model_len"),
        ("tp_size", "tensor_parallel_size"),
        ("mem_fraction_static", "gpu_memory_utilization"),
        ("gpu_memory_utilisation", "gpu_memory_utilization"),
    ],
)
def test_an_unknown_name_is_told_with_what_it_was_meant_to_be(written, meant):
    assert told({written: 1}) == [("unknown-argument", written, f"did you mean {meant}?")]
