"""The way over a proxy, written into a kubeconfig."""

import yaml

from components.kubeconfig import through_proxy, with_login

KUBECONFIG = yaml.safe_dump({"clusters": [{"name": "aks", "cluster": {"server": "https://aks:443"}}]})


def test_a_proxy_stands_beside_the_server() -> None:
    (entry,) = yaml.safe_load(through_proxy(KUBECONFIG, "socks5://localhost:1080"))["clusters"]
    assert entry["cluster"] == {"server": "https://aks:443", "proxy-url": "socks5://localhost:1080"}


def test_without_a_proxy_nothing_changes() -> None:
    assert through_proxy(KUBECONFIG, None) == KUBECONFIG


SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
AS_AKS_WRITES_IT = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "command": "kubelogin",
    "args": [
        *("get-token", "--environment", "AzurePublicCloud", "--server-id", SERVER_ID),
        *("--client-id", "80faf920-1908-4b52-b5ef-a8e7bedfc67a", "--tenant-id", "t", "--login", "devicecode"),
    ],
}


def test_who_deploys_is_known_to_the_environment_and_not_asked_at_a_screen() -> None:
    given = yaml.safe_dump({"users": [{"name": "user", "user": {"exec": AS_AKS_WRITES_IT}}]})
    (entry,) = yaml.safe_load(with_login(given, "workloadidentity"))["users"]
    assert entry["user"]["exec"] == AS_AKS_WRITES_IT | {
        "args": ["get-token", "--login", "workloadidentity", "--server-id", SERVER_ID]
    }


def test_a_certificate_stays_and_so_does_the_command_of_another_cloud() -> None:
    others = [{"client-certificate-data": "c"}, {"exec": {"command": "other", "args": ["token"]}}]
    given = yaml.safe_dump({"users": [{"name": "user", "user": one} for one in others]})
    assert [entry["user"] for entry in yaml.safe_load(with_login(given, "azurecli"))["users"]] == others
