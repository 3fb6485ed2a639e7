"""Prints what replicas report of themselves, as a list in JSON, each time that a line is read.

Enough of them are asked that none is likely to be left out.

A process of its own: one that has imported Ray already keeps the token that it had then.
"""

import json
import sys

import ray
from ray import serve

if __name__ == "__main__":
    address, deployment, application = sys.argv[1:]
    ray.init(address, log_to_driver=False, logging_level="ERROR")
    replicas = serve.get_deployment_handle(deployment, application)
    for _ in sys.stdin:
        reports = [replicas.record_autoscaling_stats.remote().result(timeout_s=120) for _ in range(8)]
        print(json.dumps(reports), flush=True)
