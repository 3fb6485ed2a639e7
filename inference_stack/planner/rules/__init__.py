"""Rules that hold for a plan and for whatever the policy pack sees: one rule a file, on plain facts.

A finding's path is the name of the fact that is wrong; callers put their own path in its place.
"""

from .gpu_pool_reachable import GpuPoolFacts, gpu_pool_reachable
from .licence_allowed import LicenceFacts, licence_allowed
from .mig_profile_possible import MigFacts, mig_profile_possible

__all__ = [
    "GpuPoolFacts",
    "LicenceFacts",
    "MigFacts",
    "gpu_pool_reachable",
    "licence_allowed",
    "mig_profile_possible",
]
