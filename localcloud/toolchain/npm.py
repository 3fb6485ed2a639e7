"""Drives npm: installs a package as its lock file says, and nothing that is not in it."""

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.toolchain.error import ToolchainError
from localcloud.toolchain.pins import Npm as Pin

LAST_WORDS = 8
NODE = 20
"""Oldest Node.js that the pinned packages run on."""
INSTALL = "install a current Node.js, which brings npm (https://nodejs.org), and run the command again"


@dataclass(frozen=True)
class Npm:
    """An npm, and a Node.js that is new enough."""

    executable: str

    @classmethod
    def find(cls) -> "Npm":
        """The npm on PATH.

        Raises:
            ToolchainError: there is none, or Node.js is too old.
        """
        node, executable = shutil.which("node"), shutil.which("npm")
        if node is None or executable is None:
            raise ToolchainError(
                what="No Node.js: the commands `node` and `npm` are not both on PATH.",
                where="PATH",
                allowed=f"Node.js {NODE} or newer, or everything already in the cache",
                do=INSTALL,
            )
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        found = re.match(r"v(\d+)", said)
        if found is None or int(found[1]) < NODE:
            raise ToolchainError(
                what="Node.js is too old.",
                where=f"{node}: {said.strip()}",
                allowed=f"Node.js {NODE} or newer",
                do=INSTALL,
            )
        return cls(executable)

    def install(self, pin: Pin, folder: Path, report: Callable[[str], None]) -> None:
        """Install a package and all that it needs into a folder.

        No package runs a program of its own while it is installed.

        Raises:
            ToolchainError: with the last lines of npm.
        """
        for file in pin.sources.iterdir():
            shutil.copyfile(file, folder / file.name)
        process = subprocess.Popen(
            [self.executable, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = deque[str](maxlen=LAST_WORDS)
        try:
            for line in process.stdout or ():
                said.append(line.rstrip())
                report(line.rstrip())
            status = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if status:
            raise ToolchainError(
                what=f"{pin.name} could not be installed.",
                where=f"{pin.sources}/package-lock.json",
                do="check the network, and `npm config get registry`, and run the command again",
                detail="\n".join(said),
            )
