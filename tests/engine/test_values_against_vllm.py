"""Our rules against vLLM itself: thousands of sets of arguments, on models of many architectures.

vLLM judges by its CUDA platform, with a card made believe, and by its CPU platform. Nothing that it refuses
may pass our rules but for what NOT_SAID and CPU_ALONE list; what we refuse and it accepts has a `reason`.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from inference_stack.engine.arguments import engine_version
from inference_stack.engine.batch import batch_defaults
from inference_stack.engine.rules import CUDA_ONLY, EngineUse, Gpu, engine_rules
from inference_stack.engine.rules.checkpoint import architectures
from inference_stack.spec import Finding, Severity

from .checkpoints import CHECKPOINTS, write_checkpoints
from .generated_sets import Sets
from .vllm_verdicts import Card, vllm_verdicts

pytestmark = pytest.mark.e2e

VERSION = engine_version("0.29.0")
SEED, COUNT, ON_CPU = 20261128, 5000, 2000
H100: Card = ("NVIDIA H100 80GB HBM3", 79.1, (9, 0))
ERRORS = tuple(rule for rule in engine_rules if rule.severity == Severity.ERROR)

NOT_SAID = {
    "files beside config.json that these models lack": r"tokenize|think start/end tokens|image processor"
    r"|FP8 scale|params\.json",
    "other folders, downloads": r"Repo id must|Invalid repository ID|LocalEntryNotFound|local_files_only"
    r"|cached snapshot",
    "classes of transformers": r"Transformers implementation of",
    "packages of the image": r"No module named",
    "variables of the environment": r"VLLM_WORKER_MULTIPROC_METHOD|KeyError: 'RANK'",
    "libraries of the machine": r"cumem allocator|Sleep mode|libcuda|_OpNamespace",
}
"""Refusals for what neither arguments nor the model's config.json say: why, and vLLM's words."""

CPU_ALONE = {
    "features that the CPU lacks": r"only supported on\s+CUDA|NVIDIA CUDA|does not support ray|load balancing"
    r"|supported by cpu|Proton profiler currently",
    "the older model runner, for want of Triton": r"Model Runner V1|requires Model Runner V2",
    "defaults of a step on the CPU": r"max_num_batched_tokens|num_speculative_tokens|enough slots",
    "chunked prefill, which the CPU turns off for MLA": r"[Cc]hunked prefill",
    "a product of text and number that only the CPU makes": r"TypeError: .*(sequence|str)",
}
"""Refusals of the CPU platform that a GPU does not share: they are no rules of ours."""

UNREAD = frozenset(
    """_api_process_count aggregate_engine_logging attention_backend cudagraph_capture_sizes
    data_parallel_external_lb data_parallel_multi_port_external_lb data_parallel_start_rank default_mm_loras
    device_ids disable_log_stats enable_bf16x3_router_gemm enable_flashinfer_autotune enable_log_requests
    enable_lora enable_mamba_cache_stochastic_rounding fail_on_environ_validation gdn_prefill_backend
    kda_prefill_backend linear_backend mamba_backend mamba_cache_philox_rounds max_cudagraph_capture_size
    model_loader_extra_config moe_backend optimization_level reasoning_parser reasoning_parser_plugin
    tokens_only""".split()  # noqa: SIM905 - names, and nothing but names
)
"""Arguments whose type or value vLLM does not check: what reads them fails later, or misreads them."""
OF_MODALITIES = re.compile(r"mm_|video_pruning|limit_mm_per_prompt")
LATER = {
    "adapters-not-supported": "refused when adapters are set up, after the model was loaded",
    "context-interleaving": "refused when the cache is laid out, after the model was loaded",
    "format-unknown": "refused when weights are read; an unknown model_impl is taken for vllm in silence",
    "reasoning-parser-unknown": "refused when the first parser is made; here no tokenizer gets that far",
}
"""Codes of ours for what vLLM says only when it runs."""


OFF_ON_CPU = ("graph-sizes", "microbatching-backend")
"""Codes of ours for what the CPU platform turns off before it looks; the card shows that they are right."""


def reason(finding: Finding, model: str, card: Card | None) -> str | None:
    """Why we refuse what vLLM accepts; None where there is no reason."""
    root = re.split(r"[.\[]", finding.path)[0]
    if finding.code in CUDA_ONLY:
        return "only a GPU that computes refuses it"
    if card is None and finding.code in OFF_ON_CPU:
        return "the CPU platform turns it off; a GPU refuses it"
    if finding.code in LATER:
        return LATER[finding.code]
    if finding.code in ("wrong-type", "value-not-allowed") and root in UNREAD:
        return "vLLM does not check it, and misreads it or fails when it uses it"
    traits = EngineUse(VERSION, {}, CHECKPOINTS[model]).model
    if root == "mm_processor_cache_gb" and traits and traits.encoder_decoder:
        return "a model of encoder and decoder has no such cache, whatever stands there"
    if OF_MODALITIES.match(root) and traits and not traits.can("multimodal"):
        return "a model of text alone does not read it; with any other vLLM refuses it"
    return None


def findings(model: str, arguments: dict[str, Any], card: Card | None) -> list[Finding]:
    gpu = Gpu(*card) if card else None
    use = EngineUse(VERSION, arguments, CHECKPOINTS[model], gpu)
    return [finding for rule in ERRORS for finding in rule.findings(use)]


def explained(words: str, tables: tuple[dict[str, str], ...]) -> str | None:
    return next((why for table in tables for why, said in table.items() if re.search(said, words)), None)


@pytest.mark.parametrize(("card", "count"), [(H100, COUNT), (None, ON_CPU)], ids=["card", "cpu"])
def test_nothing_that_vllm_refuses_passes_our_rules(
    tmp_path: Path, card: Card | None, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = write_checkpoints(tmp_path)
    sets = Sets(VERSION, tuple(folders), SEED + (card is None)).draw(count)
    verdicts = vllm_verdicts([{"model": folders[name], **each} for name, each in sets], card, processes=2)
    tables = (NOT_SAID,) if card else (NOT_SAID, CPU_ALONE)
    counted: Counter[str] = Counter()
    passed: list[tuple[str, dict[str, Any], str]] = []
    stricter: list[tuple[str, dict[str, Any], Finding]] = []
    for (name, arguments), verdict in zip(sets, verdicts, strict=True):
        ours, theirs = findings(name, arguments, card), verdict["refused"]
        counted[
            f"{'refused' if theirs else 'accepted'} by vLLM, {'refused' if ours else 'accepted'} by us"
        ] += 1
        if theirs and not ours:
            why = explained(theirs, tables)
            counted[f"  passes ours: {why}"] += 1
            passed += [] if why else [(name, arguments, theirs)]
        if ours and not theirs:
            reasons = [reason(finding, name, card) for finding in ours]
            counted[f"  ours alone: {reasons[0]}"] += 1
            stricter += [(name, arguments, ours[reasons.index(None)])] if None in reasons else []
    with capsys.disabled():
        print(*(f"\n{number:6} {what}" for what, number in sorted(counted.items())))
    assert not passed, passed[:10]
    assert not stricter, stricter[:10]


CARDS: tuple[Card, ...] = (
    H100,
    ("NVIDIA A100-SXM4-80GB", 79.2, (8, 0)),
    ("NVIDIA H100 NVL MIG 3g.47gb", 46.4, (9, 0)),
    ("NVIDIA H200", 139.8, (9, 0)),
    ("NVIDIA GB200", 184.0, (10, 0)),
    ("NVIDIA A10-24Q", 23.6, (8, 6)),
)


def test_what_a_card_makes_of_a_step_is_what_vllm_makes_of_it(tmp_path: Path) -> None:
    folder = write_checkpoints(tmp_path)["llama-3.1"]
    verdicts = vllm_verdicts([{"model": folder, "card": card} for card in CARDS], H100)
    made = [(verdict["max_num_batched_tokens"], verdict["max_num_seqs"]) for verdict in verdicts]
    assert made == [batch_defaults(name, memory_gib) for name, memory_gib, _ in CARDS]


def test_what_model_classes_can_do_is_what_vllm_says_of_them() -> None:
    ask = "import json, serving.engine_architectures as here; print(json.dumps(here.architectures()))"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    told = {name: frozenset(traits) for name, traits in json.loads(answer.stdout.splitlines()[-1]).items()}
    assert architectures(VERSION.version) == told
