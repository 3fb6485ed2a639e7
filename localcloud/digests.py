"""The digests of an environment's images, asked of their registries, and put into its file.

The image of heads and workers is left as it is: its tag is a digest of what is in it, and a later one follows
from the code.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from inference_stack.spec import Finding, Images, InvalidEnvironment, load, located, read

SECTION = "images"


@dataclass(frozen=True)
class Found:
    """An image of an environment."""

    key: str
    """Its key under `images`."""
    named: str
    """As the environment names it, or would."""
    pulled: str
    """As it is pulled."""
    digest: str | None
    """`sha256:…`, where the environment does not name one yet."""

    @property
    def pinned(self) -> str:
        """As the environment should name it."""
        return f"{self.named}@{self.digest}" if self.digest else self.named


def found_images(file: Path, crane: Path) -> list[Found]:
    """Every image but that of heads and workers, with the digest that its registry has for it now.

    `crane` asks, as whoever the user has logged in as there. Raises InvalidEnvironment with all images that
    no registry knows.
    """
    source = read(file)
    images = load(source.data, file=str(file), text=source.text).images
    found: list[Found] = []
    wrong: list[Finding] = []
    for key, named in _named(images):
        pulled = images.pulled(named)
        if "@" in named:
            found.append(Found(key, named, pulled, None))
            continue
        answer = subprocess.run([crane, "digest", pulled], capture_output=True, text=True, check=False)
        if answer.returncode:
            wrong.append(_unknown(key, pulled, answer.stderr))
        else:
            found.append(Found(key, named, pulled, answer.stdout.strip()))
    if wrong:
        raise InvalidEnvironment(str(file), located(wrong, source.text))
    return found


def _named(images: Images) -> Iterator[tuple[str, str]]:
    for key, field in Images.model_fields.items():
        # What has a tag of its own by default is an image of somebody else's.
        if isinstance(field.default, str) and ":" in field.default:
            yield key, str(getattr(images, key))


def _unknown(key: str, pulled: str, said: str) -> Finding:
    return Finding(
        code="image-unknown",
        path=f"{SECTION}.{key}",
        given=pulled,
        what=f"has no digest that the registry tells: {said.strip().splitlines()[-1]}",
        allowed="an image that is there, in a registry that you are logged in to",
        remedy="mirror it (az acr import), or log in (az acr login), and try again",
    )


def written(text: str, values: Mapping[str, str]) -> str:
    """The text of a Pulumi.<env>.yaml with these values under `images`, everything else as it was.

    Raises ValueError where that section is written on one line.
    """
    lines = f"{text.rstrip()}\n".splitlines(keepends=True)
    start = _line_of(lines, r"inference-stack:environment")
    place, indent = start + 1, _indent(lines[start]) + 2
    head = next(
        (at for at in range(place, len(lines)) if re.match(rf" {{{indent}}}{SECTION}:", lines[at])), None
    )
    if head is None:
        lines.insert(place, f"{' ' * indent}{SECTION}:\n")
        head = place
    elif not re.match(rf" *{SECTION}:\s*(#.*)?$", lines[head]):
        raise ValueError(f"{SECTION}: is written on one line; write each key of it on a line of its own")
    end = next((at for at in range(head + 1, len(lines)) if _is_at_most(lines[at], indent)), len(lines))
    while not lines[end - 1].strip():
        end -= 1
    inner = next((_indent(line) for line in lines[head + 1 : end] if line.strip()), indent + 2)
    for key, value in values.items():
        own = re.compile(rf"^( {{{inner}}}{key}:\s*)\S+(.*)$", re.DOTALL)
        for at in range(head + 1, end):
            if own.match(lines[at]):
                lines[at] = own.sub(lambda found, value=value: f"{found[1]}{value}{found[2]}", lines[at])
                break
        else:
            lines.insert(end, f"{' ' * inner}{key}: {value}\n")
            end += 1
    return "".join(lines)


def _line_of(lines: list[str], key: str) -> int:
    return next(at for at, line in enumerate(lines) if re.match(rf" *{key}:", line))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_at_most(line: str, indent: int) -> bool:
    """Whether a line, a comment too, is no part of a section with this indentation."""
    return bool(line.strip()) and _indent(line) <= indent
