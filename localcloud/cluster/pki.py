"""Certificates and the token of a control plane, with one authority of its own that verifies them."""

import base64
import datetime
import ipaddress
import json
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.cluster.layout import write_private

_LIFETIME = datetime.timedelta(days=3650)
_ADMINISTRATORS = "system:masters"
_CLIENTS = {
    "scheduler": ("system:kube-scheduler", None),
    "controller-manager": ("system:kube-controller-manager", None),
    "kwok": ("localcloud:kwok", _ADMINISTRATORS),
    "kuberay-operator": ("localcloud:kuberay-operator", _ADMINISTRATORS),
    "supervisor": ("localcloud:supervisor", _ADMINISTRATORS),
    "etcd-client": ("kube-apiserver", None),
}
"""Who speaks to the API server or to etcd, as which user of which group."""


class Pki:
    """The key material in a folder. Made once; later runs find it again, so that kubeconfigs stay valid."""

    def __init__(self, folder: Path) -> None:
        """Name the files; see `ensure`."""
        self._folder = folder
        self.authority = folder / "ca.crt"
        self.service_account_key = folder / "service-account.key"
        self.tokens = folder / "tokens.csv"

    def certificate(self, name: str) -> Path:
        """Certificate of a server or client."""
        return self._folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Private key of a server or client."""
        return self._folder / f"{name}.key"

    def token(self) -> str:
        """The administrator's bearer token."""
        return self.tokens.read_text().split(",", 1)[0]

    def ensure(self) -> None:
        """Make everything, unless it is complete already."""
        if self.tokens.exists():
            return
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(authority_key)
        write_private(self.authority, authority.public_bytes(serialization.Encoding.PEM))
        for server in ("apiserver", "etcd"):
            self._issue(server, server, None, authority, authority_key, server=True)
        for client, (user, group) in _CLIENTS.items():
            self._issue(client, user, group, authority, authority_key, server=False)
        write_private(self.service_account_key, _pem(ec.generate_private_key(ec.SECP256R1())))
        # Last, since it marks the rest as complete.
        write_private(
            self.tokens,
            f'{secrets.token_urlsafe(32)},administrator,administrator,"{_ADMINISTRATORS}"\n'
            # Whom Entra knows, but whose role in Azure does not hold yet.
            f"{secrets.token_urlsafe(32)},newcomer,newcomer\n",
        )

    def _issue(
        self,
        name: str,
        user: str,
        group: str | None,
        authority: x509.Certificate,
        authority_key: ec.EllipticCurvePrivateKey,
        *,
        server: bool,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        if group:
            parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        # etcd's members are each other's clients.
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if server else [])]
        builder = (
            _builder(x509.Name(parts), authority.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )
        if server:
            builder = builder.add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        certificate = builder.sign(authority_key, hashes.SHA256())
        write_private(self.certificate(name), certificate.public_bytes(serialization.Encoding.PEM))
        write_private(self.key(name), _pem(key))


def kubeconfig(
    server: str, authority: Path, *, token: str | None = None, client: tuple[Path, Path] | None = None
) -> str:
    """A kubeconfig in JSON, which is YAML, with every certificate inside it.

    The user is known by a bearer token or by a client certificate and its key.
    """
    user: dict[str, str] = {}
    if token:
        user["token"] = token
    if client:
        user["client-certificate-data"], user["client-key-data"] = (_base64(path) for path in client)
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "localcloud",
                    "cluster": {"server": server, "certificate-authority-data": _base64(authority)},
                }
            ],
            "users": [{"name": "localcloud", "user": user}],
            "contexts": [{"name": "localcloud", "context": {"cluster": "localcloud", "user": "localcloud"}}],
            "current-context": "localcloud",
        },
        indent=2,
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localcloud")])
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    # An hour back, for clocks that are set while we run.
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _LIFETIME)
    )


def _names() -> list[x509.GeneralName]:
    cluster = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    return [
        *(x509.DNSName(name) for name in cluster),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    # The API server finds no public key of service accounts in the newer format.
    style = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, style, serialization.NoEncryption())


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
