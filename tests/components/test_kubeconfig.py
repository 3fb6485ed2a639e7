"""The way over a proxy, written into a kubeconfig."""

import yaml

from components.kubeconfig import through_proxy

KUBECONFIG = yaml.safe_dump({"clusters": [{"name": "aks", "cluster": {"server": "https://aks:443"}}]})


def test_a_proxy_stands_beside_the_server() -> None:
    (entry,) = yaml.safe_load(through_proxy(KUBECONFIG, "socks5://localhost:1080"))["clusters"]
    assert entry["cluster"] == {"server": "https://aks:443", "proxy-url": "socks5://localhost:1080"}


def test_without_a_proxy_nothing_changes() -> None:
    assert through_proxy(KUBECONFIG, None) == KUBECONFIG
