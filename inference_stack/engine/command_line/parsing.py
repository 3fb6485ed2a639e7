"""From the words after `vllm serve` to what vLLM holds: its rewriting of them, its file, and its parser."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from inference_stack.engine.arguments import engine_version
from inference_stack.spec import Finding, Severity

from .config_file import entries
from .options import Option, word
from .parsed import NOT_KNOWN, Argv, Entry, Parsed, Placed, ReadConfig
from .reading import OPTION_WITH_SPACES, Reading
from .words import Placed as PlacedWord
from .words import rewritten

MODEL = re.compile(r"--model(=.+)?", re.DOTALL)
SERVED = re.compile(r"--served[-_]model[-_]name(=.+)?", re.DOTALL)
CONFIG = "--config"
WHOLE = -1
"""The token of a finding on the command as a whole."""


def parse(
    version: str, argv: Argv, *, entry: Entry = "serve", read_config: ReadConfig | None = None
) -> Parsed:
    """What vLLM of a version makes of `argv`, and everything in it that it would refuse or misread.

    `argv` is what follows `vllm serve`, or `python -m vllm.entrypoints.openai.api_server`: never those words.
    Without `read_config`, what a file that --config names holds is not known. Raises KeyError for a version
    that is not known here.
    """
    command = _Command(version, entry, read_config, [PlacedWord(text, at) for at, text in enumerate(argv)])
    return command.parsed()


def parse_config(version: str, content: Mapping[str, Any], *, entry: Entry = "serve") -> Parsed:
    """The same of a YAML file for --config: tokens count its keys, and paths of findings are keys.

    It is never complete: the command line may have more.
    """
    keys = list(content)
    words: list[PlacedWord] = []
    reading = Reading(version, (), complete=False)
    for at, found in enumerate(entries(version, content, entry)):
        words += [PlacedWord(text, at) for text in found.words]
        _tell_of_no(reading, found.key, found.words, content[keys[at]], at)
    reading.words = rewritten(words)
    parsed = reading.all()
    findings = tuple(Placed(at, finding.at(str(keys[at]))) for at, finding in parsed.findings)
    return replace(parsed, findings=findings)


def _tell_of_no(reading: Reading, key: str, words: Sequence[str], value: object, at: int) -> None:
    """A `false` that vLLM passes over in silence, where it would have changed something."""
    if words or value is not False:
        return
    option = f"--{key}".replace("_", "-")
    meant = word(reading.version, option)
    if isinstance(meant, Option) and meant.argument.default is False:
        return
    off = f"no-{option[2:]}"
    known = isinstance(word(reading.version, f"--{off}"), Option)
    reading.tell(
        at,
        Finding(
            code="ignored-argument",
            severity=Severity.WARNING,
            path=option,
            given="false",
            what="vLLM passes over `false` in silence, as if the line were not there",
            remedy=f"write `{off}: true`" if known else "leave it out",
        ),
    )


class _Command:
    """One command line, on its way."""

    def __init__(
        self, version: str, entry: Entry, read_config: ReadConfig | None, words: list[PlacedWord]
    ) -> None:
        self.version, self.read_config = version, read_config
        self.entry: Entry = entry
        self.words = words
        self.config_words: list[PlacedWord] = []
        self.reading = Reading(version, ())

    def parsed(self) -> Parsed:
        if self.entry == "serve":
            self._model_to_the_front()
            self._served_name_without_model()
        self._config()
        try:
            self.reading.words = rewritten(self.words)
        except IndexError:
            last = self.words[-1]
            self.reading.tell(
                last.at,
                Finding(
                    code="missing-value", path=last.text, what="vLLM needs a value after a dotted option"
                ),
            )
            self.reading.words = rewritten(self.words[:-1])
        except RecursionError:
            self.reading.tell(
                WHOLE,
                Finding(code="too-deep", path="argv", what="a dotted option goes deeper than can be read"),
            )
            self.reading.complete = False
        self.reading.all()
        if not self.reading.helped:
            self._model()
            self._config_in_one_word()
        return self.reading.parsed()

    def _model_to_the_front(self) -> None:
        """`--model X` of `vllm serve` is read as X in the first place."""
        index = next((i for i, one in enumerate(self.words) if MODEL.fullmatch(one.text)), None)
        if index is None:
            return
        text, at = self.words[index]
        rest = self.words[index + 1 :]
        if text != "--model":
            model, taken = PlacedWord(text.removeprefix("--model="), at), 1
        elif rest:
            model, taken = rest[0], 2
            self.reading.consumed[at] = "model"
        else:
            self.reading.tell(
                at,
                Finding(code="missing-value", path="--model", what="--model needs a value", allowed="string"),
            )
            self.reading.unsure = True
            self.words = self.words[:index]
            return
        self.words = [model, *self.words[:index], *self.words[index + taken :]]

    def _served_name_without_model(self) -> None:
        texts = [one.text for one in self.words]
        if not texts or not texts[0].startswith("-") or any(text.startswith(CONFIG) for text in texts):
            return
        served = next((one for one in self.words if SERVED.fullmatch(one.text)), None)
        if served:
            self.reading.tell(
                served.at,
                Finding(
                    code="model-not-first",
                    path="--served-model-name",
                    what="vLLM refuses a served name where the model is not the first word after `serve`",
                    remedy="write the model first",
                ),
            )

    def _config(self) -> None:
        """Put the words of the file where vLLM puts them: behind the model, before all other words."""
        at = [index for index, one in enumerate(self.words) if one.text == CONFIG]
        if not at:
            return
        index, own = at[0], self.words[at[0]].at
        if len(at) > 1:
            again = self.words[at[1]].at
            self.reading.tell(
                again,
                Finding(code="given-twice", path=CONFIG, what="vLLM takes one file of options only"),
            )
        if index == len(self.words) - 1:
            self.reading.tell(
                own,
                Finding(
                    code="missing-value", path=CONFIG, what="--config needs a value", allowed="a YAML file"
                ),
            )
            self.words = self.words[:index]
            return
        file = self.words[index + 1]
        self.reading.consumed |= {own: "config", file.at: "config"}
        content = self._content(file)
        rest = self.words[:index] + self.words[index + 2 :]
        if content is None:
            self.reading.complete = False
            self.words = rest
            return
        words: list[PlacedWord] = []
        for found in entries(self.version, content, self.entry):
            words += [PlacedWord(text, file.at) for text in found.words]
            _tell_of_no(self.reading, found.key, found.words, content[found.key], file.at)
        first = bool(rest) and not rest[0].text.startswith("-")
        self.words = [*rest[:first], *words, *rest[first:]]
        if self.entry == "serve" and not first and not any(one.text == "--model" for one in words):
            self.reading.tell(
                own,
                Finding(
                    code="model-not-first",
                    path=CONFIG,
                    what="vLLM finds no model: neither first on the line nor in the file",
                    remedy="write the model first, or `model: …` into the file",
                ),
            )

    def _content(self, file: PlacedWord) -> Mapping[str, Any] | None:
        if NOT_KNOWN in file.text:
            return None
        if file.text.rsplit(".", 1)[-1] not in ("yaml", "yml"):
            self.reading.tell(
                file.at,
                Finding(
                    code="value-not-allowed",
                    path=CONFIG,
                    given=file.text,
                    what="vLLM refuses a file of another name",
                    allowed="*.yaml or *.yml",
                ),
            )
            return None
        return self.read_config(file.text) if self.read_config else None

    def _config_in_one_word(self) -> None:
        if (at := self.reading.places.get("config")) is not None:
            self.reading.tell(
                at,
                Finding(
                    code="ignored-argument",
                    path=CONFIG,
                    what="vLLM passes over this file in silence: it looks for --config as a word of its own",
                    remedy="write `--config FILE`",
                ),
            )

    def _model(self) -> None:
        reading, model = self.reading, self.reading.model
        if model and self.entry == "serve":
            # It goes over what --model of a file says.
            reading.arguments["model"] = model.text
        if model and (model.text.lower() in ("true", "false") or OPTION_WITH_SPACES.fullmatch(model.text)):
            reading.tell(
                model.at,
                Finding(
                    code="extra-value",
                    path="model",
                    given=model.text,
                    what="vLLM takes this word for the model",
                    remedy="leave it out, or write option and value as two words",
                ),
            )
        elif model and self.entry == "api_server":
            if reading.places["model"] == model.at:
                reading.arguments.pop("model", None)
            reading.tell(
                model.at,
                Finding(
                    code="ignored-argument",
                    path="model",
                    given=model.text,
                    what="this server passes over a model that stands alone, and serves its default",
                    remedy=f"write `--model {model.text}`",
                ),
            )
        elif "model" not in reading.places and reading.complete and not reading.unsure:
            default = engine_version(self.version).engine["model"].default
            reading.tell(
                WHOLE,
                Finding(
                    code="model-left-out",
                    severity=Severity.WARNING,
                    path="model",
                    what=f"no model is named: vLLM serves {default}",
                    remedy="name it",
                ),
            )
