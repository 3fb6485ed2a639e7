from decimal import Decimal

from localcloud.cluster.pool import Taint
from localcloud.cluster.template import resource_tag, template
from tests.cluster.builders import GB200, H100, SLICE, SLICE_TAG, pool, slice_pool


def test_the_template_knows_whole_gpus_of_a_size() -> None:
    assert template(pool("big", H100)).free["nvidia.com/gpu"] == 1


def test_the_template_knows_no_gpus_of_gb200() -> None:
    assert template(pool("big", GB200)).free["nvidia.com/gpu"] == 0


def test_slices_are_unknown_without_their_tag() -> None:
    assert SLICE not in template(slice_pool(tagged=False)).free
    assert template(slice_pool(tagged=True)).free[SLICE] == 3


def test_a_tagged_resource_overrides_what_the_size_says() -> None:
    assert template(pool("big", H100, tags={resource_tag("nvidia.com/gpu"): "3"})).free["nvidia.com/gpu"] == 3


def test_a_tag_that_is_no_amount_is_passed_over() -> None:
    assert SLICE not in template(slice_pool(tagged=False, tags={SLICE_TAG: "three"})).free


def test_slash_and_underscore_are_written_as_the_autoscaler_reads_them() -> None:
    assert resource_tag("nvidia.com/mig-2g.24gb") == SLICE_TAG
    tags = {resource_tag("example.com/a_b"): "2"}
    assert template(pool(tags=tags)).free["example.com/a_b"] == 2


def test_nothing_is_reserved_and_every_template_has_110_pods() -> None:
    free = template(pool(size="Standard_D8ds_v5", max_pods=30)).free
    assert (free["cpu"], free["memory"], free["pods"]) == (8, Decimal(32 * 2**30), 110)


def test_labels_and_taints_of_the_pool_win_over_tags() -> None:
    prefix = "k8s.io_cluster-autoscaler_node-template_"
    tags = {f"{prefix}label_team": "tagged", f"{prefix}taint_sku": "gpu:NoSchedule"}
    tagged = template(pool(tags=tags))
    assert tagged.labels["team"] == "tagged"
    assert tagged.taints == (Taint.parse("sku=gpu:NoSchedule"),)
    own = template(pool(tags=tags, labels={"own": "yes"}, taints=(Taint.parse("a=b:NoExecute"),)))
    assert "team" not in own.labels
    assert own.taints == (Taint.parse("a=b:NoExecute"),)


def test_the_accelerator_label_is_foreseen_up_to_the_a100_only() -> None:
    label = "kubernetes.azure.com/accelerator"
    assert template(pool("old", "Standard_NC24ads_A100_v4")).labels[label] == "nvidia"
    assert label not in template(pool("new", H100)).labels


def test_labels_that_aks_alone_knows_are_not_foreseen() -> None:
    labels = template(pool()).labels
    assert labels["kubernetes.io/arch"] == "amd64"
    assert "kubernetes.azure.com/mode" not in labels
