"""What a replica says of its GPUs: nothing where nobody can know."""

import sys

import pytest

from serving.gpu_use import Gpus, mean_use
from serving.signals import ReplicaReport


@pytest.mark.parametrize(("percent", "share"), [([0], 0), ([37], 0.37), ([100, 50], 0.75), ([101], 1)])
def test_use_is_the_mean_of_all_gpus_as_a_share(percent: list[float], share: float) -> None:
    assert mean_use(percent) == pytest.approx(share)
    assert ReplicaReport(at_s=0, gpu_use=mean_use(percent)).stats()["engine_gpu_use"] == pytest.approx(share)


def test_nothing_is_said_where_no_binding_of_nvml_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert Gpus().use() is None


def test_nothing_is_said_where_nvml_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = Gpus()  # of this machine, which has a driver or not
    assert gpus.use() is None or 0 <= (gpus.use() or 0) <= 1
    monkeypatch.setattr(gpus, "_handles", [None])
    assert gpus.use() is None
