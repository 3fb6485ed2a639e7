"""Prints what a replica reports of itself, as JSON, each time that a line is read.

A process of its own: one that has imported Ray already keeps the token that it had then.
"""

import json
import sys

import ray
from ray import serve

if __name__ == "__main__":
    address, deployment, application = sys.argv[1:]
    ray.init(address, log_to_driver=False, logging_level="ERROR")
    replica = serve.get_deployment_handle(deployment, application)
    for _ in sys.stdin:
        print(json.dumps(replica.record_autoscaling_stats.remote().result(timeout_s=120)), flush=True)
