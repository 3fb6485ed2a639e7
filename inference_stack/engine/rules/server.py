"""What vLLM's server refuses of its own arguments before any engine starts."""

from collections.abc import Iterator

from inference_stack.spec import Severity

from .reading import as_flag, as_integer
from .rule import EngineUse, Fault, Rule, rule

CHECKS = "vLLM 0.29.0: vllm/entrypoints/launchers/cli_args.py, validate_parsed_serve_args"


def on(use: EngineUse, name: str) -> bool:
    """Whether a flag of the server is set."""
    return as_flag(use.arguments.get(name)) is True


@rule(
    "server-argument-needs",
    Severity.ERROR,
    states="Tools are chosen with a parser of their calls; outputs are logged with requests.",
    reference=CHECKS,
)
def needs(use: EngineUse) -> Iterator[Fault]:
    """An argument that does nothing without another."""
    if on(use, "enable_auto_tool_choice") and not use.arguments.get("tool_call_parser"):
        yield Fault(
            "enable_auto_tool_choice",
            "nothing reads the calls of tools out of the answers",
            given="true",
            remedy="set tool_call_parser",
        )
    if on(use, "enable_log_outputs") and not on(use, "enable_log_requests"):
        yield Fault(
            "enable_log_outputs",
            "outputs are logged where requests are",
            given="true",
            remedy="set enable_log_requests",
        )


@rule(
    "server-arguments-conflict",
    Severity.ERROR,
    states="Metrics of a request come from the engine's statistics; a headless server has no API.",
    reference=f"{CHECKS}; vllm/entrypoints/cli/serve.py, ServeSubcommand.cmd",
)
def conflicts(use: EngineUse) -> Iterator[Fault]:
    """Two arguments of which one must go."""
    if on(use, "enable_per_request_metrics") and on(use, "disable_log_stats"):
        yield Fault(
            "enable_per_request_metrics",
            "disable_log_stats is on, and metrics come from these statistics",
            given="true",
            remedy="leave one of them out",
        )
    servers = as_integer(use.arguments.get("api_server_count")) or 0
    if on(use, "headless") and servers > 0:
        yield Fault(
            "api_server_count", "headless is on: there is no API", given=str(servers), allowed="0, or none"
        )


@rule(
    "server-argument-bounds",
    Severity.ERROR,
    states="The interval of keep-alive comments is 0, which is none, or more.",
    reference=CHECKS,
)
def bounds(use: EngineUse) -> Iterator[Fault]:
    """A number that the server refuses."""
    interval = as_integer(use.arguments.get("sse_keep_alive_interval")) or 0
    if interval < 0:
        yield Fault("sse_keep_alive_interval", "no interval", given=str(interval), allowed="0 or more")


SERVER_RULES: tuple[Rule[EngineUse], ...] = (needs, conflicts, bounds)
"""Rules on the server in front of an engine."""
