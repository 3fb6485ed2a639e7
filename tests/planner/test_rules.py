import pytest

from inference_stack.catalog import CATALOG
from inference_stack.planner import GPU_TAINT, IDLE_REASON_TAG
from inference_stack.planner.rules import (
    GpuPoolFacts,
    LicenceFacts,
    MigFacts,
    gpu_pool_reachable,
    licence_allowed,
    mig_profile_possible,
)

TEMPLATE = "k8s.io_cluster-autoscaler_node-template_resources_nvidia.com_"
NC40 = "Standard_NC40ads_H100_v5"


def pool(**facts: object) -> GpuPoolFacts:
    sliced = {
        "vm_size": NC40,
        "gpu_instance_profile": "MIG2g",
        "node_taints": (GPU_TAINT,),
        "tags": {TEMPLATE + "gpu": "3"},
        "min_count": 0,
    }
    return GpuPoolFacts.model_validate(sliced | facts)


def told(facts: GpuPoolFacts) -> list[tuple[str, str]]:
    return [(finding.path, finding.code) for finding in gpu_pool_reachable(facts, CATALOG)]


@pytest.mark.parametrize(
    "facts",
    [
        pool(),
        pool(strategy="single"),
        pool(strategy="mixed", tags={TEMPLATE + "mig-2g.24gb": "3"}),
        pool(tags={TEMPLATE + "mig-2g.24gb": "3"}),
        pool(vm_size="Standard_NC80adis_H100_v5", tags={TEMPLATE + "gpu": "6"}),
        pool(gpu_instance_profile=None, tags={}),
        pool(vm_size="Standard_ND128isr_GB300_v6", gpu_instance_profile=None, tags={TEMPLATE + "gpu": "4"}),
        pool(min_count=1, tags={IDLE_REASON_TAG: "Customers do not wait."}),
        pool(vm_size="Standard_D8ds_v5", node_taints=(), tags={}),
    ],
)
def test_a_gpu_pool_that_is_tainted_and_reached_passes(facts: GpuPoolFacts) -> None:
    assert told(facts) == []


@pytest.mark.parametrize(
    "facts",
    [
        pool(tags={}),
        pool(tags={TEMPLATE + "gpu": "1"}),
        pool(strategy="mixed"),
        pool(strategy="single", tags={TEMPLATE + "mig-2g.24gb": "3"}),
        pool(gpu_instance_profile=None),
        pool(vm_size="Standard_ND128isr_GB300_v6", gpu_instance_profile=None, tags={}),
    ],
)
def test_a_pool_without_its_tag_is_reported(facts: GpuPoolFacts) -> None:
    assert told(facts) == [("tags", "gpu-pool-unreachable")]


def test_the_report_of_a_missing_tag_says_which_one_would_do() -> None:
    (finding,) = gpu_pool_reachable(pool(tags={}, strategy="mixed"), CATALOG)
    assert finding.allowed == TEMPLATE + "mig-2g.24gb: 3"


def test_an_untainted_gpu_pool_is_reported() -> None:
    assert told(pool(node_taints=("team=search:NoSchedule",))) == [("node_taints", "gpu-pool-untainted")]


def test_gpu_nodes_kept_without_a_reason_are_reported() -> None:
    assert told(pool(min_count=2)) == [("min_count", "gpu-pool-idle-without-reason")]


@pytest.mark.parametrize(
    ("size", "profile"), [(NC40, "MIG3g"), (NC40, None), ("Standard_Unheard_Of", "MIG1g")]
)
def test_a_profile_that_aks_makes_passes(size: str, profile: str | None) -> None:
    assert mig_profile_possible(MigFacts(vm_size=size, gpu_instance_profile=profile), CATALOG) is None


def test_a_profile_that_aks_does_not_make_is_reported_with_those_it_makes() -> None:
    finding = mig_profile_possible(MigFacts(vm_size=NC40, gpu_instance_profile="MIG5g"), CATALOG)
    assert finding is not None
    assert (finding.path, finding.code) == ("gpu_instance_profile", "mig-profile-impossible")
    assert "MIG2g (3 × 2g.24gb)" in (finding.allowed or "")


def test_no_profile_is_possible_on_gb_sizes() -> None:
    facts = MigFacts(vm_size="Standard_ND128isr_NDR_GB200_v6", gpu_instance_profile="MIG1g")
    finding = mig_profile_possible(facts, CATALOG)
    assert finding is not None
    assert "GB200" in finding.what


def test_an_allowed_licence_passes() -> None:
    facts = LicenceFacts(source="Qwen/Qwen3-8B", allowed=("apache-2.0",))
    assert licence_allowed(facts, CATALOG) is None


@pytest.mark.parametrize(
    ("source", "code"),
    [("google/gemma-2-2b-it", "licence-not-allowed"), ("acme/model", "licence-unknown")],
)
def test_a_licence_that_is_not_allowed_or_not_known_is_reported(source: str, code: str) -> None:
    finding = licence_allowed(LicenceFacts(source=source, allowed=("apache-2.0", "mit")), CATALOG)
    assert finding is not None
    assert (finding.path, finding.code) == ("source", code)
    assert finding.allowed == "models under apache-2.0, mit"


def test_a_checkpoint_outside_of_the_catalog_passes_by_the_licence_that_is_claimed_for_it() -> None:
    facts = LicenceFacts(source="abfss://weights/mine", claimed="mit", allowed=("mit",))
    assert licence_allowed(facts, CATALOG) is None


def test_what_is_claimed_for_a_checkpoint_of_the_catalog_does_not_count() -> None:
    facts = LicenceFacts(source="google/gemma-2-2b-it", claimed="mit", allowed=("mit",))
    finding = licence_allowed(facts, CATALOG)
    assert finding is not None
    assert finding.code == "licence-not-allowed"
