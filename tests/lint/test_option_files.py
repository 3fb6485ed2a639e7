"""Files for `vllm serve --config`."""

import pytest

from inference_stack.lint.linting import lint

OPTIONS = """\
model: Qwen/Qwen2.5-7B-Instruct
tensor-parallel-size: 2
max_model_len: 64k
gpu-memory-util: 0.9
"""


def told(tmp_path, text: str) -> list[tuple[str, int, str]]:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return [
        (each.finding.code, each.finding.line or 0, each.finding.path) for each in lint([str(file)]).found
    ]


def test_a_file_of_options_is_read_as_the_command_line_reads_it(tmp_path):
    assert told(tmp_path, OPTIONS) == [("abbreviated-argument", 4, "gpu-memory-util")]


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        ("swap-space: 4", "unknown-removed-argument", "swap-space"),
        ("max-num: 4", "unknown-ambiguous-argument", "max-num"),
        ("seed: abc", "wrong-type", "seed"),
        ("max-num-seqs: 0", "out-of-range", "max-num-seqs"),
        ("compilation_config: {nonsense: 1}", "argument-field", "compilation_config.nonsense"),
        ("enable-prefix-caching: false", "ignored-argument", "enable-prefix-caching"),
    ],
)
def test_what_is_wrong_in_it_is_told_with_its_line(tmp_path, line, code, path):
    assert (code, 5, path) in told(tmp_path, OPTIONS + line)


def test_another_file_with_a_word_or_two_of_vllm_is_none(tmp_path):
    text = "model: a\nport: 80\nhost: b\nreplicas: 2\nswap_space: 4\nimage: c\n"
    assert [code for code, *_ in told(tmp_path, text)] == ["nothing-read"]
