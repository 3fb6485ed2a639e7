"""An engine that a command starts."""

from inference_stack.engine.command_line import NOT_KNOWN, parse
from inference_stack.lint.commands import Server
from inference_stack.lint.source import Source, Traced

from .keys import Keys, text_of
from .served import Served

UNSEEN = "what stands here only shows where it runs"
UNREAD = "vLLM reads no argument here"
API_KEY = "--api-key"


def command_engine(server: Server, keys: Keys, source: Source, version: str) -> Served:
    """The engine, and the fate of every word that its command line holds."""
    parsed = parse(version, [word.value for word in server.argv], entry=server.entry)
    paths = {name: _path(server.argv[at]) for name, at in parsed.places.items()}
    if "model" in paths:
        words = [server.argv[at] for at, name in sorted(parsed.consumed.items()) if name == "model"]
        option = next((word for word in words if word.value.startswith("--")), None)
        origin = server.argv[parsed.places["model"]].origin
        paths["model"] = _path(option) if option else f"{origin}: model" if origin else "model"
    for name, at in parsed.places.items():
        keys.add(paths[name], None)
        keys.lines[paths[name]] = source.place(*server.argv[at].token).line
    faults = {placed.token: placed.finding for placed in parsed.findings}
    for at, word in enumerate(server.argv):
        name, fault = parsed.consumed.get(at), faults.get(at)
        if name is not None and name in parsed.arguments:
            continue
        if name is None and at - 1 in faults and not fault and not word.value.startswith("-"):
            continue  # the value of an option that vLLM does not know
        path = paths.get(name, _path(word)) if name else _path(word)
        keys.add(path, None)
        keys.lines.setdefault(path, source.place(*word.token).line)
        value = word.value.partition("=")[2] if word.value.startswith("-") else word.value
        hidden = NOT_KNOWN in value or _path(word).endswith(API_KEY)
        keys.leave(
            path,
            fault.what if fault else UNSEEN if NOT_KNOWN in word.value else UNREAD,
            given=None if hidden or not value else text_of(value),
            remedy=fault.allowed or fault.remedy if fault else None,
        )
    # One process is one replica, and it is always there.
    served = Served(keys, arguments=parsed.arguments, places=paths, replicas=(1, 1))
    if isinstance(found := parsed.arguments.get("model"), str):
        served.source = (paths["model"], found)
    return served


def _path(word: Traced) -> str:
    """An option without its value; in a document, behind the path of the text that it stands in."""
    text = word.value.partition("=")[0] if word.value.startswith("-") else word.value
    text = text.replace(NOT_KNOWN, "…")
    return f"{word.origin}: {text}" if word.origin else text
