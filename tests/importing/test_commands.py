"""Commands, as models of an environment."""

from typing import Any

import pytest

from tests.importing.sources import SCRIPT, imported


def model(command: str) -> dict[str, Any]:
    (found,) = imported(command, "serve.sh").content["models"]
    return found


@pytest.mark.parametrize(
    ("command", "has"),
    [
        ("vllm serve Qwen/Qwen3-8B --max-model-len 8192", {"context_tokens": 8192}),
        ("vllm serve Qwen/Qwen3-8B --max-model-len=64k", {"context_tokens": 64000}),
        ("vllm serve Qwen/Qwen3-8B", {"context_tokens": 40960}),
        ("vllm serve Qwen/Qwen3-8B --max-num-seqs 96", {"concurrency": 96}),
        ("vllm serve Qwen/Qwen3-8B --max-num-seqs 4096", {"concurrency": 1024}),
        ("vllm serve Qwen/Qwen3-8B --served-model-name Chat", {"name": "chat"}),
        ("vllm serve /models/Qwen3-8B", {"source": "Qwen/Qwen3-8B"}),
        ("vllm serve --model Qwen/Qwen3-8B --seed 7", {"engine": {"seed": 7}}),
        ("vllm serve Qwen/Qwen3-8B --no-enable-prefix-caching", {"engine": {"enable_prefix_caching": False}}),
        ("vllm serve Qwen/Qwen3-8B --quantization fp8", {"precision": "fp8"}),
        ("vllm serve Qwen/Qwen3-8B --dtype half", {"engine": {"dtype": "float16"}}),
        ("vllm serve Qwen/Qwen3-8B --dtype auto", {"engine": None}),
        ("vllm serve Qwen/Qwen3-8B-AWQ --quantization awq", {"source": "Qwen/Qwen3-8B-AWQ"}),
        (
            "vllm serve Qwen/Qwen3-8B --enable-lora --max-loras 2",
            {"adapters": [{"name": "adapter-1", "rank": 16}, {"name": "adapter-2", "rank": 16}]},
        ),
        (
            "python3 -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B --seed 7",
            {"engine": {"seed": 7}},
        ),
        (
            "docker run --gpus all vllm/vllm-openai:latest --model Qwen/Qwen3-8B --seed 7",
            {"engine": {"seed": 7}},
        ),
        ("bash -c 'vllm serve Qwen/Qwen3-8B --seed 7'", {"engine": {"seed": 7}}),
    ],
)
def test_an_argument_becomes_the_key_that_says_it(command: str, has: dict[str, Any]) -> None:
    found = model(command)
    assert {key: found.get(key) for key in has} == has


def test_a_script_is_one_model_and_what_else_it_does_is_listed() -> None:
    found = imported(SCRIPT, "serve.sh")
    (asked,) = found.content["models"]
    assert asked == {
        "name": "chat",
        "source": "Qwen/Qwen3-8B",
        "context_tokens": 32000,
        "concurrency": 64,
        "replicas": {"min": 1, "max": 1},
        "adapters": [{"name": "legal", "rank": 32}, {"name": "hr-team", "rank": 32}],
        "engine": {"enable_auto_tool_choice": True, "tool_call_parser": "hermes"},
    }
    left = {each.path: each for each in found.findings if each.code == "import-left"}
    assert left["--foo"].given is None
    assert left["--port"].given == "8000"
    assert left["--api-key"].given is None
    assert left["…"].what.startswith("not carried over: what stands here only shows")
    assert left["line 4"].given == "rm -rf /tmp/cache"


def test_two_commands_are_two_models_of_two_names() -> None:
    found = imported("vllm serve Qwen/Qwen3-8B\nvllm serve Qwen/Qwen3-8B --max-model-len 8192\n", "both.sh")
    assert [each["name"] for each in found.content["models"]] == ["qwen3-8b", "qwen3-8b-2"]


def test_tensor_parallel_without_a_named_card_is_left_to_the_plan() -> None:
    found = imported("vllm serve Qwen/Qwen3-8B -tp 4 --pipeline-parallel-size 2", "serve.sh")
    assert "placement" not in found.content["models"][0]
    derived = [each.path for each in found.findings if each.code == "import-derived"]
    assert {"-tp", "--pipeline-parallel-size"} <= set(derived)


def test_an_argument_that_the_derived_ones_contradict_is_left_out() -> None:
    found = imported("vllm serve Qwen/Qwen3-8B --no-enable-chunked-prefill --seed 7", "serve.sh")
    assert found.content["models"][0]["engine"] == {"seed": 7}
    assert "--no-enable-chunked-prefill" in [
        each.path for each in found.findings if each.code == "import-left"
    ]


def test_a_value_that_vllm_refuses_is_left_out() -> None:
    found = imported("vllm serve Qwen/Qwen3-8B --max-num-seqs many", "serve.sh")
    assert "concurrency" not in found.content["models"][0]
    assert "--max-num-seqs" in [each.path for each in found.findings if each.code == "import-left"]
