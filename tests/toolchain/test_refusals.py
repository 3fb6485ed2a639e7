import os
import re
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from localcloud.toolchain import Tool, ToolchainError, cache, prepare
from localcloud.toolchain.pins import PINS, Binary

ETCD = next(pin for pin in PINS.binary if pin.tool is Tool.ETCD)
REFUSED = """echo '{"GOVERSION": "go1.99", "GOCACHE": "/nowhere/a", "GOMODCACHE": "/nowhere/b"}'"""


def fake_go(build: str) -> str:
    """A Go that is new enough and does `build` when asked to build."""
    return f'if [ "$1" = env ]; then\n{REFUSED}\nexit 0\nfi\n{build}'


def refused(console: Console, *tools: Tool) -> ToolchainError:
    with pytest.raises(ToolchainError) as caught:
        prepare(frozenset(tools), console=console)
    return caught.value


def test_a_machine_without_go_is_told_which_go_and_what_to_do(
    empty_cache: Path, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    wrong = refused(console, Tool.ETCD)
    assert wrong.what == "No Go toolchain: the command `go` is not on PATH."
    assert str(tmp_path) in wrong.where
    assert "Go 1.25.0 or newer" in str(wrong.allowed)
    assert "install" in wrong.do


def test_a_go_that_is_too_old_is_told_with_what_is_needed(
    empty_cache: Path, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "future"
    sources.mkdir()
    (sources / "go.mod").write_text((ETCD.sources / "go.mod").read_text().replace("go 1.25.0", "go 1.99.0"))
    monkeypatch.setattr(Binary, "sources", property(lambda _: sources))
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    wrong = refused(console, Tool.ETCD)
    assert wrong.what == "The Go toolchain is too old."
    assert wrong.allowed == "Go 1.99.0 or newer"
    assert re.search(r"go: go1\.\d+", wrong.where)


@pytest.mark.parametrize(
    ("proxy", "words"), [("off", "GOPROXY=off"), ("http://127.0.0.1:1", "connection refused")]
)
def test_a_module_that_cannot_be_had_is_named_with_the_last_words_of_go(
    proxy: str,
    words: str,
    empty_cache: Path,
    console: Console,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOPROXY", proxy)
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    wrong = refused(console, Tool.ETCD)
    assert "A module was refused, could not be reached" in wrong.what
    assert "@v" in wrong.where
    assert words in str(wrong.detail)
    assert "go env GOPROXY" in wrong.do


def test_a_refused_module_of_an_artefact_is_told_likewise(
    empty_cache: Path, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    wrong = refused(console, Tool.KUBERAY_CRDS)
    assert "github.com/ray-project/kuberay/ray-operator@v1.6.1" in wrong.where


def test_a_proxy_that_says_no_is_quoted(
    empty_cache: Path, console: Console, program_on_path: Callable[[str, str], Path]
) -> None:
    said = "go: example.org/thing@v1.2.3: reading https://example.org/thing: 403 Forbidden"
    program_on_path("go", fake_go(f"echo '{said}' >&2; exit 1"))
    wrong = refused(console, Tool.ETCD)
    assert wrong.where == "module example.org/thing@v1.2.3"
    assert wrong.detail == said


def test_a_disk_that_fills_during_a_build_is_called_full(
    empty_cache: Path, console: Console, program_on_path: Callable[[str, str], Path]
) -> None:
    program_on_path("go", fake_go("echo 'write /cache/b001/_pkg_.a: no space left on device' >&2; exit 1"))
    wrong = refused(console, Tool.ETCD)
    assert "The disk is full." in wrong.what
    assert wrong.where == "/cache/b001/_pkg_.a"
    assert "INFERENCE_STACK_CACHE" in wrong.do


def test_too_little_room_is_told_before_anything_is_built(tmp_path: Path) -> None:
    vast = ETCD.model_copy(update={"size_mb": 10**9})
    with pytest.raises(ToolchainError) as caught:
        cache.check_space(tmp_path, None, [vast])
    assert f"{10**9 + cache.MARGIN_MB} MB needed" in caught.value.what
    assert str(tmp_path) in caught.value.where
    cache.check_space(tmp_path, None, [ETCD.model_copy(update={"size_mb": 1})])


def test_what_go_has_cached_already_is_not_needed_again(tmp_path: Path) -> None:
    build_cache = tmp_path / "go-build" / "00"
    build_cache.mkdir(parents=True)
    vast = ETCD.model_copy(update={"go_caches_mb": 10**7})
    with pytest.raises(ToolchainError):
        cache.check_space(tmp_path, build_cache.parent, [vast])
    with (build_cache / "compiled").open("wb") as file:
        file.truncate(10**13)  # a hole: it takes no room
    cache.check_space(tmp_path, build_cache.parent, [vast])


def test_a_cache_folder_that_cannot_be_made_is_named(
    tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INFERENCE_STACK_CACHE", str(tmp_path / "file" / "cache"))
    wrong = refused(console, Tool.ETCD)
    assert "cannot be written" in wrong.what
    assert wrong.where == str(tmp_path / "file" / "cache")
    assert "INFERENCE_STACK_CACHE" in wrong.do


def test_the_command_line_prints_a_refusal_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "localcloud.toolchain", "--for", "preview"],
        env={**os.environ, "INFERENCE_STACK_CACHE": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No Go toolchain")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_failed_build_leaves_nothing_behind(
    empty_cache: Path, screen: StringIO, console: Console, program_on_path: Callable[[str, str], Path]
) -> None:
    program_on_path("go", fake_go("echo 'main.go:1:1: syntax error' >&2; exit 1"))
    wrong = refused(console, Tool.ETCD)
    assert wrong.detail == "main.go:1:1: syntax error"
    assert list((empty_cache / "tools").iterdir()) == []
    assert "etcd 3.6.14 (1 of 1)" in screen.getvalue()


def test_an_error_in_the_code_of_a_module_is_not_taken_for_a_refusal(
    empty_cache: Path, console: Console, program_on_path: Callable[[str, str], Path]
) -> None:
    program_on_path("go", fake_go("echo 'mod/example.org/thing@v1.2.3/a.go:3:4: undefined: b' >&2; exit 1"))
    wrong = refused(console, Tool.ETCD)
    assert wrong.what == "etcd 3.6.14 could not be built."
    assert wrong.where == str(ETCD.sources / "go.mod")
