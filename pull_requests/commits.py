"""Two states of the repository: the working tree, and the commit from which it left the base."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "requirements.lock"
_NO_PART_OF_A_PREVIEW = frozenset(
    {".ci", ".github", ".gitignore", "Makefile", "benchmarks", "docs", "pull_requests", "recovery", "tests"}
)
"""What stands beside the stack. Whatever is not named here touches every environment."""


class RepositoryError(Exception):
    """The base cannot be had. The message says what to do."""


class Repository:
    """A working tree."""

    def __init__(self, folder: Path) -> None:
        """The tree that `folder` is the root of."""
        self.folder = folder

    def base(self, name: str) -> str:
        """The commit at which the working tree left `name`. Raises RepositoryError."""
        asked = self._asked("merge-base", name, "HEAD")
        if asked.returncode:
            said = asked.stderr.strip() or "they share no commit that is here"
            raise RepositoryError(
                f"BASE={name} gives nothing to compare with: {said}\n"
                "  allowed: a branch, tag or commit that this history has in common\n"
                f"  do: git fetch origin {name.removeprefix('origin/')}; "
                "in a shallow clone, git fetch --unshallow"
            )
        return asked.stdout.strip()

    def changed(self, commit: str) -> list[str]:
        """Files that differ from a commit, those not committed yet among them."""
        tracked = self._lines("diff", "--name-only", "--no-renames", commit)
        return sorted({*tracked, *self._lines("ls-files", "--others", "--exclude-standard")})

    @contextmanager
    def tree(self, commit: str, folder: Path) -> Iterator[Path]:
        """A working tree of a commit in `folder`, with a virtual environment in it, and gone afterwards."""
        self._asked("worktree", "remove", "--force", str(folder))  # of a run that was killed
        self._asked("worktree", "prune")
        made = self._asked("worktree", "add", "--detach", str(folder), commit)
        if made.returncode:
            raise RepositoryError(made.stderr.strip())
        try:
            self._furnish(folder)
            yield folder
        finally:
            self._asked("worktree", "remove", "--force", str(folder))

    def _furnish(self, folder: Path) -> None:
        """The same packages where both lock the same, else those that the commit locks."""
        if (folder / LOCK).read_bytes() == (self.folder / LOCK).read_bytes():
            (folder / ".venv").symlink_to(self.folder / ".venv")
            return
        command = [sys.executable, "localcloud/bootstrap.py", "--set", "preview"]
        if subprocess.run(command, cwd=folder, check=False).returncode:
            raise RepositoryError("The packages that the base locks could not be installed.")

    def _lines(self, *arguments: str) -> list[str]:
        asked = self._asked(*arguments)
        if asked.returncode:
            raise RepositoryError(asked.stderr.strip())
        return asked.stdout.splitlines()

    def _asked(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A hook that runs this has variables set that point at the wrong tree.
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return subprocess.run(
            ["git", "-c", "core.quotePath=false", *arguments],  # noqa: S607 (the user's own)
            cwd=self.folder,
            env=own,
            capture_output=True,
            text=True,
            check=False,
        )


def environments(folder: Path) -> list[str]:
    """Names of the environments that a tree has a file for."""
    return sorted(file.name.split(".")[1] for file in folder.glob("Pulumi.*.yaml"))


def touched(changed: Iterable[str], environments: Iterable[str]) -> list[str]:
    """Environments that may become other than they were: those whose file differs, or all where code does."""
    files = set(changed)
    own = {f"Pulumi.{name}.yaml": name for name in environments}
    code = {file for file in files - own.keys() if not _beside(file)}
    return sorted(own.values() if code else {own[file] for file in files & own.keys()})


def _beside(file: str) -> bool:
    top = file.partition("/")[0]
    return top in _NO_PART_OF_A_PREVIEW or file.endswith(".md")
