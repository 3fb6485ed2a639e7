"""Names and values, judged by us and by the vLLM and the Ray that are installed. One process, one import."""

import json
import random
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference_stack.engine.arguments import engine_version, history
from inference_stack.engine.command_line import Parsed, parse
from inference_stack.engine.names import name_findings
from inference_stack.lint.engine_args import lint_engine_args, option_words

from .command_lines import ACCEPTED, REFUSED
from .vllm_names import vllm_answers

pytestmark = pytest.mark.e2e

VERSION = "0.29.0"
SEEN = Path(__file__).parent / "data" / "published_sets.json"
"""What people published, unedited, each set with where it stands."""
FOREIGN = (
    "tp",
    "tp_size",
    "mem_fraction_static",
    "maxModelLen",
    "max-model-len",
    "model_path",
    "context_length",
)
WORDS = (
    "1",
    "-1",
    "1.5",
    "64k",
    "1.5K",
    "None",
    "",
    "auto",
    "true",
    "{}",
    '{"a": 1}',
    "[1]",
    "x",
    "FP8",
    "a,b",
)


def mutated(count: int) -> Iterator[str]:
    """Names of arguments with one or two mistakes in them; the same ones each time."""
    dice = random.Random(29)  # noqa: S311 - no secret
    names = sorted(engine_version(VERSION).arguments)
    for _ in range(count):
        name = dice.choice(names)
        for _ in range(dice.choice((1, 1, 2))):
            name = mistake(name, dice)
        yield name


def mistake(name: str, dice: random.Random) -> str:
    at = dice.randrange(len(name))
    match dice.randrange(7):
        case 0:
            return name[:at] + name[at + 1 :] or name
        case 1:
            return name[:at] + dice.choice("abcdefgilmnoprstu_-") + name[at:]
        case 2:
            return name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]
        case 3:
            return name.replace("_", "-")
        case 4:
            return name[: max(at, 1)]
        case 5:
            return name[:at] + name[at].upper() + name[at + 1 :]
        case _:
            return f"no_{name}"


NAMES = [
    *mutated(1000),
    *FOREIGN,
    *history(),
    *engine_version(VERSION).arguments,
    *engine_version(VERSION).serve,
]


def one_option(name: str) -> list[str]:
    return [f"--{name}=1"]


def each_word_to_each_option() -> list[list[str]]:
    flags = [argument.flags[0] for argument in engine_version(VERSION).options.values()]
    return [["m", f"{flag}={word}"] for flag in flags if flag != "--config" for word in WORDS]


def scrambled_lines(count: int) -> Iterator[tuple[str, ...]]:
    """Lines of options and words in any order, with whatever mistakes come of it."""
    dice = random.Random(290)  # noqa: S311 - no secret
    flags = [flag for argument in engine_version(VERSION).options.values() for flag in argument.flags]
    flags.remove("--config")
    for _ in range(count):
        line: list[str] = []
        for _ in range(dice.randrange(1, 5)):
            flag = dice.choice(flags)
            written = dice.choice(
                (flag, flag.replace("-", "_").replace("__", "--", 1), flag[: max(2, len(flag) - 3)])
            )
            line += dice.choice(
                (
                    [dice.choice(WORDS)],
                    [written],
                    [f"{written}={dice.choice(WORDS)}"],
                    [written + dice.choice(WORDS)],
                    [written, dice.choice(WORDS)],
                    [f"{flag}.a", dice.choice(WORDS)],
                    [f"{flag}.a.b+={dice.choice(WORDS)}"],
                )
            )
        if not any(word.startswith("-h") for word in line):
            yield tuple(line)


SCRAMBLED = list(scrambled_lines(1500))
CONFIGS: tuple[dict[str, Any], ...] = (
    {"model": "m", "port": 80, "tensor-parallel-size": 4},
    {"model": "m", "enable_lora": True, "enable_prefix_caching": False, "enable-chunked-prefill": False},
    {"tensor_parallel": 4, "served-model-name": ["a", "b"], "nonsense": 1},
    {"compilation-config": {"pass_config": {"fuse_allreduce_rms": True}}, "max-model-len": "64k"},
    {"max_num": 4},
    {"nonsense": False, "seed": None},
    {"seed": True},
    {},
)
LINES_WITH_CONFIG = (
    "m --config FILE --seed 2",
    "--config FILE",
    "--port 80 --config FILE",
    "m --config FILE --swap-space 1",
)


def written_lines() -> list[tuple[str, list[str]]]:
    return [(entry, shlex.split(line)) for line in (*ACCEPTED, *REFUSED) for entry in ("serve", "api_server")]


def seen_options() -> list[list[str]]:
    return [
        ["m", *option_words(VERSION, name, value)]
        for given in seen("vllm_serve_cli")
        for name, value in arguments(given).items()
    ]


def seen(*kinds: str) -> list[dict[str, Any]]:
    return [given for given in json.loads(SEEN.read_text()) if given["kind"] in kinds]


def arguments(given: dict[str, Any]) -> dict[str, Any]:
    return {**given["engine_args"], **given["frontend_args"]}


def seen_keys() -> list[str]:
    sets = seen("ray_llm_config", "rayservice")
    return sorted({name for given in sets for name in arguments(given)})


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("configs")
    for number, content in enumerate(CONFIGS):
        (folder / f"{number}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return sorted(folder.iterdir())


def lines_with_config(configs: list[Path]) -> list[tuple[list[str], dict[str, Any]]]:
    return [
        (line.replace("FILE", str(path)).split(), content)
        for line in LINES_WITH_CONFIG
        for path, content in zip(configs, CONFIGS, strict=True)
    ]


@pytest.fixture(scope="module")
def answers(configs: list[Path]) -> dict[str, dict[Any, Any]]:
    """What vLLM and Ray say to everything that is asked below."""
    commands = [
        *written_lines(),
        *(("serve", argv) for argv in each_word_to_each_option()),
        *(("serve", one_option(name)) for name in NAMES),
        *(("serve", argv) for argv in seen_options()),
        *(("serve", [*argv]) for argv in SCRAMBLED),
        *((entry, argv) for argv, _ in lines_with_config(configs) for entry in ("serve", "api_server")),
    ]
    keys = sorted({*NAMES, *seen_keys()})
    said = vllm_answers({"commands": commands, "engine": keys, "ray": keys})
    return {
        "commands": {
            (entry, *argv): one for (entry, argv), one in zip(commands, said["commands"], strict=True)
        },
        "engine": dict(zip(keys, said["engine"], strict=True)),
        "ray": dict(zip(keys, said["ray"], strict=True)),
    }


def name_is_refused(answer: dict[str, Any]) -> bool:
    said = answer["refused"] or ""
    return "unrecognized arguments" in said or "ambiguous option" in said


def we_refuse_the_name(parsed: Parsed) -> bool:
    return any(finding.code.startswith("unknown") for _, finding in parsed.findings)


def we_refuse(parsed: Parsed) -> bool:
    """Whether we tell of something that vLLM refuses; what it misreads, we tell of as well."""
    return any(
        finding.severity == "error"
        and finding.code not in ("ignored-argument", "abbreviation-misread")
        and (finding.code, finding.path) != ("extra-value", "model")
        for _, finding in parsed.findings
    )


def test_options_are_known_to_us_exactly_where_the_parser_knows_them(answers):
    asked = [one_option(name) for name in NAMES]
    theirs = [name_is_refused(answers["commands"]["serve", *argv]) for argv in asked]
    ours = [we_refuse_the_name(parse(VERSION, argv)) for argv in asked]
    assert [argv for argv, they, we in zip(asked, theirs, ours, strict=True) if they != we] == []
    assert 300 < sum(theirs) < len(asked) - 300


@pytest.mark.parametrize("taker", ["ray", "engine"])
def test_keys_are_known_to_us_exactly_where_they_are_taken(answers, taker):
    taken = answers[taker]
    ours = {name: not list(name_findings(VERSION, {name: 1}, taker=taker)) for name in taken}
    assert {name: they for name, they in taken.items() if ours[name] != they} == {}
    assert 200 < sum(taken.values()) < len(taken) - 300


def test_the_names_of_every_published_set_are_judged_as_vllm_judges_them(answers):
    sets = json.loads(SEEN.read_text())
    unknown = 0
    for given, told in zip(sets, lint_engine_args(sets, VERSION), strict=True):
        ours = {one["path"].split(".", 1)[1] for one in told["findings"] if one["code"].startswith("unknown")}
        for name, value in arguments(given).items():
            if given["kind"] == "vllm_serve_cli":
                asked = ("serve", "m", *option_words(VERSION, name, value))
                refused = name_is_refused(answers["commands"][asked])
            else:
                refused = not answers["ray"][name]
            assert (name in ours) == refused, (given["id"], name)
            unknown += refused
    assert len(sets) == 107
    assert unknown == 21


@pytest.mark.parametrize(
    ("entry", "argv"), written_lines(), ids=lambda part: part if isinstance(part, str) else " ".join(part)
)
def test_a_line_is_refused_where_the_parser_refuses_it_and_else_read_the_same(answers, entry, argv):
    agree(argv, parse(VERSION, argv, entry=entry), answers["commands"][entry, *argv])


def test_each_word_is_read_by_each_option_as_the_parser_reads_it(answers):
    earlier = set()
    for argv in each_word_to_each_option():
        parsed, answer = parse(VERSION, argv), answers["commands"]["serve", *argv]
        if LATER & set(parsed.places) and we_refuse(parsed) and not answer["refused"]:
            earlier |= LATER & set(parsed.places)
        elif not by_rules(answer):
            agree(argv, parsed, answer)
    assert earlier == LATER


def test_a_file_of_options_is_read_as_the_parser_reads_it(answers, configs):
    for argv, content in lines_with_config(configs):
        for entry in ("serve", "api_server"):
            parsed = parse(VERSION, argv, entry=entry, read_config=lambda _, content=content: content)
            agree(argv, parsed, answers["commands"][entry, *argv])


def test_lines_in_any_order_are_refused_and_read_as_by_the_parser(answers):
    refused = 0
    for line in SCRAMBLED:
        answer = answers["commands"]["serve", *line]
        parsed = parse(VERSION, line)
        refused += bool(answer["refused"])
        if not by_rules(answer) and not LATER & set(parsed.places):
            agree([*line], parsed, answer)
    assert 100 < refused < len(SCRAMBLED) - 100


LATER = {
    "attention_backend",
    "data_parallel_backend",
    "diffusion_config",
    "mamba_backend",
    "optimization_level",
    "speculative_config",
}
"""Arguments whose words the parser lets through; vLLM refuses them when it makes its configuration."""


def by_rules(answer: dict[str, Any]) -> bool:
    """Whether the parser refuses what an object holds, which our rules on values judge, not our parser."""
    said = answer["refused"] or ""
    return "validation error for" in said and "Input should be an object" not in said


def agree(argv: list[str], parsed: Parsed, answer: dict[str, Any]) -> None:
    assert we_refuse(parsed) == bool(answer["refused"]), (argv, parsed.findings, answer["refused"])
    if not answer["refused"]:
        read = answer["read"]
        served = "subparser" in read and read["model_tag"] is not None
        model = read["model_tag"] if served else read["model"]
        theirs = {**read, "model": model}
        for name, value in parsed.arguments.items():
            assert same(json.loads(json.dumps(value)), theirs[name]), (argv, name, value, theirs[name])


def same(ours: Any, theirs: Any) -> bool:
    """Whether they hold the same; of a configuration class, where somebody wrote something."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(name in theirs and same(value, theirs[name]) for name, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs or (type(ours) is int and str(ours) == theirs)
