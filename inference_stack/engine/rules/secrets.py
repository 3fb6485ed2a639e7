"""Which environment variables hold what nobody else should read."""

import re
from collections.abc import Iterator, Mapping

SECRET = re.compile(
    r"(^|_)(TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY|ACCESS_KEY|ACCOUNT_KEY|SAS)$", re.IGNORECASE
)
"""Ends of names that promise a secret: HF_TOKEN, AWS_SECRET_ACCESS_KEY, VLLM_API_KEY."""

REFERENCE = re.compile(r"^\s*($|\$|\{\{|<)")
"""Beginnings of a value that stands for another: $VAR, ${VAR}, $(VAR), a template's, a placeholder's."""


def secret_names(environment: Mapping[str, object]) -> Iterator[str]:
    """Names of the variables whose values are written out and look like secrets, in their order."""
    for name, value in environment.items():
        if SECRET.search(name) and isinstance(value, str) and not REFERENCE.match(value):
            yield name
