"""The programs that cannot be installed with pip, built from published Go modules into one cache folder."""

from localcloud.toolchain.error import ToolchainError
from localcloud.toolchain.installed import prepare
from localcloud.toolchain.layout import Toolchain
from localcloud.toolchain.tool import ENGINE, PREVIEW, TEST, UP, Tool

__all__ = ["ENGINE", "PREVIEW", "TEST", "UP", "Tool", "Toolchain", "ToolchainError", "prepare"]
