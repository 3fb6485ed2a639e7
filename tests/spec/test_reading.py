from pathlib import Path

import pytest

from inference_stack.spec import InvalidEnvironment, read


def fault(file: Path) -> tuple[str, int | None]:
    with pytest.raises(InvalidEnvironment) as raised:
        read(file)
    (finding,) = raised.value.findings
    return finding.code, finding.line


def test_a_file_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").touch()
    with pytest.raises(InvalidEnvironment, match=r"Pulumi\.dev\.yaml"):
        read(tmp_path / "Pulumi.prod.yaml")


def test_a_file_that_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config:\n  a: [1\n  b: 2\n")
    assert fault(file) == ("no-yaml", 3)


@pytest.mark.parametrize("text", ["", "config: 3", "config: {other: 1}", "- 1"])
def test_a_file_without_an_environment_is_told_as_such(tmp_path: Path, text: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text)
    assert fault(file) == ("no-environment", None)
