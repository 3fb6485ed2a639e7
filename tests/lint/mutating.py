"""What is done to files before they are read, and what must hold for whatever comes of it."""

from random import Random

from inference_stack.engine import versions
from inference_stack.lint.files import decoded
from inference_stack.lint.linting import Found, lint_source
from inference_stack.lint.source import Source
from inference_stack.spec import Finding

ODD = [
    b"\x00",
    b"\xff",
    b"\t",
    b"\r",
    b"\n---\n",
    b"*a",
    b"&a ",
    b"<<: ",
    b"{{",
    b"}}",
    b"${",
    b"'",
    b'"',
    b"\\",
    b"- ",
]
ODD += [
    b": ",
    b"[",
    b"]",
    b"{",
    b"}",
    b"|\n",
    b"!!int ",
    b"$(",
    b"`",
    b"<<EOF\n",
    b"(",
    b")",
    b"#",
    "é\u2028\ufffc".encode(),
]


def read(name: str, data: bytes) -> None:
    """What the linter does with a file of this content; each finding has a place that is there."""
    source = decoded(name, data)
    if isinstance(source, Finding):
        return
    for found in lint_source(source, versions.VLLM):
        holds(source, found)


def holds(source: Source, found: Found) -> None:
    if found.place is None:
        return
    line, column, length = found.place
    assert length >= 1
    assert 1 <= column <= len(source.line(line)) + 1
    found.finding.model_dump_json()


def mutated(data: bytes, random: Random) -> bytes:
    """A few things done to a file that an editor, a disk or a merge might do."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data) + 1)
        other = random.randrange(len(data) + 1)
        match random.randrange(7):
            case 0 if at < len(data):
                data = data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]
            case 1:
                data = data[:at]
            case 2:
                data = data[:at] + random.choice(ODD) + data[at:]
            case 3:
                data = data[: min(at, other)] + data[max(at, other) :]
            case 4:
                lines = data.splitlines(keepends=True) or [b""]
                random.shuffle(lines)
                data = b"".join(lines)
            case 5:
                words = data.split(b" ")
                first, second = random.randrange(len(words)), random.randrange(len(words))
                words[first], words[second] = words[second], words[first]
                data = b" ".join(words)
            case _:
                piece = data[min(at, other) : max(at, other)][:200]
                data = data[:at] + piece + data[at:]
    return data
