"""vLLM's own answers for every architecture of the catalog, asked once for all tests."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference_stack.catalog.data_files import objects

GIB = 2**30
TENSOR_PARALLEL = (1, 2, 4, 8)
CONTEXT, STEP = 8192, 8192
CACHE_GIB = 20
PROCESSES = 2
PROGRAM = Path(__file__).with_name("vllm_sizes.py")


@dataclass(frozen=True)
class Case:
    """One question: a config.json, and how the model is dealt out."""

    name: str
    config: Mapping[str, Any]
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    context: int = CONTEXT

    def question(self) -> str:
        """As the program reads it."""
        return json.dumps(
            {
                "name": self.name,
                "config": self.config,
                "tensor_parallel": self.tensor_parallel,
                "pipeline_parallel": self.pipeline_parallel,
                "kv_bytes": CACHE_GIB * GIB,
                "arguments": {"max_model_len": self.context, "max_num_batched_tokens": STEP},
            }
        )


def catalog_cases() -> list[Case]:
    """Every architecture of the catalog over one, two, four and eight units."""
    return [
        Case(f"{name} over {units}", config, units, context=min(CONTEXT, _context(config)))
        for name, config in objects("configs").items()
        for units in TENSOR_PARALLEL
    ]


def _context(config: Mapping[str, Any]) -> int:
    return int((config.get("text_config") or config).get("max_position_embeddings") or CONTEXT)


def staged_cases() -> list[Case]:
    """Pipelines: even and uneven stages, tied embeddings, layers of several kinds."""
    configs = objects("configs")
    return [
        Case(f"{name} in {stages} stages", configs[name], 1, stages)
        for name, stages in (
            ("llama-3.1-8b", 2),
            ("llama-3.1-8b", 4),
            ("qwen3-0.6b", 3),
            ("gemma-2-2b", 2),
            ("gpt-oss-20b", 3),
            ("deepseek-v2-lite", 4),
        )
    ]


def ask(cases: list[Case]) -> dict[str, dict[str, Any]]:
    """vLLM's answers by the cases' names, from programs that run side by side."""
    shares = [cases[number::PROCESSES] for number in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as programs:
        answers = [answer for share in programs.map(_answers, shares) for answer in share]
    return {answer["name"]: answer for answer in answers}


def _answers(cases: list[Case]) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, str(PROGRAM)],
        input="".join(case.question() + "\n" for case in cases),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{PROGRAM.name} ended with {ended.returncode}; run it by hand to see why")
    return [json.loads(line) for line in ended.stdout.splitlines()]
