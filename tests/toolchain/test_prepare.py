import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from localcloud.toolchain import ENGINE, PREVIEW, TEST, UP, Tool, Toolchain, cache, prepare
from localcloud.toolchain.pins import PINS

PREPARE_ETCD = (
    "from rich.console import Console; from localcloud.toolchain import Tool, prepare;"
    "prepare({Tool.ETCD}, console=Console(width=200))"
)


def preparing(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE_ETCD],
        env={**os.environ, "INFERENCE_STACK_CACHE": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    """What is started here heeds Ctrl-C, even where tests run in the background of a shell, deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_each_command_needs_what_the_smaller_one_needs() -> None:
    assert ENGINE < PREVIEW < UP < TEST == frozenset(Tool)


def test_what_is_in_the_cache_is_found_without_go_and_without_a_word(
    toolchain: Toolchain, screen: StringIO, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert prepare(TEST, console=console).paths == toolchain.paths
    assert screen.getvalue() == ""


def test_only_what_is_asked_for_is_made(empty_cache: Path, screen: StringIO, console: Console) -> None:
    made = prepare({Tool.KUBERAY_CRDS}, console=console)
    assert [folder.name.split("-1.6.1-")[0] for folder in (empty_cache / "tools").iterdir()] == [
        "kuberay-crds"
    ]
    assert "kuberay-crds 1.6.1 is ready after" in screen.getvalue()
    with pytest.raises(LookupError, match="etcd was not prepared; prepared: kuberay-crds"):
        made.path(Tool.ETCD)


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupted_build_leaves_nothing_and_is_made_whole_by_the_next(empty_cache: Path) -> None:
    process = preparing(empty_cache)
    assert first_line(process).startswith("Building etcd into ")
    wait_until(lambda: list((empty_cache / "tools").glob(".unfinished-*/.scratch/*")))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode
    assert list((empty_cache / "tools").iterdir()) == []
    again = preparing(empty_cache)
    again.communicate(timeout=300)
    assert again.returncode == 0
    (finished,) = (empty_cache / "tools").iterdir()
    assert sorted(path.name for path in finished.iterdir()) == ["built.json", "etcd"]


def test_what_a_killed_process_left_is_swept_away(empty_cache: Path, console: Console) -> None:
    process = preparing(empty_cache)
    wait_until(lambda: list((empty_cache / "tools").glob(".unfinished-*/.sources/go.mod")))
    process.kill()
    process.communicate()
    assert list((empty_cache / "tools").iterdir()) != []
    prepare({Tool.KUBERAY_CRDS}, console=console)
    assert [path.name.split("-1")[0] for path in (empty_cache / "tools").iterdir()] == ["kuberay-crds"]


def test_of_two_processes_at_once_one_builds_and_the_other_waits_and_says_so(empty_cache: Path) -> None:
    first = preparing(empty_cache)
    assert first_line(first).startswith("Building etcd into ")
    second = preparing(empty_cache)
    said_by_second, _ = second.communicate(timeout=300)
    first.communicate(timeout=300)
    assert (first.returncode, second.returncode) == (0, 0)
    assert said_by_second == f"Another process is building tools in {empty_cache}; waiting for it.\n"


def test_pulumi_with_its_python_host_on_path_is_used_as_it_is(
    empty_cache: Path, console: Console, program_on_path: Callable[[str, str], Path]
) -> None:
    engine = {tool: program_on_path(tool, "exit 0") for tool in ENGINE}
    made = prepare(ENGINE | {Tool.KUBERAY_CHARTS}, console=console)
    assert {tool: made.path(tool) for tool in ENGINE} == engine
    assert [path.name.split("-1")[0] for path in (empty_cache / "tools").iterdir()] == ["kuberay-charts"]
    assert list(made.bin.iterdir()) == []


@pytest.mark.usefixtures("our_engine_on_path")
def test_pulumi_on_path_without_a_python_host_is_not_used(
    toolchain: Toolchain, console: Console, program_on_path: Callable[[str, str], Path]
) -> None:
    program_on_path("pulumi", "exit 0")
    assert prepare(ENGINE, console=console).path(Tool.PULUMI) == toolchain.path(Tool.PULUMI)


@pytest.mark.usefixtures("our_engine_on_path")
def test_the_cache_on_path_is_not_taken_for_an_installation_of_the_user(
    toolchain: Toolchain, console: Console
) -> None:
    assert prepare(ENGINE, console=console).bin == toolchain.bin


def test_providers_lie_where_the_engine_looks_for_installed_plugins(toolchain: Toolchain) -> None:
    plugins = sorted(str(path.relative_to(toolchain.home)) for path in toolchain.home.glob("plugins/*/*"))
    assert plugins == [
        "plugins/resource-azure-native-v3.29.0/pulumi-resource-azure-native",
        "plugins/resource-kubernetes-v4.34.2/pulumi-resource-kubernetes",
    ]


def test_the_environment_leads_pulumi_to_our_home_and_programs_only(toolchain: Toolchain) -> None:
    variables = toolchain.environment()
    assert variables["PULUMI_HOME"] == str(toolchain.home)
    assert shutil.which("pulumi", path=variables["PATH"]) == str(toolchain.bin / "pulumi")
    assert variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"


def test_the_python_provider_says_what_it_lacks(toolchain: Toolchain) -> None:
    script = toolchain.home / "plugins/resource-azure-native-v3.29.0/pulumi-resource-azure-native"
    variables = {name: value for name, value in os.environ.items() if name != "LOCALCLOUD_PYTHON"}
    done = subprocess.run([script], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "LOCALCLOUD_PYTHON does not say which Python" in done.stderr
    echo = subprocess.run(
        [script, "127.0.0.1:1"],
        env={**variables, "LOCALCLOUD_PYTHON": "/bin/echo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert echo.stdout == "-m localcloud.arm 127.0.0.1:1\n"


def test_the_home_of_other_pins_is_another_one(
    toolchain: Toolchain, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = PINS.binary[0].model_copy(update={"version": "0.0.1"})
    monkeypatch.setattr(
        "localcloud.toolchain.layout.PINS",
        PINS.model_copy(update={"binary": (first, *PINS.binary[1:])}),
    )
    assert prepare({Tool.ETCD}, console=console).home != toolchain.home


def test_default_cache_is_under_the_users_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INFERENCE_STACK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "inference-stack"
