"""What vLLM says to sets of engine arguments: a JSON list of sets comes in, a list of verdicts goes out.

A process of its own, since vLLM settles at its first import on what device it is: the CPU, or a card that is
made believe.
"""
# pyright: reportMissingImports=false

import copy
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

Card = tuple[str, float, tuple[int, int]]
"""Name, memory in GiB as torch sees it, and compute capability."""


def vllm_verdicts(
    sets: list[dict[str, Any]], card: Card | None = None, processes: int = 1
) -> list[dict[str, Any]]:
    """What vLLM says to each set of arguments, on the CPU, on a card, or on a `card` that the set has."""
    size = -(-len(sets) // processes) or 1
    chunks = [sets[start : start + size] for start in range(0, len(sets), size)]
    with ThreadPoolExecutor(processes) as pool:
        answers = pool.map(lambda chunk: _asked(chunk, card), chunks)
        return [verdict for answer in answers for verdict in answer]


def _asked(sets: list[dict[str, Any]], card: Card | None) -> list[dict[str, Any]]:
    answer = subprocess.run(
        [sys.executable, __file__, json.dumps(card)], input=json.dumps(sets), capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def verdict(arguments: dict[str, Any]) -> dict[str, Any]:
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    environment = dict(os.environ)
    try:
        # vLLM writes into what it is given, and into the environment.
        arguments = copy.deepcopy(arguments)
        if card := arguments.pop("card", None):
            fake_card(*card)
        given = AsyncEngineArgs(**arguments)
        made = given.create_engine_config(UsageContext.OPENAI_API_SERVER)
    except Exception as error:  # noqa: BLE001 - whatever it says is the answer
        return {"refused": f"{type(error).__name__}: {error}"}
    finally:
        os.environ.clear()
        os.environ.update(environment)
    return {
        "refused": None,
        "tensor_parallel_size": made.parallel_config.tensor_parallel_size,
        "max_model_len": made.model_config.max_model_len,
        "max_num_batched_tokens": made.scheduler_config.max_num_batched_tokens,
        "max_num_seqs": made.scheduler_config.max_num_seqs,
        "expert_parallel": made.parallel_config.enable_expert_parallel,
        "lora": made.lora_config is not None,
        "kv_connector": made.kv_transfer_config and made.kv_transfer_config.kv_connector,
    }


def look_here() -> None:
    """Have vLLM look at a model's class in this process; else it starts another for each, of many seconds."""
    from vllm.model_executor.models import registry

    @cache
    def looked(lazy: Any) -> Any:
        return registry._ModelInfo.from_model_cls(lazy.load_model_cls())

    registry._LazyRegisteredModel.inspect_model_cls = looked


if __name__ == "__main__":
    os.environ |= {"HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "CRITICAL", "VLLM_NO_USAGE_STATS": "1"}
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # vLLM logs to standard output.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.path.insert(0, str(Path(__file__).parent))
    from faked_card import fake_card

    if card := json.loads(sys.argv[1]):
        fake_card(*card)
    else:
        os.environ["VLLM_TARGET_DEVICE"] = "cpu"
    look_here()
    json.dump([verdict(arguments) for arguments in json.load(sys.stdin)], answer)
