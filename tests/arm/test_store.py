import subprocess
import sys
from datetime import UTC
from pathlib import Path

import pytest

from localcloud.arm.store import Store, Stored, now

POOL = "azure-native:containerservice:AgentPool"
CLUSTER_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks"


def pool(name: str = "gpu", **properties: object) -> Stored:
    path = f"{CLUSTER_ID}/agentPools/{name}"
    return Stored(id=path, type=POOL, name=name, parent_id=CLUSTER_ID, properties=properties, created=now())


def test_what_was_put_is_found_by_id_type_and_parent(tmp_path: Path) -> None:
    with Store(tmp_path / "arm.db") as store:
        stored = store.put(pool(count=1, nodeLabels={"a": "b"}))

        assert store.get(stored.id) == stored
        assert store.all(POOL) == [stored]
        assert store.children(CLUSTER_ID) == [stored]
        assert store.within("/subscriptions/s/resourceGroups/rg") == [stored]
        assert store.within("/subscriptions/s/resourceGroups/r") == []
        assert stored.created.tzinfo == UTC


def test_ids_are_compared_without_regard_to_case(tmp_path: Path) -> None:
    with Store(tmp_path / "arm.db") as store:
        stored = store.put(pool())

        assert store.get(stored.id.upper()) == stored
        assert store.children(CLUSTER_ID.lower()) == [stored]


def test_a_second_put_keeps_the_creation_time_and_counts_the_revision(tmp_path: Path) -> None:
    with Store(tmp_path / "arm.db") as store:
        first = store.put(pool(count=1))
        second = store.put(pool(count=2))

        assert (second.revision, second.created) == (2, first.created)
        assert store.all(POOL) == [second]


def test_a_change_overwrites_only_what_it_names(tmp_path: Path) -> None:
    with Store(tmp_path / "arm.db") as store:
        stored = store.put(pool(count=1, maxCount=3))

        assert store.change(stored.id, count=2).properties == {"count": 2, "maxCount": 3}


def test_a_change_of_nothing_is_an_error(tmp_path: Path) -> None:
    with Store(tmp_path / "arm.db") as store, pytest.raises(LookupError, match="no resource /x"):
        store.change("/x", count=1)


def test_a_failed_transaction_leaves_no_trace(tmp_path: Path) -> None:
    def fail() -> None:
        with store.transaction():
            store.put(pool())
            raise ArithmeticError

    with Store(tmp_path / "arm.db") as store:
        with pytest.raises(ArithmeticError):
            fail()

        assert store.all(POOL) == []


def test_a_transaction_within_another_can_fail_alone(tmp_path: Path) -> None:
    def fail() -> None:
        with store.transaction():
            store.put(pool("two"))
            raise ArithmeticError

    with Store(tmp_path / "arm.db") as store:
        with store.transaction():
            kept = store.put(pool("one"))
            with pytest.raises(ArithmeticError):
                fail()

        assert store.all(POOL) == [kept]


def test_a_setting_is_what_it_was_last_set_to(tmp_path: Path) -> None:
    with Store(tmp_path / "arm.db") as store:
        assert store.setting("pace") is None
        store.set("pace", "1")
        store.set("pace", "2")

        assert store.setting("pace") == "2"


def at_once(number: int, command: list[str]) -> list[bytes]:
    """What each of several processes says on standard error."""
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(number)]
    return [process.communicate(timeout=60)[1] for process in processes]


COUNTING = """
import sys
from pathlib import Path
from localcloud.arm.store import Store
for _ in range(100):
    with Store(Path(sys.argv[1])) as store, store.transaction():
        stored = store.get(sys.argv[2])
        store.change(stored.id, count=stored.properties["count"] + 1)
"""


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "arm.db"
    with Store(path) as store:
        stored = store.put(pool(count=0))
    command = [sys.executable, "-c", COUNTING, str(path), stored.id]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]

    assert [(process.communicate(timeout=60)[1], process.returncode) for process in processes] == [
        (b"", 0)
    ] * 2
    with Store(path) as store:
        assert store.change(stored.id).properties["count"] == 200


OPENING = (
    "import sys; from pathlib import Path; from localcloud.arm.store import Store; Store(Path(sys.argv[1]))"
)


def test_four_processes_that_make_the_file_at_once_all_succeed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENING, str(tmp_path / "new" / "arm.db")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]

    assert [(process.communicate(timeout=60)[1], process.returncode) for process in processes] == [
        (b"", 0)
    ] * 4
