"""vLLM's own answers, asked once for all tests."""

from typing import Any

import pytest

from tests.planner.memory.vllm_answers import ask, catalog_cases, staged_cases


@pytest.fixture(scope="session")
def answers() -> dict[str, dict[str, Any]]:
    return ask([*catalog_cases(), *staged_cases()])
