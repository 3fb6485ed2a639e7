"""Environments whose plan breaks a rule, and one that governs those of the resources."""

from typing import Any

from tests.policies.cases.sound import ENVIRONMENT, NC40, merged

GOVERNED = merged(
    ENVIRONMENT,
    {
        "governance/industry": "public-sector",
        "governance/domicile": "AU",
    },
)
"""What makes origin and licence matter."""

BUSY: dict[str, Any] = {"requests_per_second": 0.01, "prompt_tokens": 500, "output_tokens": 100}
WHOLE = {"name": "whole", "sku": NC40, "nodes": {"max": 2}}

FAULTY: dict[str, tuple[dict[str, Any], ...]] = {
    "kv-cache-has-room": (
        merged(
            ENVIRONMENT, {"models/0/source": "Qwen/Qwen2.5-72B-Instruct", "governance/licences": ["qwen"]}
        ),
    ),
    "quota-enough": (merged(ENVIRONMENT, {"quota": {"StandardNCadsH100v5Family": 8}}),),
    "upgrade-has-room": (
        merged(
            ENVIRONMENT,
            {
                "pools/0/nodes/max": 1,
                "models/0/replicas": {"min": 2, "max": 2},
                "models/0/upgrade": "NewCluster",
            },
        ),
    ),
    "budget-kept": (
        merged(ENVIRONMENT, {"budget": None}),
        merged(ENVIRONMENT, {"budget": {"usd_per_hour": 1}}),
    ),
    "gpus-put-to-use": (merged(ENVIRONMENT, {"models/0/traffic": BUSY}),),
    "no-whole-gpu-where-a-slice-fits": (
        merged(
            ENVIRONMENT,
            {"pools/0": WHOLE, "models/0/placement": {"pool": "whole"}, "models/0/traffic": BUSY},
        ),
    ),
}
"""Rules by name, with environments that break them."""

WASTEFUL = merged(
    GOVERNED,
    {
        "pools": [ENVIRONMENT["pools"][0] | {"nodes": {"max": 1}}, WHOLE],
        "models": [
            ENVIRONMENT["models"][0] | {"replicas": {"min": 2, "max": 2}, "upgrade": "NewCluster"},
            ENVIRONMENT["models"][0] | {"name": "idle", "placement": {"pool": "whole"}, "traffic": BUSY},
        ],
        "quota": {"StandardNCadsH100v5Family": 120},
        "budget": None,
    },
)
"""What all of those do that can be planned, at once."""

(IMPOSSIBLE,) = FAULTY["kv-cache-has-room"]
"""The one that cannot."""
