import time
from io import StringIO

import pytest
from rich.console import Console

from localcloud.toolchain import Tool, progress
from localcloud.toolchain.pins import PINS, Binary
from localcloud.toolchain.progress import Schedule, shown


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def binary(tool: Tool, cold_s: float, packages: int) -> Binary:
    pinned = next(pin for pin in PINS.binary if pin.tool is tool)
    return pinned.model_copy(update={"cold_s": cold_s, "packages": packages})


ETCD = binary(Tool.ETCD, cold_s=100, packages=10)
KWOK = binary(Tool.KWOK, cold_s=300, packages=10)


def compile_packages(schedule: Schedule, count: int) -> None:
    for number in range(count):
        schedule.heard(f"example.org/package{number}")


def test_before_anything_is_known_the_measured_seconds_are_the_estimate() -> None:
    assert Schedule([ETCD, KWOK], Clock()).remaining_s == 400


def test_a_machine_of_half_the_pace_takes_twice_as_long_for_the_rest() -> None:
    clock = Clock()
    schedule = Schedule([ETCD, KWOK], clock)
    schedule.begin(ETCD)
    schedule.finish()
    clock.now = 200
    assert schedule.remaining_s == 600


def test_compiled_packages_move_the_estimate_and_downloads_do_not() -> None:
    clock = Clock()
    schedule = Schedule([KWOK], clock)
    schedule.begin(KWOK)
    schedule.heard("go: downloading example.org/module v1.0.0")
    assert schedule.done_s == 0
    assert schedule.note == "kwok 0.8.0: fetching modules"
    compile_packages(schedule, 5)
    assert schedule.done_s == 300 * 0.9 / 2
    assert schedule.note == "kwok 0.8.0: 5 of 10 packages"


def test_more_packages_than_pinned_never_count_as_more_than_all() -> None:
    schedule = Schedule([KWOK], Clock())
    schedule.begin(KWOK)
    compile_packages(schedule, 50)
    assert schedule.done_s == 300 * 0.9
    assert schedule.note == "kwok 0.8.0: 50 of 50 packages"


def test_without_a_terminal_a_line_now_and_then_tells_tool_packages_and_time(
    screen: StringIO, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_S", 0.05)
    schedule = Schedule([KWOK], Clock())
    schedule.begin(KWOK)
    compile_packages(schedule, 2)
    with shown(schedule, console):
        time.sleep(0.3)
    assert "kwok 0.8.0: 2 of 10 packages, about" in screen.getvalue()
    assert len(screen.getvalue().splitlines()) > 1


def test_on_a_terminal_there_is_a_bar_with_the_time_left(screen: StringIO) -> None:
    schedule = Schedule([KWOK], Clock())
    schedule.begin(KWOK)
    with shown(schedule, Console(file=screen, width=200, force_terminal=True)):
        time.sleep(0.6)
    assert "about 5 min left" in screen.getvalue()
