from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from inference_stack.planner import Plan, PoolPrice, plan_environment
from inference_stack.report import render, text
from inference_stack.report.terminal import WIDTH
from inference_stack.spec import Severity, read
from tests.report.builders import environment
from tests.report.plans import NOTE, large, small

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ai/providers"
EXISTING = f"{SUBSCRIPTION}/Microsoft.ContainerService/managedClusters/shared/agentPools/gpus"
GROUP = f"{SUBSCRIPTION}/Microsoft.Compute/capacityReservationGroups/kept"
ROOT = Path(__file__).parents[2]


def detailed(plan: Plan, *names: str) -> str:
    console = Console(width=WIDTH, color_system=None)
    with console.capture() as capture:
        console.print(render(plan, names))
    return capture.get()


def row(plan: Plan, start: str) -> str:
    return next(line for line in text(plan).splitlines() if line.startswith(start))


def with_pools(*changes: dict[str, Any]) -> Plan:
    """The small plan with its pools changed."""
    pairs = zip(small().pools, changes, strict=True)
    pools = tuple(pool.model_copy(update=change) for pool, change in pairs)
    return small().model_copy(update={"pools": pools})


@pytest.fixture(params=["dev", "prod"])
def planned(request: pytest.FixtureRequest) -> Plan:
    source = read(ROOT / f"Pulumi.{request.param}.yaml")
    return plan_environment(
        source.data, name=request.param, file=f"Pulumi.{request.param}.yaml", text=source.text
    )


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("plan", [small(), large()], ids=lambda plan: plan.name)
def test_no_line_is_wider_than_asked_for(plan: Plan, width: int) -> None:
    assert max(map(len, text(plan, width=width).splitlines())) <= width


def test_an_environment_of_the_project_is_told_on_one_screen_of_plain_text(planned: Plan) -> None:
    told = text(planned)
    assert "\x1b" not in told
    assert len(told.splitlines()) <= 46
    assert max(map(len, told.splitlines())) <= WIDTH


def test_twenty_models_take_two_lines_each_and_their_pools_two() -> None:
    told = text(large()).splitlines()
    assert len(told) <= 2 * 20 + 2 * 5 + 22
    for model in large().models:
        assert any(line[2:].startswith(model.name[:20]) for line in told)


def test_the_heading_says_where_and_what_it_costs_idle_expected_and_at_peak() -> None:
    first = text(small()).splitlines()[0]
    assert first == (
        "prod in swedencentral: 19.22 USD an hour idle, 44.10 expected, 84.68 at peak, budget 90.00"
    )


def test_what_other_terms_would_cost_stands_under_the_heading_where_they_have_a_price() -> None:
    second = text(small()).splitlines()[1]
    assert second.startswith("list price; at peak 50.81 with GPUs reserved for a year, 25.40 on Spot;")
    assert "three years" not in second


def test_a_pool_is_drawn_with_who_fills_it_and_what_is_empty() -> None:
    told = row(small(), "slices")
    assert "2 of 0–4" in told
    assert told.endswith("[AA]  [A·]")
    assert row(small(), "large").endswith("2 × [B×2]")


def test_models_that_share_a_unit_and_prefill_replicas_are_told_apart() -> None:
    assert row(large(), "whole").endswith("[K+L]  [M+N]  [O]  [P]")
    assert row(large(), "h200").endswith("[T×4][Tᵖ×4]")
    assert row(large(), "h100").endswith("[S×4][·×4]")


def test_a_pool_says_in_which_cluster_and_zones_it_lies_and_what_is_reserved() -> None:
    plan = with_pools(
        {"zones": ("1", "2"), "nodes_reserved": 2}, {"origin": "existing", "existing": EXISTING}
    )
    told = text(plan)
    assert told.startswith("prod in swedencentral, zones 1, 2: 19.22 USD")
    assert "3g.47gb of H100-NVL-94GB  2 reserved" in told
    assert "in shared " in row(plan, "in shared")
    mixed = with_pools({"zones": ("1",)}, {"zones": ("2", "3")})
    assert text(mixed).startswith("prod in swedencentral: ")
    assert "3g.47gb of H100-NVL-94GB  zone 1\n" in text(mixed)
    assert "zones 2, 3\n" in text(mixed)
    assert "zone" not in text(small())
    every = ("1", "2", "3")
    assert "swedencentral, zones 1–3: " in text(with_pools({"zones": every}, {"zones": every}))


def test_reserved_nodes_are_told_with_what_of_them_stands_idle() -> None:
    size = "Standard_NC40ads_H100_v5"
    asked = environment(capacity_reservations=[{"group": GROUP, "sku": size, "nodes": 3}])
    line = PoolPrice(
        pool=f"reserved {size}", sku=size, gpus=1, existing=False, nodes_idle=3, nodes_expected=2,
        nodes_peak=0, usd_per_node_hour=6.98,
    )  # fmt: skip
    plan = small()
    paid = plan.price.model_copy(update={"pools": (line,)})
    told = text(plan.model_copy(update={"environment": asked, "price": paid}))
    assert (
        f"reserved in kept: 3 × {size}, idle but paid for: 3 while nobody asks, 2 at the mean traffic"
    ) in " ".join(told.split())
    assert "reserved in" not in text(plan)


def test_details_tell_weights_of_ones_own_routing_and_upgrade() -> None:
    changed = {"weights": "abfss://w@acme/mine", "routing": "prefix", "upgrade": "None"}
    plan = small()
    first = plan.models[0].model_copy(update=changed)
    told = " ".join(detailed(plan.model_copy(update={"models": (first, plan.models[1])})).split())
    parts = (
        "weights from abfss://w@acme/mine",
        "the replica that has read most of its prompt",
        "never stands twice",
    )
    assert all(part in told for part in parts)
    others = " ".join(detailed(plan).split())
    assert not any(part in others for part in parts)
    why = {"upgrade_why": "its fewest replicas have room twice"}
    chosen = plan.models[0].model_copy(update=why)
    told = " ".join(detailed(plan.model_copy(update={"models": (chosen, plan.models[1])})).split())
    assert "upgrade NewCluster: its fewest replicas have room twice" in told


def test_latency_is_told_with_its_range_against_what_is_asked() -> None:
    told = text(small())
    assert "310 of 800 ✓" in told
    assert "790 of 800 ≈" in told
    assert "47 of 40 ✗" in told
    assert "514–1,066" in told
    assert "SLO: ✓ held over the whole predicted range" in told


def test_a_mark_is_explained_only_where_it_is_used() -> None:
    plan = small()
    alone = {"models": plan.models[:1], "pools": plan.pools[:1], "packing": plan.packing[:2]}
    assert "≈" in text(plan)
    assert "≈" not in text(plan.model_copy(update=alone))


def test_a_model_of_which_nobody_asks_anything_has_no_latency_and_no_mark() -> None:
    first = small().models[0].model_copy(update={"speed": None, "slo": None, "traffic": None})
    told = text(small().model_copy(update={"models": (first, *small().models[1:])}))
    assert "310" not in told
    assert "✓" not in told
    assert "TTFT" in told
    alone = {"models": (first,), "pools": small().pools[:1], "packing": small().packing[:2]}
    assert "TTFT" not in text(small().model_copy(update=alone))


def test_utilization_below_half_is_red_and_above_it_is_not() -> None:
    console = Console(width=WIDTH, force_terminal=True, color_system="standard", highlight=False)
    with console.capture() as capture:
        console.print(render(small()))
    assert "\x1b[1;31m31 %\x1b[0m" in capture.get()
    assert "\x1b[1;31m62 %" not in capture.get()


def test_price_by_token_and_cold_start_stand_beside_each_model() -> None:
    told = row(small(), "B")
    assert "1.40 in" in told
    assert told.endswith("7 min")


def test_a_price_that_nobody_confirmed_carries_a_question_mark() -> None:
    assert row(small(), "heads").startswith("heads: 0–3 × Standard_D8ds_v5 at 0.45?;")


def test_a_size_without_a_price_is_unknown_and_named_under_the_heading() -> None:
    plan = small()
    unpriced = plan.price.model_copy(update={"unpriced": (plan.pools[0].sku,)})
    pools = tuple(pool.model_copy(update={"usd_per_node_hour": None}) for pool in plan.pools)
    told = text(plan.model_copy(update={"price": unpriced, "pools": pools}))
    assert f"without {plan.pools[0].sku}, whose price nobody knows" in " ".join(told.split())
    assert "unknown" in row(plan.model_copy(update={"price": unpriced, "pools": pools}), "slices")


def test_findings_stand_under_their_severity_with_code_path_line_and_remedy() -> None:
    told = text(small())
    warnings, notes = told.index("1 warning"), told.index("1 note")
    warning = " ".join(told[warnings:notes].split())
    assert "concurrency-exceeds-memory models[0].concurrency (line 44) = 40 requests of 8192" in warning
    assert "allowed: at most 31 without waiting" in warning
    assert "do: lower it, or take engine.kv_cache_dtype: fp8" in warning
    assert f"{NOTE.code} {NOTE.path} (line 19)" in told[notes:]


def test_many_findings_of_a_code_are_counted_and_told_with_details() -> None:
    assert "memory-unverified ×12 models[0].placement counts on" in text(large())
    assert detailed(large()).count("memory-unverified") == 12
    grave = tuple(found.model_copy(update={"severity": Severity.WARNING}) for found in large().findings)
    warned = large().model_copy(update={"findings": grave})
    assert "and 9 more of memory-unverified: --details" in text(warned)
    assert text(warned).count("counts on 10.8 GiB") == 3


def test_a_note_takes_one_line_and_is_told_in_full_with_details() -> None:
    wordy = NOTE.model_copy(update={"what": "word " * 60 + "end"})
    plan = small().model_copy(update={"findings": (wordy,)})
    told = text(plan).splitlines()
    assert told[-2:] == ["1 note: --details tells them in full", told[-1]]
    assert told[-1].endswith("…")
    assert "word end" in " ".join(detailed(plan).split())


def test_details_say_why_each_model_is_where_it_is() -> None:
    told = " ".join(detailed(small()).split())
    for part in (
        "█ 15.3 weights + ◆ 0.8 adapters + ▒ 1.2 activations",
        "KV cache 23.5–24.3 GiB: 167,384 tokens",
        "adapters legal, hr, finance, engineering",
        "runs out of decode bandwidth first",
        "next best: 1 × A100-PCIe-80GB of Standard_NC24ads_A100_v4",
        "price rules out 31, nearest 1 × H100-NVL-94GB",
        "node 4 min (2–8 min)",
        "a start is given up after 15 min",
        "calibration: 41 rows of 3 sources",
        "4 deployments in place of one base with adapters",
        "max_model_len=8192 max_num_seqs=24",
        "320 vCPUs (8 GPUs) at peak, 400 vCPUs (10 GPUs) while upgrading, 400 granted",
    ):
        assert part in told


def test_details_of_one_model_leave_the_others_out() -> None:
    told = detailed(small(), "assistant")
    assert "runs out of memory first" in told
    assert "runs out of decode bandwidth first" not in told


def test_disaggregated_serving_is_told_with_its_link() -> None:
    assert "prefill TP4 × 0–1" in text(large())
    told = " ".join(detailed(large(), large().models[-1].name).split())
    assert "Ethernet: needs 2.1 GB/s of 5 GB/s, 0.4 GiB a request, adds 9 ms" in told


def test_a_model_for_devices_is_told_with_what_to_ship_and_what_it_needs() -> None:
    told = " ".join(text(large()).split())
    assert (
        "on devices: kiosk: google/gemma-3-4b-it as GGUF Q4_K_M, 2.3 GiB to ship, 3.6 GiB of memory with "
        "llama.cpp (CPU, Metal), gemma"
    ) in told


def test_an_environment_of_devices_only_has_neither_pools_nor_placed_models() -> None:
    told = text(large().model_copy(update={"pools": (), "models": (), "packing": ()}))
    assert "on devices: kiosk" in told
    assert "filled at peak" not in told
    assert "a replica runs on" not in told


def test_the_bar_of_a_model_shows_every_part_that_there_is() -> None:
    first = next(line for line in detailed(small(), "copilot").splitlines() if line.startswith("memory"))
    cells = first.split()[1]
    assert len(cells) == 40
    assert cells == "█" * cells.count("█") + "◆" * 1 + "▒" * 2 + "░" * cells.count("░")
    assert cells.count("█") == round(40 * 15.3 / 42.4)
