"""Which files are read, and what keeps one from being read."""

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Literal

from inference_stack.spec import Finding

from .source import Source

MOST_BYTES = 4 * 1024 * 1024
"""etcd takes a manifest of 1.5 MiB at most."""

STDIN = "-"
SKIPPED = frozenset(("node_modules", "venv", "site-packages", "__pycache__"))
"""Folders that hold what others wrote; hidden ones are left out too."""

Form = Literal["yaml", "json", "shell", "dockerfile"]

SUFFIXES: dict[str, Form] = {
    **dict.fromkeys((".yaml", ".yml", ".j2", ".tmpl", ".template"), "yaml"),
    ".json": "json",
    **dict.fromkeys((".sh", ".bash", ".zsh", ".ksh"), "shell"),
    **dict.fromkeys((".dockerfile", ".containerfile"), "dockerfile"),
}
DOCKERFILE = re.compile(r"(?:Dockerfile|Containerfile)(?:[.-].*)?", re.IGNORECASE)
SHEBANG = re.compile(r"#!.*\b(?:ba|da|z|k|a)?sh\b")
FIRST_INSTRUCTION = re.compile(r"(?:\s*#[^\n]*\n|\s*ARG\s[^\n]*\n|\s*\n)*\s*FROM\s+\S", re.IGNORECASE)
YAML_KEY = re.compile(
    r"^(?:- )?(?:apiVersion|kind|applications|llm_configs|model_loading_config|services|config)[ \t]*:",
    re.MULTILINE,
)
HINT = re.compile(
    rb"vllm|\bray\.io/|\bimport_path\b|\bllm_configs\b|\bmodel_loading_config\b|inference-stack:environment",
    re.IGNORECASE,
)
"""Without one of these a file says nothing to a linter of engines."""


def walked(paths: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Files to read, each once, and whether it was named itself. Folders are searched by name."""
    seen: set[str] = set()
    for path in paths:
        found = _in_folder(path) if path != STDIN and Path(path).is_dir() else iter((path,))
        for name in found:
            if name not in seen:
                seen.add(name)
                yield name, name == path


def read(name: str) -> Source | Finding:
    """The text of a file, or what keeps it from being read."""
    try:
        data = _bytes(name)
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        return Finding(code="unreadable-file", path="", what=f"cannot be read: {told}")
    return decoded("<stdin>" if name == STDIN else name, data)


def hints(name: str) -> bool:
    """Whether a file that nobody named is worth reading."""
    try:
        with Path(name).open("rb") as file:
            return HINT.search(file.read(MOST_BYTES)) is not None
    except OSError:
        # Reading it will say what is wrong.
        return True


def form(source: Source) -> Form | None:
    """What a file is written in, by its name and else by its text; None for what is never read."""
    return form_by_name(source.name) or form_of(source.text)


def form_by_name(name: str) -> Form | None:
    """What a file of a telling name is written in."""
    path = PurePath(name)
    return "dockerfile" if DOCKERFILE.fullmatch(path.name) else SUFFIXES.get(path.suffix.lower())


def form_of(text: str) -> Form | None:
    """What a text of no telling name is written in."""
    if SHEBANG.match(text):
        return "shell"
    if text.lstrip()[:1] in {"{", "["}:
        return "json"
    if FIRST_INSTRUCTION.match(text):
        return "dockerfile"
    if YAML_KEY.search(text) or text.startswith("---"):
        return "yaml"
    return "shell" if "vllm" in text else None


def _in_folder(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in SKIPPED)
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and _may_be_read(path) and hints(str(path)):
                yield str(path)


def _may_be_read(path: Path) -> bool:
    if DOCKERFILE.fullmatch(path.name):
        return True
    return (path.suffix.lower() in SUFFIXES or not path.suffix) and _is_plain(path)


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return path.is_symlink()


def _bytes(name: str) -> bytes:
    if name == STDIN:
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    with Path(name).open("rb") as file:
        return file.read(MOST_BYTES + 1)


def decoded(name: str, data: bytes) -> Source | Finding:
    """What a file of this content holds, or what keeps it from being read."""
    if len(data) > MOST_BYTES:
        what = f"larger than {MOST_BYTES // 1024**2} MiB"
        return Finding(code="too-large", path="", what=what, remedy="name smaller files")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"not text in UTF-8: byte {error.start} is {data[error.start]:#04x}"
        return Finding(code="not-text", path="", what=what)
    if "\0" in text:
        return Finding(code="not-text", path="", what=f"not text: byte {data.index(0)} is zero")
    return Source(name, text)
