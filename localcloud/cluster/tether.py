"""Becomes the program given as arguments, tied to the life of the parent.

Run as a script of its own: a child that is forked from a program with threads may do nothing but become
another.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask Linux to kill this process when its parent dies; elsewhere only become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


main()
