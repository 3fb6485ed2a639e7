"""Rules that hold for a plan and for whatever the policy pack sees: one rule a file, on plain facts.

A finding's path is the name of the fact that is wrong; callers put their own path in its place.
"""

from .gpu_pool_reachable import GpuPoolFacts, gpu_pool_reachable
from .licence_allowed import LicenceFacts, licence_allowed
from .licence_terms import LicenceUse, licence_permits_production
from .mig_profile_possible import MigFacts, mig_profile_possible
from .origin_allowed import OriginFacts, origin_allowed

__all__ = [
    "GpuPoolFacts",
    "LicenceFacts",
    "LicenceUse",
    "MigFacts",
    "OriginFacts",
    "gpu_pool_reachable",
    "licence_allowed",
    "licence_permits_production",
    "mig_profile_possible",
    "origin_allowed",
]
