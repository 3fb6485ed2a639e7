"""Shows how far a build is and how long it will still take."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from localcloud.toolchain.go_command import DOWNLOADING, is_package
from localcloud.toolchain.pins import Binary, Pin

PLAIN_INTERVAL_S = 30.0
TRUSTED_S = 20.0
"""Weight that must be done before this machine's own pace replaces that of the measured one."""
LINKING = 0.1
"""Share of a build that comes after the last package is compiled."""


class Schedule:
    """What is to be built, how much of it is done, and how long the rest will take at the pace so far.

    The measured seconds of pins.toml are weights: a machine twice as slow is noticed after a while.
    """

    def __init__(self, pins: Sequence[Pin], clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock."""
        self._pins = list(pins)
        self._clock = clock
        self._started = clock()
        self._finished_s = 0.0
        self._current: Pin | None = None
        self._compiled = 0
        self._downloading = False

    @property
    def total_s(self) -> float:
        """Weight of everything, in seconds of the measured machine."""
        return sum(pin.cold_s for pin in self._pins)

    @property
    def done_s(self) -> float:
        """Weight of what is done, in seconds of the measured machine."""
        current = self._current.cold_s * self._fraction() if self._current else 0.0
        return self._finished_s + current

    @property
    def remaining_s(self) -> float:
        """Estimate of the seconds still to wait."""
        ahead = self.total_s - self.done_s
        if self.done_s < TRUSTED_S:
            return ahead
        return ahead * (self._clock() - self._started) / self.done_s

    @property
    def note(self) -> str:
        """The tool at work, and how many of its packages are compiled."""
        pin = self._current
        if pin is None:
            return ""
        doing = "at work"
        if self._downloading:
            doing = "fetching modules"
        elif isinstance(pin, Binary) and self._compiled:
            doing = f"{self._compiled} of {max(pin.packages, self._compiled)} packages"
        return f"{pin.name}: {doing}"

    def begin(self, pin: Pin) -> None:
        """Say which tool is at work."""
        self._current, self._compiled, self._downloading = pin, 0, False

    def heard(self, line: str) -> None:
        """Take notice of one line of `go build -v`."""
        self._compiled += is_package(line)
        self._downloading = line.startswith(DOWNLOADING)

    def finish(self) -> None:
        """The tool at work is ready."""
        self._finished_s += self._current.cold_s if self._current else 0.0
        self._current = None

    def _fraction(self) -> float:
        if not isinstance(self._current, Binary):
            return 0.0
        return (1 - LINKING) * min(1.0, self._compiled / self._current.packages)


@contextmanager
def shown(schedule: Schedule, console: Console) -> Iterator[None]:
    """Show a schedule while the block runs: a bar on a terminal, else a line now and then."""
    with _bar(schedule, console) if console.is_terminal else _lines(schedule, console):
        yield


@contextmanager
def _bar(schedule: Schedule, console: Console) -> Iterator[None]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=schedule.total_s, left="")

        def refresh() -> None:
            progress.update(
                task, completed=schedule.done_s, description=schedule.note, left=_left(schedule.remaining_s)
            )

        with _every(0.25, refresh):
            yield


@contextmanager
def _lines(schedule: Schedule, console: Console) -> Iterator[None]:
    def line() -> None:
        say(console, f"{schedule.note}, {_left(schedule.remaining_s)}")

    with _every(PLAIN_INTERVAL_S, line):
        yield


@contextmanager
def _every(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    over = Event()

    def loop() -> None:
        while not over.wait(seconds):
            action()

    thread = Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _left(seconds: float) -> str:
    return f"about {duration(seconds)} left"


def say(console: Console, line: str) -> None:
    """Print a line as it is, however long it is and whatever brackets a path in it has."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """Seconds for people: minutes where they are many."""
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
