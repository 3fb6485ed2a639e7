"""What vLLM says to sets of engine arguments: a JSON list of sets comes in, a list of verdicts goes out.

A process of its own, since vLLM settles at its first import on what device it is; here that is the CPU.
"""

import json
import os
import subprocess
import sys
from typing import Any


def vllm_verdicts(sets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What vLLM says to each set of engine arguments."""
    answer = subprocess.run(
        [sys.executable, __file__], input=json.dumps(sets), capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def verdict(arguments: dict[str, Any]) -> dict[str, Any]:
    from vllm.engine.arg_utils import AsyncEngineArgs

    try:
        made = AsyncEngineArgs(**arguments).create_engine_config()
    except Exception as error:  # noqa: BLE001 - whatever it says is the answer
        return {"refused": f"{type(error).__name__}: {error}"}
    return {
        "refused": None,
        "tensor_parallel_size": made.parallel_config.tensor_parallel_size,
        "max_model_len": made.model_config.max_model_len,
        "expert_parallel": made.parallel_config.enable_expert_parallel,
        "lora": made.lora_config is not None,
        "kv_connector": made.kv_transfer_config and made.kv_transfer_config.kv_connector,
    }


if __name__ == "__main__":
    os.environ["VLLM_TARGET_DEVICE"] = "cpu"
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # vLLM logs to standard output.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    json.dump([verdict(arguments) for arguments in json.load(sys.stdin)], answer)
