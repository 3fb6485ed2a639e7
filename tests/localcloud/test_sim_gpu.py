import json
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from localcloud.sim_gpu import ACTIVE, plugin, variables

PROJECT = Path(__file__).parents[2]


def test_vllm_finds_the_plugin_only_where_the_folder_is_on_the_path(tmp_path: Path) -> None:
    made = variables(tmp_path)
    assert made["PYTHONPATH"].split(os.pathsep)[0] == str(tmp_path)
    (found,) = distributions(path=[str(tmp_path)])
    assert {point.group for point in found.entry_points} == {"vllm.platform_plugins", "vllm.general_plugins"}
    assert all(callable(point.load()) for point in found.entry_points)
    installed = {point.name for each in distributions() for point in each.entry_points}
    assert "sim_gpu" not in installed


def test_making_the_plugin_again_changes_nothing(tmp_path: Path) -> None:
    assert variables(tmp_path) == variables(tmp_path)


def test_the_plugin_is_inert_unless_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ACTIVE, raising=False)
    assert plugin.platform() is None
    monkeypatch.setenv(ACTIVE, "1")
    assert plugin.platform() == "localcloud.sim_gpu.platform.SimGpuPlatform"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("sim_gpu")
    # In one process, where no engine needs one of its own.
    alone = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "HF_HUB_OFFLINE": "1"}
    subprocess.run(
        [sys.executable, Path(__file__).with_name("answers_on_sim_gpu.py"), folder, folder / "answers.json"],
        cwd=PROJECT,
        env={**os.environ, **variables(folder / "plugin"), **alone},
        check=True,
    )
    return {each["case"]: each for each in json.loads((folder / "answers.json").read_text())}


@pytest.mark.e2e
@pytest.mark.parametrize(
    "case", ["llama", "qwen3", "mistral-window", "gemma2", "mixtral", "qwen3-moe", "speculation"]
)
def test_greedy_answers_are_those_of_transformers(answers: dict[str, dict[str, Any]], case: str) -> None:
    assert answers[case]["vllm"] == answers[case]["transformers"]
    assert len({tuple(answer) for answer in answers[case]["vllm"]}) > 1


@pytest.mark.e2e
def test_speculation_has_drafts_accepted(answers: dict[str, dict[str, Any]]) -> None:
    assert answers["speculation"]["accepted"] > 0
    assert answers["speculation"]["vllm"] == answers["llama"]["vllm"]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("fp8 KV cache", "kv_cache_dtype = fp8"),
        ("fp8 weights", "quantization = fp8"),
        ("AWQ weights", "quantization = awq"),
        ("drafting model", "speculative_config.method = draft_model"),
        ("random sampling", "temperature = 0.7"),
        ("latent attention", "multi-head latent attention has no operator"),
        ("recurrent layers", "recurrent layers have no operators"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(
    answers: dict[str, dict[str, Any]], case: str, told: str
) -> None:
    assert told in answers[case]["refusal"]
