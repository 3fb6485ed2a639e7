"""The policy pack. Making it starts a server and does not return."""

from pulumi_policy import PolicyPack

from policies.engine_arguments_valid import engine_arguments_valid
from policies.gpu_pool_reachable import gpu_pool_reachable
from policies.licence_allowed import licence_allowed
from policies.mig_profile_possible import mig_profile_possible

PolicyPack(
    "inference-stack",
    policies=[engine_arguments_valid, gpu_pool_reachable, licence_allowed, mig_profile_possible],
)
