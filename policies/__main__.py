"""The policy pack, as Pulumi runs this folder; `python -m policies` lists its rules."""

from pulumi_policy import PolicyPack

from policies.context import Context
from policies.listing import print_rules
from policies.pack import policies

# Pulumi runs the folder by its path, not as a package. Making the pack starts a server and does not return.
if __package__:
    print_rules()
else:
    PolicyPack("inference-stack", policies=policies(Context.of_run()))
