import re
from collections import defaultdict
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from inference_stack.planner import Plan
from inference_stack.report import picture
from inference_stack.report.canvas import LOOKS, fitting
from inference_stack.report.card import CARD, PX_PER_GIB
from inference_stack.report.filling import parts
from tests.report.plans import large, small

SVG = "{http://www.w3.org/2000/svg}"
PLANS = pytest.mark.parametrize("plan", [small(), large()], ids=lambda plan: plan.name)


def boxes(plan: Plan) -> Iterator[tuple[str, dict[str, float], str]]:
    """Look, place and size, and what the pointer is told, of every rectangle."""
    for box in ElementTree.fromstring(picture(plan)).iter(f"{SVG}rect"):  # noqa: S314 - our own
        size = {name: float(box.attrib[name]) for name in ("x", "y", "width", "height")}
        yield box.attrib.get("class", ""), size, box.findtext(f"{SVG}title") or ""


def texts(plan: Plan) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(picture(plan)).iter(f"{SVG}text"))  # noqa: S314 - our own


@PLANS
def test_each_tenant_appears_with_an_area_that_is_its_memory(plan: Plan) -> None:
    area: defaultdict[tuple[str, str], float] = defaultdict(float)
    for look, size, tip in boxes(plan):
        if look in LOOKS.values() and ": " in tip:
            area[tip.split(":")[0], look] += size["width"] * size["height"]
    tenants = [tenant for node in plan.packing for unit in node.units for tenant in unit.tenants]
    models = {model.name: model for model in plan.models}
    for name, model in models.items():
        mine = [tenant for tenant in tenants if tenant.model == name]
        assert mine
        for part, look in LOOKS.items():
            amounts = (
                parts(model.prefill.memory if model.prefill and tenant.role == "prefill" else model.memory)
                for tenant in mine
            )
            expected = sum(amount[part] for amount in amounts) * CARD * PX_PER_GIB
            assert area[name, look] == pytest.approx(expected, rel=0.005, abs=1)


@PLANS
def test_every_unit_is_drawn_and_those_without_a_tenant_stay_hatched(plan: Plan) -> None:
    hatched = [size for look, size, tip in boxes(plan) if look == "empty" and tip]
    units = [unit for node in plan.packing for unit in node.units]
    assert len(hatched) == len(units)
    parts_drawn = [size for look, size, _ in boxes(plan) if look == "free"]
    covered = [
        size
        for size in hatched
        if any(abs(size["x"] - part["x"]) < 1 and abs(size["y"] - part["y"]) < 1 for part in parts_drawn)
    ]
    assert len(units) - len(covered) == sum(not unit.tenants for unit in units)


@PLANS
def test_nothing_leaves_the_picture_or_its_card(plan: Plan) -> None:
    root = ElementTree.fromstring(picture(plan))  # noqa: S314 - our own
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for _, size, _ in boxes(plan):
        assert size["x"] >= 0
        assert size["x"] + size["width"] <= width
        assert size["y"] + size["height"] <= height + 0.01
    cards = [size for look, size, _ in boxes(plan) if look == "edge" and size["width"] == CARD]
    for look, size, tip in boxes(plan):
        if look in LOOKS.values() and tip:
            assert any(
                card["x"] - 0.1 <= size["x"]
                and size["x"] + size["width"] <= card["x"] + CARD + 0.1
                and card["y"] - 0.1 <= size["y"]
                and size["y"] + size["height"] <= card["y"] + card["height"] + 0.1
                for card in cards
            )


@PLANS
def test_text_stays_within_the_picture_even_in_wide_letters(plan: Plan) -> None:
    for text in texts(plan):
        told, size = "".join(text.itertext()), float(text.attrib["font-size"])
        wide = len(told) * size * (0.72 if "bold" in text.attrib["class"] else 0.6)
        start = float(text.attrib["x"]) - (wide / 2 if text.attrib.get("text-anchor") else 0)
        assert start + wide <= 1160, told


@PLANS
def test_every_pool_is_titled_with_its_size_and_price_and_every_model_listed(plan: Plan) -> None:
    told = ["".join(text.itertext()) for text in texts(plan)]
    for pool in plan.pools:
        assert pool.name in told
        assert any(line.startswith(f"{pool.sku}: ") for line in told)
        assert any(f"{pool.usd_per_node_hour:.2f} USD/h each" in line for line in told)
    for model in plan.models:
        assert any(fitting(model.name, 12, 228, bold=True) == line for line in told)


def test_a_replica_over_several_gpus_is_joined_by_a_line_that_names_it() -> None:
    told = ["".join(text.itertext()) for text in texts(large())]
    assert "Q · replica 0 · TP4" in told
    assert "T · prefill replica 0 · TP4" in told


def test_memory_that_no_slice_has_is_named() -> None:
    assert "27.1 GiB in no slice" in ["".join(text.itertext()) for text in texts(large())]


def test_a_pool_that_nobody_fills_says_so() -> None:
    told = picture(small().model_copy(update={"packing": small().packing[2:]}))
    assert "Nothing runs here." in told


def test_an_environment_of_devices_only_is_a_list() -> None:
    drawn = picture(large().model_copy(update={"pools": (), "models": (), "packing": ()}))
    assert "kiosk" in drawn


def test_the_legend_names_only_what_is_there() -> None:
    assert "draft model" not in picture(small())
    assert "adapters" in picture(small())


def test_by_night_only_the_page_changes() -> None:
    drawn = picture(small())
    night = re.search(r"@media \(prefers-color-scheme: dark\)\{(.*)\}", drawn)
    assert night
    assert ".page{fill:#0d1117}" in night[1]
    assert not set(LOOKS.values()) & set(re.findall(r"\.(\w+)\{fill", night[1]))


def test_the_same_plan_is_the_same_picture() -> None:
    assert picture(large()) == picture(large())


def test_a_name_that_means_something_to_xml_is_only_a_name() -> None:
    plan = small()
    model = plan.models[0].model_copy(update={"checkpoint": "a/<b>&\"c'"})
    drawn = picture(plan.model_copy(update={"models": (model, plan.models[1])}))
    told = ["".join(text.itertext()) for text in ElementTree.fromstring(drawn).iter(f"{SVG}text")]  # noqa: S314
    assert "<b>&\"c' bf16" in told


@pytest.mark.parametrize(("width", "told"), [(200, "copilot"), (40, "copi…"), (8, "")])
def test_text_is_cut_to_its_room(width: float, told: str) -> None:
    assert fitting("copilot", 12, width) == told
