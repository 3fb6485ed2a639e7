"""A stand-in for Azure Resource Manager: an ``azure-native`` provider that keeps its cloud in SQLite.

It takes the installed SDK's arguments, shows the differences azure-native shows and refuses what ARM refuses,
with ARM's code and words. What it knows lies in ``tables/``, each row with its source.
"""

VERSION = "3.29.0"
"""The version of azure-native that it stands in for."""
