import json
import socket
import stat
from pathlib import Path

import pytest
from cryptography import x509
from lightkube import KubeConfig

from localcloud.cluster.commands import Commands
from localcloud.cluster.layout import Layout, Ports, Programs, choose_ports, write_private
from localcloud.cluster.pki import Pki


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    made.prepare()
    return made


def test_folders_are_their_owners_alone(layout: Layout) -> None:
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (layout.root, layout.pki, layout.data)} == {
        0o700
    }


def test_a_private_file_is_its_owners_alone_even_if_it_was_not(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.touch(mode=0o644)
    write_private(file, "content")
    assert file.read_text() == "content"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_ports_stay_the_same_while_they_are_free(layout: Layout) -> None:
    first = choose_ports(layout)
    assert len({first.etcd, first.etcd_peer, first.api}) == 3
    assert choose_ports(layout) == first
    assert choose_ports(layout, afresh=True) != first


def test_a_port_that_was_taken_meanwhile_is_given_up(layout: Layout) -> None:
    first = choose_ports(layout)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first.api))
        other.listen()
        assert choose_ports(layout).api != first.api


def test_logs_of_the_last_run_are_kept(layout: Layout) -> None:
    layout.log("etcd").write_text("old")
    layout.turn_logs()
    assert not layout.log("etcd").exists()
    layout.log("etcd").write_text("new")
    layout.turn_logs()
    assert [file.name for file in layout.logs.iterdir()] == ["etcd.previous.log"]
    assert layout.log("etcd.previous").read_text() == "new"


def test_keys_are_made_once_and_private(layout: Layout) -> None:
    pki = Pki(layout.pki)
    pki.ensure()
    before = {file: file.read_bytes() for file in layout.pki.iterdir()}
    pki.ensure()
    assert {file: file.read_bytes() for file in layout.pki.iterdir()} == before
    assert {stat.S_IMODE(file.stat().st_mode) for file in before} == {0o600}


@pytest.mark.parametrize("name", ["apiserver", "etcd", "scheduler", "supervisor"])
def test_the_authority_has_issued_every_certificate(layout: Layout, name: str) -> None:
    pki = Pki(layout.pki)
    pki.ensure()
    authority, issued = (
        x509.load_pem_x509_certificate(file.read_bytes()) for file in (pki.authority, pki.certificate(name))
    )
    issued.verify_directly_issued_by(authority)


def test_the_kubeconfig_holds_the_token_and_no_command_line_does(layout: Layout) -> None:
    pki = Pki(layout.pki)
    pki.ensure()
    program = Path("/bin/true")
    programs = Programs(**dict.fromkeys(Programs.model_fields, program))
    commands = Commands(layout, pki, Ports(etcd=1, etcd_peer=2, api=3), programs)
    config = KubeConfig.from_dict(json.loads(commands.administrator())).get()
    assert config is not None
    assert config.cluster.server == "https://127.0.0.1:3"
    assert config.user is not None
    assert config.user.token == pki.token()
    assert len(pki.token()) >= 32
    for command in (commands.etcd(), commands.apiserver(), commands.kwok(), commands.operator()):
        assert pki.token() not in " ".join(command.arguments)
