import pytest

from inference_stack.lint.engine_args import lint_engine_args


def told(kind, engine_args=None, frontend_args=None):
    given = {"id": "a", "kind": kind, "engine_args": engine_args, "frontend_args": frontend_args}
    (answer,) = lint_engine_args([given], "0.29.0")
    assert answer["id"] == "a"
    return [(one["code"], one["path"], one["given"]) for one in answer["findings"]]


CUT = {"max_num_seq": 8}


def test_the_command_line_reads_a_cut_name_and_a_dict_does_not():
    assert told("vllm_serve_cli", CUT) == [("abbreviated-argument", "engine_args.max_num_seq", "8")]
    for kind in ("ray_llm_config", "rayservice"):
        assert told(kind, CUT) == [("unknown-argument", "engine_args.max_num_seq", "8")]


@pytest.mark.parametrize("value", [1, True, False, None, "x", [1, 2], {"a": 1}])
@pytest.mark.parametrize("kind", ["vllm_serve_cli", "ray_llm_config"])
def test_an_unknown_name_is_told_whatever_its_value(kind, value):
    (finding,) = told(kind, {"seed": 1, "nonsense": value})
    assert finding[:2] == ("unknown-argument", "engine_args.nonsense")


def test_arguments_of_the_server_stand_in_their_own_place():
    assert told("vllm_serve_cli", {}, {"port": 80, "prot": 80}) == [
        ("unknown-argument", "frontend_args.prot", "80")
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable_lora", True),
        ("enable_lora", False),
        ("disable_log_stats", False),
        ("headless", False),
        ("max_model_len", "64k"),
        ("max_model_len", None),
        ("limit_mm_per_prompt", {"image": 4}),
        ("served_model_name", ["a", "b"]),
        ("seed", -1),
        ("port", "$PORT"),
        ("port", "{{ .Values.port }}"),
        ("model", "m"),
        ("no_enable_lora", True),
    ],
)
def test_what_people_write_on_the_command_line_passes(name, value):
    assert told("vllm_serve_cli", {name: value}) == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("max_model_len", "long", "wrong-type"),
        ("max_model_len", False, "wrong-type"),
        ("dtype", "float12", "value-not-allowed"),
        ("dtype", True, "missing-value"),
        ("enable_lora", "yes", "value-not-allowed"),
    ],
)
def test_a_value_that_the_parser_refuses_is_told(name, value, code):
    assert [found for found, *_ in told("vllm_serve_cli", {name: value})] == [code]


def test_values_are_judged_by_the_rules_wherever_they_stand():
    beyond = ("out-of-range", "engine_args.gpu_memory_utilization", "1.2")
    for kind in ("vllm_serve_cli", "ray_llm_config"):
        assert told(kind, {"gpu_memory_utilization": 1.2}) == [beyond]
        assert told(kind, {"gpu_memory_utilization": 0.8}) == []


def test_a_field_within_an_argument_has_its_own_path():
    for kind in ("vllm_serve_cli", "ray_llm_config"):
        (finding,) = told(kind, {"compilation_config": {"nonsense": 1}})
        assert finding[:2] == ("argument-field", "engine_args.compilation_config.nonsense")


def test_a_model_of_the_catalog_is_judged_by_its_heads():
    def judged(model: str) -> list[str]:
        given = {"kind": "vllm_serve_cli", "model": model, "engine_args": {"tensor_parallel_size": 3}}
        return [one["code"] for one in lint_engine_args([given], "0.29.0")[0]["findings"]]

    assert judged("Qwen/Qwen2.5-7B-Instruct") == ["heads-not-divisible"]
    assert judged("somebody/else") == []


def test_what_is_no_set_is_a_finding_and_no_crash():
    answers = lint_engine_args([3, {"id": "b", "engine_args": [1]}, {}], "0.29.0")  # pyright: ignore[reportArgumentType]
    assert [[one["code"] for one in answer["findings"]] for answer in answers] == [
        ["wrong-type"],
        ["wrong-type"],
        [],
    ]


def test_a_version_that_is_not_known_is_refused():
    with pytest.raises(KeyError, match=r"0\.29\.0"):
        lint_engine_args([], "0.1.0")
