"""Print, as a JSON list, the pulumi-plugin.json of every importable package that has a provider."""

import json
import pathlib
import sys

found: dict[str, dict[str, object]] = {}
for folder in sys.path:
    for manifest in sorted(pathlib.Path(folder or ".").glob("*/pulumi-plugin.json")):
        package = manifest.parent.name
        plugin = json.loads(manifest.read_text(encoding="utf-8"))
        # The first on the path is the one that an import would find.
        if package not in found:
            found[package] = plugin
plugins = [
    {**plugin, "name": plugin.get("name") or package.removeprefix("pulumi_").replace("_", "-")}
    for package, plugin in found.items()
    if plugin.get("resource")
]
json.dump(plugins, sys.stdout)
