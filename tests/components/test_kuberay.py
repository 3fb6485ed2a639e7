"""What KubeRay's chart is told of an image: it puts repository and tag together again with a colon."""

import pytest

from components import kuberay

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    "image",
    [
        "quay.io/kuberay/operator:v1.6.1",
        f"quay.io/kuberay/operator@{DIGEST}",
        f"quay.io/kuberay/operator:v1.6.1@{DIGEST}",
        f"localhost:5000/operator@{DIGEST}",
    ],
)
def test_the_chart_names_the_image_that_was_asked_for(image: str) -> None:
    values = kuberay._values(image)
    assert values
    assert f"{values['image']['repository']}:{values['image']['tag']}" == image
