import pytest

from inference_stack.catalog import CATALOG, Row


def rows() -> list[Row]:
    return [*CATALOG.skus.values(), *CATALOG.gpus.values(), *CATALOG.models.values()]


def test_the_catalog_holds_every_size_of_the_mission() -> None:
    with_gpus = [sku for sku in CATALOG.skus.values() if sku.gpu]
    assert len(with_gpus) >= 11
    assert {sku.gpu for sku in with_gpus} <= set(CATALOG.gpus)


def test_every_row_says_where_it_is_from_and_when() -> None:
    assert all(row.source and row.seen for row in rows())


def test_every_price_says_where_it_is_from_and_when() -> None:
    for sku in CATALOG.skus.values():
        assert (sku.usd_per_hour is None) == (sku.price_source is None) == (sku.price_date is None)
        assert sku.usd_per_hour is not None or not sku.price_verified


def test_every_size_names_a_gpu_that_is_known() -> None:
    assert all(sku.gpu in CATALOG.gpus for sku in CATALOG.skus.values() if sku.gpu)
    assert all(sku.gpus > 0 for sku in CATALOG.skus.values() if sku.gpu)


def test_slices_never_exceed_their_gpu() -> None:
    for sku in CATALOG.skus.values():
        for row in CATALOG.profiles(sku.name):
            assert row.per_gpu * row.memory_gib <= CATALOG.gpus[row.gpu].memory_gib
            assert row.per_gpu * row.compute_slices <= 7
            assert row.per_gpu * row.memory_eighths <= 8


def test_a_size_that_aks_cuts_has_all_five_profiles() -> None:
    for sku in CATALOG.skus.values():
        names = [row.aks_profile for row in CATALOG.profiles(sku.name)]
        assert names == (["MIG1g", "MIG2g", "MIG3g", "MIG4g", "MIG7g"] if sku.aks_mig else [])


def test_a_slice_is_found_by_size_and_profile() -> None:
    row = CATALOG.mig("Standard_NC40ads_H100_v5", "MIG2g")
    assert row is not None
    assert (row.profile, row.per_gpu, row.memory_gib) == ("2g.24gb", 3, 21.5)


@pytest.mark.parametrize("sku", ["Standard_ND128isr_GB300_v6", "Standard_D8ds_v5", "Standard_Nothing"])
def test_a_size_that_aks_does_not_cut_has_no_slice(sku: str) -> None:
    assert CATALOG.mig(sku, "MIG2g") is None


def test_gb_sizes_are_arm_and_unknown_to_the_autoscaler() -> None:
    for sku in CATALOG.skus.values():
        grace = "GB" in sku.name
        assert (sku.arch == "arm64") == grace
        assert sku.autoscaler_knows_gpus == (sku.gpu is not None and not grace)


@pytest.mark.parametrize(
    ("sku", "millicores", "memory_gib"),
    [
        # 20 MB × 250 pods + 50 MB = 5050 MB, and 100 MiB that the kubelet never lets pods have.
        ("Standard_NC40ads_H100_v5", 500, 4.80),
        # A quarter of 16 GiB is less than that.
        ("Standard_D4ds_v5", 140, 4.10),
        ("Standard_ND96isr_H100_v5", 1060, 4.80),
    ],
)
def test_aks_keeps_back_what_its_documentation_says(sku: str, millicores: int, memory_gib: float) -> None:
    reserved = CATALOG.reserved(CATALOG.skus[sku])
    assert reserved.cpu_millicores == millicores
    assert reserved.memory_gib == pytest.approx(memory_gib, abs=0.01)


def test_the_nearest_name_of_a_typo_is_found_whatever_its_case() -> None:
    assert CATALOG.nearest("standard_nc40ads_h100", CATALOG.skus)[0] == "Standard_NC40ads_H100_v5"
    assert CATALOG.nearest("nothing like it", CATALOG.skus) == ()
