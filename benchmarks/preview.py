"""What a preview costs beyond what Pulumi costs: our program, paired with one that registers constants.

Both register the same resources with the same parents, providers and arguments, which is checked; the other
is written from a preview of ours. Runs alternate on the same engine, stand-ins and kind of backend. Policies
are left out: they cost both the same, which would flatter the ratio.

Pulumi's own time grows faster than its resources do, with constants too. Whether ours grows in line with them
is therefore asked of what we do ourselves, alone: see `preview_deciding`.

python -m benchmarks.preview
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.preview_constant import SECRET, Registered, program, registered
from benchmarks.preview_deciding import Decided, decided, power
from benchmarks.preview_environments import environment
from benchmarks.preview_measuring import Taken, measure
from inference_stack.spec import CONFIG_KEY
from localcloud.stack import PROJECT, Stack, stack_at
from localcloud.toolchain import PREVIEW, Tool, Toolchain, prepare

LIMIT = 1.2
"""Most that ours may take of the other's wall time, in the middle of all pairs."""
LINEAR = 1.15
"""Highest power of the number of models with which our own time may grow."""
SIZES = (10, 50, 200)
FIGURES: Mapping[str, Callable[[Taken], float]] = {
    "wall s": lambda taken: taken.wall_s,
    "cpu s": lambda taken: taken.cpu_s,
    "program cpu s": lambda taken: taken.program_cpu_s,
    "peak MiB": lambda taken: taken.peak_mib,
    "program MiB": lambda taken: taken.program_peak_mib,
}

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Compared:
    """The pairs of runs of one environment."""

    environment: str
    resources: int
    ours: tuple[Taken, ...]
    constant: tuple[Taken, ...]

    def ratios(self, figure: Callable[[Taken], float]) -> list[float]:
        """Ours by the other, pair by pair."""
        return [
            figure(ours) / figure(constant) for ours, constant in zip(self.ours, self.constant, strict=True)
        ]


def compare(name: str, settings: Path, toolchain: Toolchain, folder: Path, pairs: int) -> Compared:
    """Preview an environment with both programs in turn. Raises SystemExit where they are not alike."""
    ours = stack_at(name, toolchain, settings, folder / "ours")
    asked = _previewed(ours)
    constant = _constant(name, asked, toolchain, folder / "constant")
    _alike(asked, _previewed(constant))
    taken: tuple[list[Taken], list[Taken]] = ([], [])
    for number in range(pairs):
        console.print(f"{name}: pair {number + 1} of {pairs}")
        both = list(zip((ours, constant), taken, strict=True))
        for stack, runs in both if number % 2 else reversed(both):
            runs.append(_measured(stack, folder / "output"))
    found = Compared(name, len(asked), tuple(taken[0]), tuple(taken[1]))
    told = ", ".join(f"{label} {median(found.ratios(figure)):.2f} ×" for label, figure in FIGURES.items())
    console.print(f"{name}, {len(asked)} resources: {told}")
    return found


def _previewed(stack: Stack) -> list[Registered]:
    ran = stack.run("preview", "--json", capture=True)
    if ran.returncode:
        raise SystemExit(f"{stack.environment} does not preview\n{ran.stdout}\n{ran.stderr}")
    return registered(json.loads(ran.stdout))


def _constant(name: str, asked: Sequence[Registered], toolchain: Toolchain, folder: Path) -> Stack:
    """A project of the same name, so that both give the same URNs."""
    folder.mkdir()
    project = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
    project["runtime"]["options"]["virtualenv"] = str(PROJECT / ".venv")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    # Python keeps what it compiles of modules, as it does of ours; of the main one it does not.
    (folder / "registrations.py").write_text(program(asked))
    (folder / "__main__.py").write_text("import registrations\n")
    settings = folder / "settings.yaml"
    settings.write_text("config: {}\n")
    return Stack(name, toolchain, folder / "state", settings, folder)


def _alike(ours: Sequence[Registered], constant: Sequence[Registered]) -> None:
    """Raise SystemExit unless both register the same; secrets apart, which a preview does not show."""
    expected, found = ({each.urn: each for each in those} for those in (ours, constant))
    wrong = sorted(urn for urn in {*expected, *found} if not _same(expected.get(urn), found.get(urn)))
    if wrong:
        raise SystemExit("the two programs register other things:\n" + "\n".join(wrong))


def _same(ours: Registered | None, constant: Registered | None) -> bool:
    if ours is None or constant is None:
        return False
    hidden = {key for key, value in ours.inputs.items() if value == SECRET}
    kept = [
        {key: value for key, value in each.inputs.items() if key not in hidden} for each in (ours, constant)
    ]
    return kept[0] == kept[1] and (ours.parent, ours.provider) == (constant.parent, constant.provider)


def _measured(stack: Stack, output: Path) -> Taken:
    settings = stack.state / f"Pulumi.{stack.environment}.yaml"
    command = [str(stack.toolchain.path(Tool.PULUMI)), "preview", "--stack", stack.environment]
    command += ["--config-file", str(settings), "--non-interactive"]
    try:
        return measure(command, cwd=stack.project, environment=stack.variables(), output=output)
    except subprocess.CalledProcessError as wrong:
        raise SystemExit(f"{stack.environment} does not preview\n{wrong.output}") from None


def _settings(name: str, folder: Path) -> Path:
    """The settings of an environment by its name; a number stands for so many models."""
    if not name.isdecimal():
        return PROJECT / f"Pulumi.{name}.yaml"
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump({"config": {CONFIG_KEY: environment(int(name))}}, sort_keys=False))
    return file


def _print(all_: Sequence[Compared], alone: Sequence[Decided]) -> None:
    table = Table("environment", "resources", "", "ours", "constant", "ratio", "from – to", box=SIMPLE_HEAD)
    for each in all_:
        first = True
        for label, figure in FIGURES.items():
            ratios = each.ratios(figure)
            table.add_row(
                each.environment if first else "",
                str(each.resources) if first else "",
                label,
                f"{median(map(figure, each.ours)):.2f}",
                f"{median(map(figure, each.constant)):.2f}",
                f"{median(ratios):.2f}",
                f"{min(ratios):.2f} – {max(ratios):.2f}",
                end_section=label == list(FIGURES)[-1],
            )
            first = False
    output = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    output.print(table)
    table = Table("models", "our own cpu s", "ms a model", box=SIMPLE_HEAD)
    for taken in alone:
        table.add_row(str(taken.models), f"{taken.cpu_s:.2f}", f"{taken.ms_per_model:.1f}")
    output.print(table)
    output.print(f"Our own time grows with the number of models to the power of {power(alone):.2f}")


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="Environments; a number stands for so many models.")
    ] = None,
    pairs: Annotated[int, typer.Option(help="Pairs of runs of each environment.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, every run in it.")] = False,
) -> None:
    """Measure, print, and exit with 1 where ours takes too long."""
    toolchain = prepare(PREVIEW, console=console)
    compared: list[Compared] = []
    for name in names or ("dev", "prod", *map(str, SIZES)):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            stack = f"models-{name}" if name.isdecimal() else name
            compared.append(compare(stack, _settings(name, folder), toolchain, folder, pairs))
    alone = decided(pairs)
    wall = FIGURES["wall s"]
    slow = [each.environment for each in compared if median(each.ratios(wall)) > LIMIT]
    bent = power(alone) > LINEAR
    if as_json:
        content = {
            "compared": [asdict(each) for each in compared],
            "alone": [each._asdict() for each in alone],
            "power": power(alone),
        }
        print(json.dumps(content, indent=2))
    else:
        _print(compared, alone)
    if slow or bent:
        console.print(f"over {LIMIT} ×: {', '.join(slow) or 'none'}; linear: {'no' if bent else 'yes'}")
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
