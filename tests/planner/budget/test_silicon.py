"""GPUs, sizes and slices by the names that people and logs use."""

import pytest

from inference_stack.planner.silicon import SiliconError, silicon


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("H100-80GB-SXM", "H100-SXM-80GB"),
        ("H100-SXM-80GB", "H100-SXM-80GB"),
        ("NVIDIA H100 80GB HBM3", "H100-SXM-80GB"),
        ("H100-80GB (79.19 GiB)", "H100-SXM-80GB"),
        ("NVIDIA H100 PCIe", "H100-PCIe-80GB"),
        ("H100-NVL-94GB", "H100-NVL-94GB"),
        ("NVIDIA H100 NVL", "H100-NVL-94GB"),
        ("A100-80GB(variant unstated)", "A100-SXM-80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100-SXM-40GB"),
        ("NVIDIA A100 80GB PCIe", "A100-PCIe-80GB"),
        ("H200 (AWS p5en)", "H200-SXM-141GB"),
        ("GB200", "GB200-186GB"),
        ("NVIDIA L40S", "L40S-48GB"),
        ("Tesla T4", "T4-16GB"),
    ],
)
def test_a_gpu_is_known_by_the_names_of_logs(name: str, found: str) -> None:
    assert silicon(name).gpu == found


def test_a_slice_has_eighths_of_the_bandwidth_and_its_multiprocessors_of_the_rates() -> None:
    whole = silicon(sku="Standard_NC40ads_H100_v5")
    cut = silicon(sku="Standard_NC40ads_H100_v5", mig="MIG3g")
    assert cut.profile == "3g.47gb"
    assert cut.bandwidth_tb_s == pytest.approx(whole.bandwidth_tb_s * 4 / 8)
    assert cut.bf16_tflops == pytest.approx(whole.bf16_tflops * 60 / 132)
    assert cut.memory_gib < whole.memory_gib / 2
    assert cut.link_gb_s is None


def test_a_slice_is_known_by_both_names() -> None:
    assert silicon("H100-NVL-94GB", mig="1g.12gb") == silicon(sku="Standard_NC40ads_H100_v5", mig="MIG1g")


def test_memory_that_a_log_saw_stands_over_the_catalogs() -> None:
    assert silicon("H100-80GB-SXM", total_gib=79.18).memory_gib == 79.18


def test_the_link_is_that_of_the_size() -> None:
    assert silicon(sku="Standard_NC40ads_H100_v5").link_gb_s is None
    assert silicon(sku="Standard_ND96isr_H100_v5").link_gb_s == 900


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"gpu": "H1000"}, "GPU 'H1000' is not in the catalog"),
        ({"sku": "Standard_NC40ads_H100"}, "it has Standard_NC40ads_H100_v5"),
        ({"sku": "Standard_D8ds_v5"}, "has no GPU"),
        ({"gpu": "H100-NVL-94GB", "mig": "5g.60gb"}, "is not cut into '5g.60gb'; it has 1g.12gb"),
        ({"gpu": "L40S", "mig": "1g.12gb"}, "it has none"),
        ({}, "needs a GPU or a size"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(given: dict[str, str], told: str) -> None:
    with pytest.raises(SiliconError, match=told.replace("(", r"\(")):
        silicon(given.pop("gpu", None), **given)  # pyright: ignore[reportArgumentType]
