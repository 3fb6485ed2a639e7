"""Which files are read, and what keeps one from being read."""

import os
from pathlib import Path

import pytest

from inference_stack.lint.files import MOST_BYTES
from inference_stack.lint.linting import lint

WRONG = "#!/bin/sh\nvllm serve a --swap-space 4\n"


def written(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(WRONG)


def codes(*paths: Path | str) -> list[str]:
    return [found.finding.code for found in lint(map(str, paths)).found]


def test_a_folder_is_searched_by_name_and_what_others_wrote_is_left_out(tmp_path):
    written(tmp_path, "run.sh", "deep/er/start", "Dockerfile.gpu")
    (tmp_path / "Dockerfile.gpu").write_text("FROM ubuntu\nCMD vllm serve a --swap-space 4\n")
    written(tmp_path, ".git/a.sh", "node_modules/a.sh", ".venv/a.sh", "venv/a.sh", "notes.md", "picture.png")
    (tmp_path / "values.yaml").write_text("swap: 4\n")
    linted = lint([str(tmp_path)])
    assert [Path(each.source.name).relative_to(tmp_path).as_posix() for each in linted.found] == [
        "Dockerfile.gpu",
        "run.sh",
        "deep/er/start",
    ]
    assert linted.files == 3


def test_a_file_is_read_once_however_often_it_is_named(tmp_path):
    written(tmp_path, "run.sh")
    assert lint([str(tmp_path), str(tmp_path / "run.sh"), str(tmp_path)]).files == 1


def test_a_file_that_was_named_is_read_whatever_it_is_called(tmp_path):
    written(tmp_path, ".hidden", "notes.md")
    assert len(codes(tmp_path / ".hidden", tmp_path / "notes.md")) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xfev\x00l\x00l\x00m\x00", "not-text"),
        (b"vllm \xe9t\xe9", "not-text"),
        (b"vllm\0serve", "not-text"),
        (b"# vllm\n" + b"x" * MOST_BYTES, "too-large"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_finding(tmp_path, content, code):
    (tmp_path / "a.yaml").write_bytes(content)
    assert codes(tmp_path / "a.yaml") == [code]


def test_of_files_that_nobody_named_those_without_a_hint_are_left_alone(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "b.yaml").write_text("{{ broken")
    assert codes(tmp_path) == []
    assert codes(tmp_path / "a.yaml") == ["not-text"]


def test_what_is_not_there_is_a_finding(tmp_path):
    assert codes(tmp_path / "a.yaml", "a\0b") == ["unreadable-file", "unreadable-file"]
    (tmp_path / "gone.sh").symlink_to(tmp_path / "nowhere")
    assert codes(tmp_path) == ["unreadable-file"]


def test_what_may_not_be_read_is_a_finding(tmp_path, monkeypatch):
    written(tmp_path, "run.sh")

    def refuse(self, *_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    (found,) = lint([str(tmp_path / "run.sh")]).found
    assert (found.finding.code, found.finding.what) == (
        "unreadable-file",
        "cannot be read: Permission denied",
    )


def test_pipes_and_loops_in_a_folder_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop").symlink_to(tmp_path)
    written(tmp_path, "run.sh")
    assert lint([str(tmp_path)]).files == 1


def test_a_byte_order_mark_is_no_part_of_a_script(tmp_path):
    (tmp_path / "run").write_bytes(b"\xef\xbb\xbf" + WRONG.encode())
    (found,) = lint([str(tmp_path / "run")]).found
    assert found.place
    assert found.place[:2] == (2, 14)
