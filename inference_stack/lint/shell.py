"""The commands of a shell script, as they would run: variables put in, quotes taken off, each word traced."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from .source import Traced, joined, spaced

EXPANSION = re.compile(r"\$\{?(\w+)(\[[@*]\])?(?:(:?[-?+=])(.*))?\}?", re.DOTALL)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
ESCAPED_IN_QUOTES = re.compile(r"\\([\"\\$`\n])")
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
"""Characters that the grammar is given as a point each, which is to a shell what they are: part of a word.

It looks characters up in a table of C's that ends far below the last of them, and the process ends where it
reads beyond. A byte is then a character, too.
"""
PLAIN_DEFAULT = re.compile(r"[^$`\"'\\{}]*")

BRANCHES = frozenset(
    (
        "if_statement",
        "case_item",
        "for_statement",
        "c_style_for_statement",
        "while_statement",
        "function_definition",
    )
)
"""Where an assignment may or may not happen."""

LONGEST = 100_000
"""Characters of a variable that is kept; one that is doubled often enough would fill the memory."""

Words = tuple[Traced, ...]


@dataclass(frozen=True)
class Script:
    """What a script runs, and what it hands over to others as their input."""

    commands: tuple[Words, ...] = ()
    heredocs: tuple[Traced, ...] = ()


@dataclass
class _Variables:
    """What is known of variables while a script is read from its top."""

    held: dict[str, Words | None] = field(default_factory=dict[str, "Words | None"])
    """None for those that have one value here and another there."""

    def assign(self, name: str, words: Words, *, added: bool, surely: bool) -> None:
        before = self.held.get(name, ())
        if sum(len(word.value) for word in (*(before or ()), *words)) > LONGEST:
            self.held[name] = None
        elif added:
            self.held[name] = None if before is None else (*before, *words)
        elif name not in self.held or surely:
            self.held[name] = words
        elif [word.value for word in before or ()] != [word.value for word in words]:
            self.held[name] = None


def script(text: Traced, variables: Mapping[str, Traced] | None = None) -> Script:
    """What is run by `text`, which begins with these variables set.

    A broken script is read as far as it can be. A word that is known only where it runs keeps the script's
    own spelling and says so.
    """
    known = {name: (value,) for name, value in (variables or {}).items()}
    return _Reader(text, _Variables({**known})).read()


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


class _Reader:
    def __init__(self, text: Traced, variables: _Variables) -> None:
        self.text = text
        self.variables = variables

    def read(self) -> Script:
        tree = _parser().parse(BEYOND_ASCII.sub(".", self.text.value).encode())
        commands: list[Words] = []
        heredocs: list[Traced] = []
        for node, branched in _walk(tree.root_node):
            match node.type:
                case "variable_assignment":
                    self._assign(node, surely=not branched)
                case "command":
                    commands.append(self._words(node))
                case "heredoc_body":
                    heredocs.append(self._heredoc(node))
                case _:
                    pass
        return Script(tuple(words for words in commands if words), tuple(heredocs))

    def _words(self, command: Node) -> Words:
        parts = [child for child in command.named_children if child.type not in _NO_WORDS]
        return tuple(word for part in parts for word in self._expanded(part))

    def _assign(self, node: Node, *, surely: bool) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            return
        added = any(child.type == "+=" for child in node.children)
        words: Words = ()
        if value is not None and value.type == "array":
            words = tuple(word for part in value.named_children for word in self._expanded(part))
        elif value is not None:
            words = (self._word(value),)
            before = self.variables.held.get(self._source(name).value)
            if added and before:
                words, added = (joined((*before, *words), words[0].token),), False
        self.variables.assign(self._source(name).value, words, added=added, surely=surely)

    def _expanded(self, node: Node) -> Words:
        """The words that one argument becomes: a list's entries, the parts of an unquoted variable."""
        if node.type == "command_name":
            return tuple(word for child in node.children for word in self._expanded(child))
        inner = node
        if node.type == "string" and node.named_child_count == 1 and len(node.children) == 3:
            inner = node.named_children[0]
        if inner.type in {"simple_expansion", "expansion"}:
            found, is_list = self._variable(inner)
            if is_list and found is not None:
                return found
            if inner is node and found:
                all_of_it = _one(found, self._source(node))
                return tuple(all_of_it.part(*word.span()) for word in re.finditer(r"\S+", all_of_it.value))
        return (self._word(node),)

    def _word(self, node: Node) -> Traced:
        """An argument as one word."""
        here = self._source(node)
        match node.type:
            case "string":
                return self._quoted(node)
            case "raw_string":
                return _inside(here, 1)
            case "ansi_c_string" | "translated_string":
                return _inside(here, 2)
            case "simple_expansion" | "expansion":
                found, _ = self._variable(node)
                return here.unknown() if found is None else _one(found, here)
            case "concatenation":
                return joined([self._word(child) for child in node.children], here.token)
            case "command_substitution" | "process_substitution" | "arithmetic_expansion":
                return here.unknown()
            case _:
                return _unescaped(here, ESCAPED)

    def _quoted(self, node: Node) -> Traced:
        # The grammar gives no node to blanks between two variables: what no hole covers is text.
        here = self._source(node)
        holes = [child for child in node.named_children if child.type != "string_content"]
        pieces: list[Traced] = []
        at = 1
        for hole in holes:
            begin, end = hole.start_byte, hole.end_byte
            base = node.start_byte
            pieces += [_unescaped(here.part(at, begin - base), ESCAPED_IN_QUOTES), self._word(hole)]
            at = end - base
        closed = len(here.value) - here.value.endswith('"')
        pieces.append(_unescaped(here.part(at, closed), ESCAPED_IN_QUOTES))
        written = [piece for piece in pieces if piece.value]
        # A variable alone in quotes stands where it was set.
        return written[0] if holes and len(written) == 1 else joined(pieces, here.token)

    def _heredoc(self, node: Node) -> Traced:
        """A text as it is handed over, where the script does not keep it from being filled in."""
        here = self._source(node)
        pieces: list[Traced] = []
        at = 0
        base = node.start_byte
        for hole in node.named_children:
            if hole.type not in {"heredoc_content", "comment"}:
                begin, end = hole.start_byte - base, hole.end_byte - base
                pieces += [here.part(at, begin), self._word(hole)]
                at = end
        return joined([*pieces, here.part(at, len(here.value))], here.token)

    def _variable(self, node: Node) -> tuple[Words | None, bool]:
        """What stands for an expansion, None if nobody knows; and whether it is each entry of a list."""
        here = self._source(node)
        match = EXPANSION.fullmatch(here.value.removesuffix("}"))
        if match is None:
            return None, False
        name, entries, operator, _ = match.groups()
        if operator and "+" in operator:
            return None, False
        if name in self.variables.held:
            return self.variables.held[name], entries == "[@]"
        if operator and "-" in operator and PLAIN_DEFAULT.fullmatch(match.group(4)):
            return (here.part(*match.span(4)),), False
        return None, False

    def _source(self, node: Node) -> Traced:
        return self.text.part(node.start_byte, node.end_byte)


_NO_WORDS = frozenset(
    ("variable_assignment", "file_redirect", "heredoc_redirect", "herestring_redirect", "comment")
)


def _walk(root: Node) -> Iterator[tuple[Node, bool]]:
    """Every node from the top, and whether it lies in a branch. What a word holds comes after its command."""
    waiting = [(root, False)]
    while waiting:
        node, branched = waiting.pop()
        yield node, branched
        below = branched or node.type in BRANCHES
        # Assignments before a command's name are its own and come with it.
        own = node.type == "command"
        waiting += [
            (child, below)
            for child in reversed(node.children)
            if not (own and child.type == "variable_assignment")
        ]


def _inside(here: Traced, opening: int) -> Traced:
    return here.part(opening, len(here.value) - 1).at(here.token)


def _unescaped(here: Traced, pattern: re.Pattern[str]) -> Traced:
    if "\\" not in here.value:
        return here
    pieces: list[Traced] = []
    at = 0
    for match in pattern.finditer(here.value):
        pieces.append(here.part(at, match.start()))
        if match.group(1) != "\n":
            pieces.append(here.part(*match.span(1)))
        at = match.end()
    return joined([*pieces, here.part(at, len(here.value))], here.token)


def _one(words: Words, here: Traced) -> Traced:
    """What a variable becomes inside a word. Alone, it stands where it was set."""
    return words[0] if len(words) == 1 else spaced(words, here.token)
