"""Prints what a Ray has and what is left of it, with its placement groups, as JSON, each time a line is read.

A process of its own: one that has imported Ray already keeps the token that it had then.
"""

import json
import sys

import ray
from ray.util import placement_group_table

if __name__ == "__main__":
    ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
    for _ in sys.stdin:
        groups = [
            {"state": group["state"], "bundles": list(group["bundles"].values())}
            for group in placement_group_table().values()
        ]
        told = {"has": ray.cluster_resources(), "left": ray.available_resources(), "groups": groups}
        print(json.dumps(told), flush=True)
