import pytest

from inference_stack.engine.arguments import engine_version
from inference_stack.engine.rules import EngineUse
from inference_stack.engine.rules.server import SERVER_RULES


def told(**arguments):
    use = EngineUse(engine_version("0.29.0"), arguments)
    return [(found.code, found.path) for rule in SERVER_RULES for found in rule.findings(use)]


@pytest.mark.parametrize(
    ("broken", "kept", "code", "path"),
    [
        (
            {"enable_auto_tool_choice": True},
            {"enable_auto_tool_choice": True, "tool_call_parser": "hermes"},
            "server-argument-needs",
            "enable_auto_tool_choice",
        ),
        (
            {"enable_log_outputs": True},
            {"enable_log_outputs": True, "enable_log_requests": True},
            "server-argument-needs",
            "enable_log_outputs",
        ),
        (
            {"enable_per_request_metrics": True, "disable_log_stats": True},
            {"enable_per_request_metrics": True},
            "server-arguments-conflict",
            "enable_per_request_metrics",
        ),
        (
            {"headless": True, "api_server_count": 2},
            {"headless": True, "api_server_count": 0},
            "server-arguments-conflict",
            "api_server_count",
        ),
        (
            {"sse_keep_alive_interval": -1},
            {"sse_keep_alive_interval": 0},
            "server-argument-bounds",
            "sse_keep_alive_interval",
        ),
    ],
)
def test_the_server_refuses_what_it_refuses_and_nothing_else(broken, kept, code, path):
    assert told(**broken) == [(code, path)]
    assert told(**kept) == []
