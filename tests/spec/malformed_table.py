"""The table of environments that must not be built, for every test that tries them."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from inference_stack.spec import CONFIG_KEY
from tests.spec.changing import changed

FOLDER = Path(__file__).with_name("malformed")
TABLE: dict[str, Any] = yaml.safe_load(FOLDER.with_suffix(".yaml").read_text())
BASE: dict[str, Any] = TABLE["base"]
CROSS_FIELD = frozenset(TABLE["cross_field"])


class Wrong(NamedTuple):
    """One thing that is wrong, as the table has it."""

    path: str
    code: str
    allowed: str
    line: int | None = None


class Malformed(NamedTuple):
    """An environment of the table."""

    name: str
    text: str
    wrong: tuple[Wrong, ...]

    @property
    def is_cross_field(self) -> bool:
        """Whether two keys of it contradict one another."""
        return not CROSS_FIELD.isdisjoint(each.code for each in self.wrong)

    def written(self, folder: Path) -> Path:
        """A file of its own with the environment in it."""
        file = folder / f"{self.name}.yaml"
        file.write_text(self.text)
        return file


def _text(entry: dict[str, Any]) -> str:
    if "file" in entry:
        return (FOLDER / entry["file"]).read_text()
    environment = changed(BASE, entry.get("with"), entry.get("without", ()))
    return yaml.safe_dump({"config": {CONFIG_KEY: environment}}, sort_keys=False)


MALFORMED = tuple(
    Malformed(name, _text(entry), tuple(Wrong(*row) for row in entry["wrong"]))
    for name, entry in TABLE["environments"].items()
)

LARGEST = tuple(sorted(MALFORMED, key=lambda each: -len(each.wrong))[:10])
"""Those with the most faults."""
