"""The committed arguments of the pinned vLLM are those of the installed package."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference_stack.engine import versions
from inference_stack.engine.arguments import DATA


@pytest.mark.e2e
def test_the_committed_arguments_are_those_of_the_installed_vllm(tmp_path: Path) -> None:
    # In a process of its own: vLLM settles its platform once, and reads some defaults from variables.
    subprocess.run(
        [sys.executable, "-m", "serving.engine_arguments", str(tmp_path)],
        check=True,
        env={**os.environ, "VLLM_SERVER_DEV_MODE": "1"},
        timeout=600,
    )
    name = f"vllm-{versions.VLLM}.json"
    assert (DATA / name).read_text() == (tmp_path / name).read_text(), (
        "run: python -m serving.engine_arguments"
    )
