from collections.abc import Iterator

import pytest

from tests.gateway.upstream import Upstream, upstream


@pytest.fixture(scope="module")
def model() -> Iterator[Upstream]:
    with upstream() as found:
        yield found
