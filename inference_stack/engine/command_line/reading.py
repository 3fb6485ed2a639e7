"""One pass over the words of a command line: what vLLM holds after it, and all that it refuses on the way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from inference_stack.engine import names
from inference_stack.engine.arguments import Argument
from inference_stack.spec import Finding

from . import values
from .options import Ambiguous, Hidden, Option, Unknown, Word, word
from .parsed import NOT_KNOWN, Parsed, Placed
from .words import Placed as PlacedWord

END = "--"
"""After it, every word is a value."""

OPTION_WITH_SPACES = re.compile(r"--\S.*\s.*|-[^-\s=]+=.*\s.*", re.DOTALL)


@dataclass
class Reading:
    """What was read so far."""

    version: str
    words: Sequence[PlacedWord]
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    places: dict[str, int] = field(default_factory=dict[str, int])
    consumed: dict[int, str] = field(default_factory=dict[int, str])
    findings: list[Placed] = field(default_factory=list[Placed])
    complete: bool = True
    model: PlacedWord | None = None
    """The first word that belongs to no option."""
    unsure: bool = False
    """Whether the words that follow may belong to something that is not known."""
    helped: bool = False

    def all(self) -> Parsed:
        """Read every word, and say what came of it."""
        kinds = self._kinds()
        index = 0
        while index < len(self.words) and not self.helped:
            end = index + 1
            while end < len(self.words) and kinds[end] is None and self.words[end].text != END:
                end += 1
            kind = kinds[index]
            if kind is None:
                self._loose(self.words[index])
                index += 1
            else:
                index += 1 + self._option(kind, self.words[index], self.words[index + 1 : end])
        return self.parsed()

    def parsed(self) -> Parsed:
        """What was read so far."""
        ordered = sorted(self.findings, key=lambda placed: placed.token)
        return Parsed(self.arguments, self.places, tuple(ordered), self.complete, self.consumed)

    def _kinds(self) -> list[Word]:
        kinds: list[Word] = []
        ended = False
        for text, _ in self.words:
            ended |= text == END
            kinds.append(None if ended else word(self.version, text))
        return kinds

    def _loose(self, loose: PlacedWord) -> None:
        """A word that belongs to no option: the model, the first time."""
        text, at = loose
        if text == END:
            self.unsure = False
        elif text == NOT_KNOWN and self.model:
            # It may be an option, several, or none at all.
            self.complete, self.unsure = False, True
        elif self.unsure:
            pass
        elif self.model is None:
            self.model = loose
            self._keep("model", text, at, [at])
        elif self.model.text == NOT_KNOWN:
            # What was taken for the model may have been options before it.
            self.complete = False
        elif OPTION_WITH_SPACES.fullmatch(text):
            # argparse takes it for a value, and refuses it as one.
            written, _, given = text.partition("=")
            self.tell(at, names.unknown_option(self.version, written, _shown(given)))
        else:
            self.tell(
                at,
                Finding(
                    code="extra-value",
                    path=text,
                    what="vLLM has no place for this value: what stands before it takes none, or no more",
                    remedy="leave it out, or quote what belongs together",
                ),
            )

    def _option(self, kind: Word, placed: PlacedWord, following: Sequence[PlacedWord]) -> int:
        """Read an option, and say how many of the words after it are its own."""
        self.unsure = False
        match kind:
            case Option():
                if kind.abbreviated:
                    self.tell(placed.at, names.abbreviated_option(self.version, kind.written, kind.flag))
                return self._take(kind, placed.at, following)
            case Ambiguous(written, flags):
                self.tell(placed.at, names.ambiguous_option(self.version, written, flags))
            case Unknown(written, given):
                shown = given if given is not None else following[0].text if following else None
                self.tell(placed.at, names.unknown_option(self.version, written, _shown(shown)))
            case Hidden() | None:
                self.complete = False
        # Whether the words after it are its values nobody can say.
        self.unsure = True
        return 0

    def _take(self, option: Option, at: int, following: Sequence[PlacedWord]) -> int:
        argument = option.argument
        if argument.name == "help":
            self.helped = True
            return 0
        if argument.parse == "flag":
            if option.value is None:
                self._keep(argument.name, option.flag not in argument.negated, at, [at])
            else:
                self._flag_with_value(option, at)
            return 0
        taken = [*following] if option.value is None else [PlacedWord(option.value, at)]
        if argument.parse not in ("list", "lora"):
            taken = taken[:1]
        if not taken and argument.parse != "optional":
            self.tell(
                at,
                Finding(
                    code="missing-value",
                    path=option.written,
                    what=f"{option.flag} needs a value",
                    allowed=form(argument),
                ),
            )
            return 0
        self._value(option, at, taken)
        return len(taken) if option.value is None else 0

    def _value(self, option: Option, at: int, taken: Sequence[PlacedWord]) -> None:
        name, own = option.argument.name, [at, *(word.at for word in taken)]
        texts = [word.text for word in taken]
        if any(NOT_KNOWN in text for text in texts):
            self._keep(name, None, at, own, known=False)
            return
        try:
            read = values.value(option.argument, texts)
        except values.Unreadable as refusal:
            self._keep(name, None, at, own, known=False)
            self.tell(taken[0].at, refusal.finding.at(option.written))
            return
        if option.argument.parse == "append":
            read = [*self.arguments.get(name, ()), read]
        self._keep(name, read, at, own)

    def _flag_with_value(self, option: Option, at: int) -> None:
        self.tell(
            at,
            Finding(
                code="value-not-allowed",
                path=option.written,
                given=_shown(option.value),
                what="vLLM refuses a value here: the option itself says yes",
                allowed=" or ".join((f"{option.flag} alone", *option.argument.negated)),
            ),
        )

    def _keep(self, name: str, read: Any, at: int, own: Sequence[int], *, known: bool = True) -> None:
        self.places[name] = at
        self.consumed |= dict.fromkeys(own, name)
        if known:
            self.arguments[name] = read
        else:
            self.arguments.pop(name, None)

    def tell(self, at: int, finding: Finding) -> None:
        """Add a finding on the word at an index."""
        self.findings.append(Placed(at, finding))


def form(argument: Argument) -> str:
    """What an option takes, for the reader."""
    choices = argument.choices or argument.values
    if choices and len(choices) <= values.LISTED:
        return ", ".join(map(str, choices))
    return " or ".join(kind for kind in argument.kinds if kind != "null")


def _shown(text: str | None) -> str | None:
    return None if text is None or NOT_KNOWN in text else text
