"""Pages that say what to do, done: fenced blocks put into the files that they name, commands run.

A block stands under a line that ends in a colon and names the file: `Append to`, `Write`, `Below the line`.
In a `console` block a line after `$ ` is a command, and what follows is what it prints; `…` stands for
anything, and on a line of its own for any lines.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]

FENCE = re.compile(
    r"(?P<before>[^\n]*)\n+```(?P<language>[\w-]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
APPEND = re.compile(r"Append to `(?P<file>[^`]+)`:$")
WRITE = re.compile(r"Write `(?P<file>[^`]+)`:$", re.MULTILINE)
BELOW = re.compile(r"Below the line `(?P<line>[^`]+)` of `(?P<file>[^`]+)`:$")


class NotFollowedError(Exception):
    """A step that cannot be done, or that does something else than the page says."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and the line above it."""

    before: str
    language: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """Those of a page, from the top."""
    for found in FENCE.finditer(page):
        yield Block(found["before"].strip(), found["language"], found["text"])


def copied(folder: Path) -> Path:
    """The repository as it is now: what git tracks, and what it would."""
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=PROJECT, capture_output=True, check=True, text=True).stdout
    for name in names.rstrip("\0").split("\0"):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, folder / name)
    return folder


def follow(page: str, folder: Path) -> int:
    """Do what a page says in a copy of the repository; returns how many steps that were.

    Raises NotFollowedError at the first step that cannot be done as written.
    """
    steps = 0
    for block in blocks(page):
        if block.language == "console":
            for command, shown in commands(block.text):
                run(command, shown, folder)
                steps += 1
        else:
            edit(block, folder)
            steps += 1
    return steps


def edit(block: Block, folder: Path) -> None:
    """Put a block into the file that the line above it names."""
    if found := APPEND.search(block.before):
        file = folder / found["file"]
        file.write_text(_there(file) + block.text)
    elif found := WRITE.search(block.before):
        file = folder / found["file"]
        if file.exists() or not file.parent.is_dir():
            raise NotFollowedError(f"{found['file']} cannot be written as a new file")
        file.write_text(block.text)
    elif found := BELOW.search(block.before):
        file = folder / found["file"]
        lines = _there(file).splitlines(keepends=True)
        at = [number for number, line in enumerate(lines) if line.strip() == found["line"].strip()]
        if len(at) != 1:
            raise NotFollowedError(f"{found['file']} has the line {found['line']} {len(at)} times")
        lines.insert(at[0] + 1, block.text)
        file.write_text("".join(lines))
    else:
        raise NotFollowedError(f"no line above a block says where it goes: {block.before!r}")


def _there(file: Path) -> str:
    if not file.is_file():
        raise NotFollowedError(f"{file.name} is not there")
    return file.read_text()


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Commands of a console block, each with what the page says it prints."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def run(command: str, shown: str, folder: Path) -> None:
    """Run a command of a page there and hold what it prints against the page."""
    binaries = PROJECT / ".venv" / "bin"
    environment = {
        **os.environ,
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "COLUMNS": "120",
    }
    ran = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = plain(ran.stdout)
    if ran.returncode or not re.fullmatch(expected(shown), printed):
        went = f"exit code {ran.returncode}, printed\n{printed}{ran.stderr}"
        raise NotFollowedError(f"$ {command}\n{went}\nthe page shows\n{shown}")


def plain(text: str) -> str:
    """Without what hangs on the terminal and on the clock."""
    lines = (line.rstrip() for line in text.splitlines())
    return "".join(f"{re.sub(r' in [0-9.]+s$', '', line)}\n" for line in lines if line)


def expected(shown: str) -> str:
    """A pattern of what a page shows; `…` stands for anything, on a line of its own for any lines."""
    return "".join(
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in plain(shown).splitlines()
    )
