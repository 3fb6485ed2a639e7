import csv
import re
from itertools import combinations
from pathlib import Path

import pytest

from inference_stack.catalog import CATALOG, MigRow

AZURE = Path(__file__).parents[2].parent / "shared" / "data" / "azure"


def collected(file: str, key: str) -> dict[str, dict[str, str]]:
    with (AZURE / file).open() as lines:
        return {line[key]: line for line in csv.DictReader(lines)}


def number(text: str) -> float:
    found = re.search(r"\d+(\.\d+)?", text)
    assert found, text
    return float(found.group())


def test_a_gpu_size_is_as_collected_from_azure() -> None:
    for name, line in collected("gpu_skus.csv", "sku").items():
        sku = CATALOG.skus[name]
        gpu = CATALOG.gpus[sku.gpu or ""]
        assert (sku.vcpu, sku.memory_gib, sku.gpus) == (
            int(line["vcpu"]),
            int(line["ram_gib"]),
            int(line["gpu_count"]),
        )
        assert sku.arch == {"x86_64": "amd64", "aarch64": "arm64"}[line["arch"]]
        assert gpu.memory_gib == pytest.approx(number(line["torch_total_gib_each"]), abs=0.6)
        assert gpu.bandwidth_tb_s == float(line["hbm_tb_s"])
        assert (sku.temp_disk_gib or 0) == int(line["temp_disk_gib"] or 0)
        assert sku.nic_gbit_s == int(line["max_nic_mbps"]) / 1000
        assert sku.aks_mig == line["aks_mig"].startswith("yes")


@pytest.mark.parametrize("name", [name for name, sku in CATALOG.skus.items() if sku.gpu])
def test_infiniband_of_a_gpu_is_its_link_in_bytes(name: str) -> None:
    sku = CATALOG.skus[name]
    if sku.infiniband is None:
        assert sku.scale_out_gb_s is None
    else:
        links, gbit = map(int, re.findall(r"\d+", sku.infiniband)[:2])
        assert sku.scale_out_gb_s == links * gbit / 8 / sku.gpus


def test_peak_rates_are_as_collected() -> None:
    names = {"H100 SXM 80GB": "H100-SXM-80GB", "A100 PCIe 80GB": "A100-PCIe-80GB", "GB200": "GB200-186GB"}
    for name, line in collected("gpu_specs.csv", "gpu").items():
        gpu = CATALOG.gpus.get(names.get(name, name.replace(" ", "-")))
        if gpu is not None:
            assert gpu.bf16_tflops == float(line["bf16"])
            assert gpu.fp8_tflops == (float(line["fp8"]) if line["fp8"] else None)
            assert gpu.fp4_tflops == (float(line["fp4"]) if line["fp4"] else None)


def test_rates_double_as_bits_halve_where_a_gpu_has_the_smaller_format() -> None:
    for gpu in CATALOG.gpus.values():
        assert gpu.fp8_tflops is None or gpu.fp8_tflops == pytest.approx(2 * gpu.bf16_tflops, rel=0.02)
        assert gpu.fp4_tflops is None or gpu.fp4_tflops >= 1.9 * (gpu.fp8_tflops or 0)


def test_fp8_starts_with_ada_and_fp4_with_blackwell() -> None:
    for gpu in CATALOG.gpus.values():
        assert (gpu.fp8_tflops is not None) == (gpu.architecture in ("Ada", "Hopper", "Blackwell"))
        assert (gpu.fp4_tflops is not None) == (gpu.architecture == "Blackwell")


def test_no_a100_size_is_planned_as_new_capacity_and_says_why() -> None:
    for sku in CATALOG.skus.values():
        a100 = sku.gpu is not None and sku.gpu.startswith("A100")
        assert sku.new_capacity != a100
        assert (sku.capacity_note is not None) == a100


def test_reserved_costs_less_than_pay_as_you_go_and_three_years_less_than_one() -> None:
    reserved = [sku for sku in CATALOG.skus.values() if sku.reserved_1y_usd_per_hour]
    assert len(reserved) >= 3
    for sku in reserved:
        prices = (sku.reserved_3y_usd_per_hour or 0, sku.reserved_1y_usd_per_hour or 0, sku.usd_per_hour or 0)
        assert 0 < prices[0] < prices[1] < prices[2]
        assert sku.reserved_source
        assert sku.reserved_date


def overlap(one: MigRow, start: int, other: MigRow, begin: int) -> bool:
    return start < begin + other.memory_eighths and begin < start + one.memory_eighths


def test_slices_cut_alike_fit_beside_each_other_as_often_as_nvidia_says() -> None:
    for gpu in CATALOG.gpus:
        for row in CATALOG.slices(gpu):
            assert len(row.start_slots) == row.per_gpu
            assert max(row.start_slots) + row.memory_eighths <= 8
            for one, other in combinations(row.start_slots, 2):
                assert not overlap(row, one, row, other)


def test_two_halves_share_a_gpu_but_a_half_and_a_whole_do_not() -> None:
    rows = {row.aks_profile: row for row in CATALOG.slices("H100-NVL-94GB") if row.aks_profile}
    half, most, whole = rows["MIG3g"], rows["MIG4g"], rows["MIG7g"]
    assert any(not overlap(most, 0, half, start) for start in half.start_slots)
    assert all(overlap(whole, 0, half, start) for start in half.start_slots)


def test_slices_that_aks_does_not_offer_are_known_but_not_among_its_profiles() -> None:
    wide = [row.profile for row in CATALOG.slices("H100-NVL-94GB") if not row.aks_profile]
    assert wide == ["1g.24gb"]
    assert all(row.profile != "1g.24gb" for row in CATALOG.profiles("Standard_NC40ads_H100_v5"))


def test_slices_of_one_width_have_the_bandwidth_of_their_memory_not_of_their_cores() -> None:
    half = CATALOG.mig("Standard_NC40ads_H100_v5", "MIG3g")
    assert half is not None
    assert (half.compute_slices, half.memory_eighths) == (3, 4)
