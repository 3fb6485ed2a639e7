"""A GPU pool is tainted, and reached from zero nodes or kept above zero for a written reason."""

from inference_stack.planner.rules import gpu_pool_reachable as rule
from policies.agent_pool import pool_policy

gpu_pool_reachable = pool_policy(
    "gpu-pool-reachable",
    "A GPU node pool keeps other pods away and can be reached from zero nodes, or says why it keeps nodes.",
    rule,
)
