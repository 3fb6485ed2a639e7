"""Entra on loopback: its keys over TLS, tokens that it would have signed, and certificates."""

import datetime
import ipaddress
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from jwt.algorithms import RSAAlgorithm

LOGIN = "login.microsoftonline.com"
DIRECTORY, AUDIENCE = "0b9f2f4e-8f0d-4d6a-9a53-6d1f3c2b4a59", "5e1c0d3b-7a42-4f0e-8c1d-9b2a6f4e3d71"


class Authority:
    """An authority of certificates in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        made = self._certificate(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def pair(self, host: str) -> tuple[Path, Path]:
        """Certificate and key of a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        hosts = x509.SubjectAlternativeName(
            [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        made = self._certificate(name, key.public_key()).add_extension(hosts, critical=False)
        files = self._folder / f"{host}.pem", self._folder / f"{host}.key"
        files[0].write_bytes(_pem(made.sign(self._key, hashes.SHA256())))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    def _certificate(self, name: x509.Name, key: Any) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Entra:
    """Keys under an address of loopback, and tokens of theirs."""

    def __init__(self, port: int, key: rsa.RSAPrivateKey) -> None:
        self.port, self._key = port, key

    def token(self, application: str, **claims: Any) -> str:
        """A token of an application; a claim may be said otherwise, for one that must be refused."""
        now = int(time.time())
        said = {
            "iss": f"https://{LOGIN}/{DIRECTORY}/v2.0",
            "aud": AUDIENCE,
            "azp": application,
            "ver": "2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            **claims,
        }
        return jwt.encode(said, self._key, algorithm="RS256", headers={"kid": "one"})


@contextmanager
def entra(authority: Authority) -> Iterator[Entra]:
    """Serve the keys where Entra has them, for as long as the block lasts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    keys = json.dumps({"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]}).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == f"/{DIRECTORY}/discovery/v2.0/keys"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(keys) if found else 0))
            self.end_headers()
            self.wfile.write(keys if found else b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so it is called there
            """Nothing to tell."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.pair(LOGIN))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Entra(server.server_address[1], key)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
