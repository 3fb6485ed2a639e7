"""What the stand-in is told to do wrong, as the provider tells it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from localcloud.arm.faults import Fault
from tests.arm.engine import GPU_POOL, GROUP, POOL, Engine, Made, RefusedError

RG = {"resourceGroupName": "other"}
STRIKES = [
    # order, number, name, struck
    ({"at": 3}, 3, "gpu", True),
    ({"at": 3}, 2, "gpu", False),
    ({"type": POOL, "name": "GPU"}, 7, "gpu", True),
    ({"type": GROUP, "name": "gpu"}, 7, "gpu", False),
    ({"type": POOL, "name": "cpu"}, 7, "gpu", False),
    ({"at": 3, "name": "cpu"}, 3, "gpu", False),
    ({}, 1, "gpu", True),
]


@pytest.mark.parametrize(("order", "number", "name", "struck"), STRIKES)
def test_a_fault_strikes_what_it_names(order: Any, number: int, name: str, struck: bool) -> None:
    assert Fault(kind="fail", **order).strikes(number, POOL, name) is struck


def order(engine: Engine, fault: Fault) -> None:
    with engine.store() as store:
        store.order(fault)


def operations(engine: Engine) -> int:
    with engine.store() as store:
        return store.operations


def test_writes_are_counted_and_reads_are_not(engine: Engine, group: Made) -> None:
    engine.refresh(group)
    engine.update(group, {"tags": {"a": "b"}})
    engine.delete(group)
    engine.delete(group)

    assert operations(engine) == 3


def test_a_refusal_is_ordered_by_number_strikes_once_and_leaves_nothing(engine: Engine, group: Made) -> None:
    order(engine, Fault(kind="refuse", at=3, refusal="NoSystemPool"))
    engine.create(GROUP, "two", {"resourceGroupName": "two"})

    with pytest.raises(
        RefusedError, match=r'^Status=400 Code="BadRequest" Message="There has to be at'
    ) as error:
        engine.create(GROUP, "other", RG)

    assert error.value.half_made is None
    assert operations(engine) == 3
    engine.create(GROUP, "other", RG)


def test_what_arm_refuses_of_itself_counts_too(engine: Engine, cluster: Made) -> None:
    before = operations(engine)
    with pytest.raises(RefusedError):
        engine.create(POOL, "gpu", {**GPU_POOL, "count": 4})

    assert operations(engine) == before + 1


@pytest.mark.parametrize("name", ["h100", "other"])
def test_a_failed_deletion_leaves_a_failed_resource(engine: Engine, pool: Made, name: str) -> None:
    order(engine, Fault(kind="fail", type=POOL, name=name, message="Drain failed."))

    if name == "h100":
        with pytest.raises(RefusedError, match=r'^Code="ResourceOperationFailure" Message="Drain failed\."$'):
            engine.delete(pool)
        found = engine.refresh(pool)
        assert found is not None
        assert found.outputs["provisioningState"] == "Failed"
    engine.delete(pool)
    assert engine.refresh(pool) is None


def unanswered(engine: Engine, fault: Fault, call: Callable[[], Any]) -> Future[Any]:
    """A call whose write has been counted, and to which no answer comes."""
    order(engine, fault)
    before = operations(engine)
    answer = ThreadPoolExecutor(1).submit(call)
    while operations(engine) == before:
        assert not answer.done()
    return answer


def error_of(answer: Future[Any]) -> RefusedError:
    error = answer.exception(timeout=30)
    assert isinstance(error, RefusedError)
    return error


def test_a_stalled_creation_exists_and_cancelling_leaves_it_half_made(engine: Engine, group: Made) -> None:
    answer = unanswered(engine, Fault(kind="stall"), lambda: engine.create(GROUP, "other", RG))
    made = engine.read(GROUP, group.id.replace("/rg", "/other"))
    assert made is not None
    assert not answer.done()

    engine.cancel()

    error = error_of(answer)
    assert str(error) == "context canceled"
    assert error.half_made.id == made.id


def test_a_creation_that_hangs_never_reached_arm(engine: Engine, group: Made) -> None:
    answer = unanswered(engine, Fault(kind="hang"), lambda: engine.create(GROUP, "other", RG))
    assert not answer.done()

    engine.cancel()

    assert error_of(answer).half_made is None
    assert engine.read(GROUP, group.id.replace("/rg", "/other")) is None


def test_a_stalled_deletion_is_done(engine: Engine, group: Made) -> None:
    answer = unanswered(engine, Fault(kind="stall"), lambda: engine.delete(group))

    engine.cancel()

    assert str(error_of(answer)) == "context canceled"
    assert engine.refresh(group) is None


def test_once_cancelled_nothing_more_is_sent(engine: Engine, group: Made) -> None:
    engine.cancel()

    with pytest.raises(RefusedError, match=r"^context canceled$"):
        engine.delete(group)

    assert engine.refresh(group) == group
