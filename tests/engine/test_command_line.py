import shlex
from typing import Any

import pytest

from inference_stack.engine.command_line import (
    NOT_KNOWN,
    Parsed,
    command_line_findings,
    parse,
    parse_config,
    started,
)


def read(line: str, **options: Any) -> Parsed:
    return parse("0.29.0", shlex.split(line), **options)


def told(parsed: Parsed) -> list[tuple[int, str, str]]:
    return [(token, finding.code, finding.path) for token, finding in parsed.findings]


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("m --max-model-len 8192", {"max_model_len": 8192}),
        ("m --max_model_len=64k", {"max_model_len": 64_000}),
        ("m --max-model-len 64K", {"max_model_len": 65_536}),
        ("m --max-model-len auto", {"max_model_len": -1}),
        ("m -tp 8 -n2", {"tensor_parallel_size": 8, "nnodes": 2}),
        ("m -O3", {"optimization_level": 3}),
        ("m -O 3", {"optimization_level": 3}),
        ("m --no-enable-prefix-caching", {"enable_prefix_caching": False}),
        ("m --enable-lora", {"enable_lora": True}),
        ("m --hf-overrides.a.b 1 --hf-overrides.a.c x", {"hf_overrides": {"a": {"b": 1, "c": "x"}}}),
        (
            "m --additional-config.a+ x,y --additional-config.a+=z",
            {"additional_config": {"a": ["x", "y", "z"]}},
        ),
        ("m --additional-config.room 80g", {"additional_config": {"room": 80_000_000_000}}),
        ("m --limit-mm-per-prompt '{\"image\": 4}'", {"limit_mm_per_prompt": {"image": 4}}),
        ("m --served-model-name a b", {"served_model_name": ["a", "b"]}),
        ("m --middleware a --middleware b", {"middleware": ["a", "b"]}),
        ("m --hf-token", {"hf_token": True}),
        ("m --device-ids 0,1", {"device_ids": [0, 1]}),
        ("m --quantization None", {"quantization": None}),
        ("m --tokenizer None", {"tokenizer": "None"}),
        ("m --seed -1", {"seed": -1}),
        ("m --lora-modules a=b", {"lora_modules": [{"name": "a", "path": "b"}]}),
        ("--seed 1 m", {"seed": 1}),
        ("-- m", {}),
    ],
)
def test_a_command_line_becomes_what_vllm_holds(line, arguments):
    parsed = read(line)
    assert parsed.arguments == {"model": "m", **arguments}
    assert not parsed.findings
    assert parsed.complete


def test_the_model_may_be_named_by_its_option():
    assert read("--seed 1 --model m").arguments == {"model": "m", "seed": 1}


def test_a_command_without_model_serves_another_than_its_writer_thinks():
    assert told(read("--port 80")) == [(-1, "model-left-out", "model")]


@pytest.mark.parametrize(
    ("line", "token", "code", "path"),
    [
        ("m --swap-space 4", 1, "unknown-removed-argument", "--swap-space"),
        ("m --no-enable-reasoning", 1, "unknown-removed-argument", "--no-enable-reasoning"),
        ("m --guided_decoding_backend x", 1, "unknown-renamed-argument", "--guided-decoding-backend"),
        ("m --device cpu", 1, "abbreviation-misread", "--device"),
        ("m --foo 4", 1, "unknown-argument", "--foo"),
        ("m --max-num 4", 1, "unknown-ambiguous-argument", "--max-num"),
        ("m --tp 8", 1, "unknown-argument", "--tp"),
        ("m '--foo={a b}'", 1, "unknown-argument", "--foo"),
        ("m '--max model=8'", 1, "unknown-argument", "--max model"),
        ("m --Seed 8", 1, "unknown-argument", "--Seed"),
        ("m --max-model-len abc", 2, "wrong-type", "--max-model-len"),
        ("m --max-model-len 1.5K", 2, "wrong-type", "--max-model-len"),
        ("m --max-num-seqs None", 2, "wrong-type", "--max-num-seqs"),
        ("m --limit-mm-per-prompt image=4", 2, "wrong-type", "--limit-mm-per-prompt"),
        ("m --dtype float12", 2, "value-not-allowed", "--dtype"),
        ("m --moe-backend=none", 1, "value-not-allowed", "--moe-backend"),
        ("m --enable-chunked-prefill=True", 1, "value-not-allowed", "--enable-chunked-prefill"),
        ("m --enable-chunked-prefill True", 2, "extra-value", "True"),
        ("m --port", 1, "missing-value", "--port"),
        ("m --port --seed 1", 1, "missing-value", "--port"),
        ("m --hf-overrides.a", 1, "missing-value", "--hf-overrides.a"),
        ("--port 80 --model", 2, "missing-value", "--model"),
        ("--served-model-name a", 0, "model-not-first", "--served-model-name"),
        ("m --lora-modules a=b=c", 2, "wrong-type", "--lora-modules"),
        ("m --lora-modules '{\"name\": 1}'", 2, "wrong-type", "--lora-modules"),
        ("m --config a.json", 2, "value-not-allowed", "--config"),
        ("m --config", 1, "missing-value", "--config"),
        ("m --config=a.yaml", 1, "ignored-argument", "--config"),
    ],
)
def test_what_vllm_refuses_or_passes_over_is_told_with_its_word(line, token, code, path):
    assert (token, code, path) in told(read(line))


def test_everything_wrong_is_told_at_once_and_in_the_order_of_the_line():
    parsed = read("m --swap-space 4 --max-num 3 --dtype x --port abc --seed 1 stray")
    assert [code for _, code, _ in told(parsed)] == [
        "unknown-removed-argument",
        "unknown-ambiguous-argument",
        "value-not-allowed",
        "wrong-type",
        "extra-value",
    ]
    assert parsed.arguments == {"model": "m", "seed": 1}


def test_a_cut_name_is_read_as_the_option_it_begins_and_noted():
    parsed = read("m --max-num-batched-token 4096")
    assert parsed.arguments["max_num_batched_tokens"] == 4096
    assert told(parsed) == [(1, "abbreviated-argument", "--max-num-batched-token")]


@pytest.mark.parametrize(
    "argv",
    [
        ["m", "--hf-overrides.a", "[" * 100_000],
        ["m", "--hf-overrides", "{" * 100_000],
        ["m", "--hf-overrides" + ".a" * 100_000, "1"],
        ["m", "--max-model-len", "9" * 5_000 + "k"],
        ["m", "--additional-config.a", "9" * 5_000],
        ["m", "--lora-modules", "[" * 100_000],
        ["--", "-", "", "=", "-.", "--.", "-O=", "-O", "--=", "-h="],
    ],
    ids=lambda argv: argv[1][:20],
)
def test_words_beyond_all_measure_are_read_without_a_crash(argv):
    parse("0.29.0", argv)


def test_a_remedy_for_the_command_line_is_told_in_options():
    (placed,) = read("m --guided-decoding-backend x").findings
    assert placed.finding.remedy == "write --structured-outputs-config.backend"
    (placed,) = read("m --disable-log-requests").findings
    assert "--enable-log-requests" in str(placed.finding.remedy)
    (placed,) = read("m --tp 8").findings
    assert placed.finding.allowed == "did you mean -tp?"


def test_true_after_a_flag_is_taken_for_the_model():
    assert (1, "extra-value", "model") in told(read("--enable-chunked-prefill True"))


def test_the_old_server_passes_over_a_model_that_stands_alone():
    parsed = read("m --seed 1", entry="api_server")
    assert told(parsed) == [(0, "ignored-argument", "model")]
    assert parsed.arguments == {"seed": 1}
    assert read("--model m", entry="api_server").arguments == {"model": "m"}


@pytest.mark.parametrize("line", ["m -h --foo", "--help", "m --help=all"])
def test_a_call_for_help_serves_nothing(line):
    assert not read(line).findings


def test_what_a_variable_holds_is_not_judged():
    parsed = read(f"{NOT_KNOWN} --port {NOT_KNOWN} --seed={NOT_KNOWN} --dtype half{NOT_KNOWN}")
    assert not parsed.findings
    assert parsed.arguments == {"model": NOT_KNOWN}
    assert set(parsed.places) == {"model", "port", "seed", "dtype"}
    assert parsed.complete


def test_a_variable_before_the_model_may_be_options():
    parsed = read(f"{NOT_KNOWN} m --seed 1")
    assert not parsed.findings
    assert not parsed.complete


def test_a_variable_that_may_be_an_option_leaves_the_line_incomplete():
    parsed = read(f"m {NOT_KNOWN} stray --{NOT_KNOWN}-size 4 --hf-overrides.a {NOT_KNOWN} --foo 1")
    assert not parsed.complete
    assert told(parsed) == [(7, "unknown-argument", "--foo")]


def test_a_file_of_options_is_read_like_the_line_and_the_line_goes_over_it():
    content = {"port": 80, "enable_lora": True, "seed": 1, "foo": 2, "served-model-name": ["a", "b"]}
    parsed = read("m --config a.yaml --seed 2", read_config=lambda _: content)
    assert parsed.arguments == {
        "model": "m",
        "port": 80,
        "enable_lora": True,
        "seed": 2,
        "served_model_name": ["a", "b"],
    }
    assert told(parsed) == [(2, "unknown-argument", "--foo")]


def test_a_file_of_options_that_cannot_be_read_leaves_the_line_incomplete():
    assert not read("--config a.yaml", read_config=lambda _: None).complete
    assert not read(f"--config {NOT_KNOWN}").complete


def test_a_model_must_stand_in_the_file_or_first():
    assert read("--config a.yaml", read_config=lambda _: {"model": "m"}).arguments == {"model": "m"}
    parsed = read("--config a.yaml", read_config=lambda _: {"port": 80})
    assert (0, "model-not-first", "--config") in told(parsed)


def test_serve_passes_over_false_in_a_file_where_it_would_change_something():
    for name in ("enable_prefix_caching", "enable-prefix-caching"):
        parsed = parse_config("0.29.0", {"model": "m", name: False, "enable_lora": False})
        assert told(parsed) == [(1, "ignored-argument", name)]
        assert parsed.arguments == {"model": "m"}
    assert parsed.findings[0].finding.remedy == "write `no-enable-prefix-caching: true`"
    parsed = parse_config("0.29.0", {"model": "m", "no-enable-prefix-caching": True})
    assert parsed.arguments == {"model": "m", "enable_prefix_caching": False}


def test_the_old_server_reads_false_under_a_name_in_dashes_only():
    def read_by_old(name: str) -> Parsed:
        return parse_config("0.29.0", {name: False}, entry="api_server")

    assert read_by_old("enable-prefix-caching").arguments == {"enable_prefix_caching": False}
    assert told(read_by_old("enable_prefix_caching")) == [(0, "ignored-argument", "enable_prefix_caching")]


def judged(line: str) -> list[tuple[int, str, str]]:
    found = command_line_findings("0.29.0", shlex.split(line))
    return [(token, finding.code, finding.path) for token, finding in found]


def test_the_rules_judge_what_was_read_and_name_the_word_and_its_option():
    assert judged("m --gpu-memory-util 1.2 --enable-auto-tool-choice") == [
        (1, "abbreviated-argument", "--gpu-memory-util"),
        (1, "out-of-range", "--gpu-memory-utilization"),
        (3, "server-argument-needs", "--enable-auto-tool-choice"),
    ]
    assert judged("m --compilation-config.nonsense 1") == [
        (1, "argument-field", "--compilation-config.nonsense")
    ]
    assert judged("m --gpu-memory-utilization 0.8 --enable-auto-tool-choice --tool-call-parser hermes") == []


def test_the_rules_do_not_judge_what_is_not_known():
    assert judged(f"m --gpu-memory-utilization {NOT_KNOWN} --max-model-len {NOT_KNOWN}") == []
    assert judged(f"m --enable-auto-tool-choice --tool-call-parser {NOT_KNOWN}") == []
    assert judged(f"m --enable-auto-tool-choice {NOT_KNOWN}") == []
    assert judged(f"m --gpu-memory-utilization 1.2 {NOT_KNOWN}") == [
        (1, "out-of-range", "--gpu-memory-utilization")
    ]
    assert judged("Qwen/Qwen2.5-7B-Instruct -tp 3") == [(1, "heads-not-divisible", "--tensor-parallel-size")]
    assert judged(f"{NOT_KNOWN} -tp 3") == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("vllm serve m", ("serve", 2)),
        ("exec env A=b /usr/bin/vllm serve m", ("serve", 5)),
        ("python3 -m vllm.entrypoints.openai.api_server --model m", ("api_server", 3)),
        ("python3.12 -u -m vllm.entrypoints.openai.api_server", ("api_server", 4)),
        ("python -m vllm.entrypoints.cli.main serve m", ("serve", 4)),
        ("vllm bench serve --model m", None),
        ("vllm", None),
        ("python -m http.server", None),
        ("python serve.py vllm", None),
    ],
)
def test_a_server_is_known_by_the_words_that_start_it(line, found):
    assert started(line.split()) == found
