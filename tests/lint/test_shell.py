"""Command lines in shell scripts: which are read, as which words, and where each stands."""

import pytest

from tests.lint.reading import told, unknown

SERVE = "vllm serve Qwen/Qwen3-8B"


def in_script(text: str) -> list[str]:
    return unknown(f"#!/bin/bash\n{text}\n", "serve.sh")


@pytest.mark.parametrize(
    "command",
    [
        f"{SERVE} --swap-space 4",
        f"exec {SERVE} --swap-space 4",
        f"CUDA_VISIBLE_DEVICES=0,1 HF_HOME=/models {SERVE} --swap-space 4",
        f"env HF_HOME=/models {SERVE} --swap-space 4",
        f"nohup {SERVE} --swap-space 4 > serve.log 2>&1 &",
        f"cd /opt && {SERVE} --swap-space 4 || exit 1",
        f"set -e; {SERVE} --swap-space 4 | tee serve.log",
        f'if [ -n "$GPU" ]; then\n  {SERVE} --swap-space 4\nfi',
        f"start() {{ {SERVE} --swap-space 4; }}",
        f"for port in 1 2; do {SERVE} --port $port --swap-space 4 & done",
        f"output=$({SERVE} --swap-space 4)",
        f"({SERVE} --swap-space 4)",
        "/opt/venv/bin/vllm serve Qwen/Qwen3-8B --swap-space 4",
        "python -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B --swap-space 4",
        "python3 -u -m vllm.entrypoints.openai.api_server --model Qwen/Qwen3-8B --swap-space 4",
        f"{SERVE} \\\n  --max-model-len 8192 \\\n  --swap-space 4",
        f"bash -c '{SERVE} --swap-space 4'",
        f'ssh gpu-1 "cd /opt && {SERVE} --swap-space 4"',
        f"tmux new-session -d -s vllm '{SERVE} --swap-space 4'",
        "docker run --gpus all -p 8000:8000 vllm/vllm-openai:v0.29.0 --model Qwen/Qwen3-8B --swap-space 4",
        "podman run docker.io/vllm/vllm-openai --model Qwen/Qwen3-8B --swap-space 4",
        "docker run --entrypoint vllm vllm/vllm-openai serve Qwen/Qwen3-8B --swap-space 4",
        f"docker run my/image {SERVE} --swap-space 4",
    ],
)
def test_a_server_is_found_wherever_a_script_starts_it(command):
    assert in_script(command) == ["--swap-space"]
    assert in_script(command.replace("--swap-space 4", "--max-num-seqs 4")) == []


@pytest.mark.parametrize(
    "command",
    [
        f"echo {SERVE} --swap-space 4",
        f"# {SERVE} --swap-space 4",
        "pip install vllm serve --swap-space",
        'git commit -m "vllm serve with --swap-space"',
        "docker pull vllm/vllm-openai:latest",
        "docker run --entrypoint python3 vllm/vllm-openai -m http.server --swap-space 4",
        "vllm bench serve --swap-space 4",
    ],
)
def test_what_starts_no_server_is_left_alone(command):
    assert in_script(command) == []


def test_a_variable_is_judged_where_it_was_set():
    script = 'LEN=banana\nvllm serve a --max-model-len "$LEN"\n'
    assert told(script, "a.sh") == [("wrong-type", "banana")]


def test_a_variable_without_quotes_is_several_words_each_in_its_place():
    assert in_script('EXTRA="--max-num-seqs 4 --swap-space 4"\nvllm serve a $EXTRA') == ["--swap-space"]


def test_a_list_of_arguments_is_read_with_what_is_added_to_it():
    script = 'ARGS=(--max-num-seqs 4)\nif true; then\n  ARGS+=(--swap-space 4)\nfi\nvllm serve a "${ARGS[@]}"'
    assert in_script(script) == ["--swap-space"]


def test_a_text_that_grows_is_read_whole():
    assert in_script('A="--max-num-seqs 4"\nA="$A --swap-space 4"\nA+=" --fooled 1"\nvllm serve a $A') == [
        "--swap-space",
        "--fooled",
    ]


def test_a_default_stands_for_a_variable_that_nobody_set():
    script = 'vllm serve "${MODEL:-Qwen/Qwen3-8B}" --max-model-len ${LEN:-banana}\n'
    assert told(script, "a.sh") == [("wrong-type", "banana")]


@pytest.mark.parametrize(
    "command",
    [
        'vllm serve "$MODEL" --max-model-len $LEN --dtype "$(cat dtype)" $EXTRA "$@"',
        "vllm serve a --max-model-len `cat len` --port $((8000 + RANK)) --gpu-memory-utilization=${SHARE}",
        "if $BIG; then LEN=10; else LEN=banana; fi\nvllm serve a --max-model-len $LEN",
        "read LEN\nvllm serve a --max-model-len ${LEN%%x}",
    ],
)
def test_what_only_shows_where_it_runs_is_not_judged(command):
    assert told(command, "a.sh") == []


def test_quotes_and_escapes_come_off_and_the_token_keeps_them():
    script = """vllm serve a --max-model-len ba\\nana --dtype='au'"to" --host $'x' "--swap-space" 4"""
    assert told(script, "a.sh")[0] == ("wrong-type", "ba\\nana")
    assert in_script(script) == ['"--swap-space"']


def test_a_heredoc_is_read_for_what_it_is():
    assert in_script("cat > run.sh <<'EOF'\nvllm serve a --swap-space 4\nEOF") == ["--swap-space"]
    arguments = "{swap_space: 4, max_model_len: $LEN}"
    manifest = f"llm_configs:\n- model_loading_config: {{model_id: a}}\n  engine_kwargs: {arguments}"
    assert in_script(f"kubectl apply -f - <<EOF\n{manifest}\nEOF") == ["swap_space"]


def test_a_module_that_is_gone_is_told():
    assert in_script("python -m vllm.entrypoints.api_server --model a") == ["vllm.entrypoints.api_server"]


def test_windows_line_ends_tabs_and_letters_of_several_bytes_move_no_token():
    assert in_script("# für Größe\r\nX=é; vllm serve é\t--swap-space 4\r\n") == ["--swap-space"]
    assert told("\tvllm serve 日本 --max-model-len banana\r\n", "a.sh") == [("wrong-type", "banana")]


def test_a_broken_script_is_read_as_far_as_it_can_be():
    assert in_script("if [ x; then (\nvllm serve a --swap-space 4\n") == ["--swap-space"]


def test_a_variable_that_doubles_without_end_is_given_up():
    assert in_script('A="x vllm"\n' + 'A="$A $A"\n' * 60 + "vllm serve a $A --swap-space 4") == [
        "--swap-space"
    ]


@pytest.mark.parametrize("between", ["  # the longest context", "", "  --port 8000", "  --port 8000 \\ "])
def test_options_that_the_shell_takes_for_a_command_are_told(between):
    script = f"vllm serve a \\\n{between}\n  --max-num-seqs 4\n"
    assert told(script, "a.sh") == [("option-cut-off", "--max-num-seqs")]
    assert told(script.replace(f"\n{between}\n", "\n"), "a.sh") == []
    assert told(script.replace("--max-num-seqs", "--frobnicate"), "a.sh") == []


@pytest.mark.parametrize("odd", ["\U00033972", "\U0010ffff", "\U000e0001", "é", "\x85"])
def test_characters_that_the_grammar_has_no_table_for_are_parts_of_words(odd: str) -> None:
    before = f": {odd}{{{odd}}} {odd}=1"
    assert in_script(f"{before}\n{SERVE} --chat-template {odd}x --swap-space 4") == ["--swap-space"]
