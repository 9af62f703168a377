"""The web server's certificate: files from the settings, or a development certificate of our own.

Browsers give a page the microphone only over HTTPS or from this very machine, so a service that listens
beyond loopback without a certificate makes itself one; people see a warning until a real one is set.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seats.errors import Problem, SettingsError
from seats.settings import Http

log = structlog.get_logger(__name__)

DEVELOPMENT = Path("var/tls")
DAYS = 397


def server_context(http: Http) -> ssl.SSLContext | None:
    """TLS as the settings ask for it; None for plain HTTP on loopback. Raises :class:`SettingsError`."""
    if http.tls_cert is not None and http.tls_key is not None:
        return _context(http.tls_cert, http.tls_key)
    if is_loopback(http.host):
        return None
    cert, key = development_certificate(http.host)
    log.warning("development_certificate", path=str(cert), hint="set http.tls_cert and http.tls_key")
    return _context(cert, key)


def scheme(http: Http) -> str:
    """``https`` or ``http``, as :func:`server_context` will have it."""
    return "http" if http.tls_cert is None and is_loopback(http.host) else "https"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def development_certificate(host: str, folder: Path = DEVELOPMENT) -> tuple[Path, Path]:
    """Paths of a self-signed certificate for the host and this machine's name, made when there is none."""
    cert_path, key_path = folder / "development.pem", folder / "development.key"
    if cert_path.exists() and key_path.exists() and _is_fresh(cert_path):
        return cert_path, key_path
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    cert = _self_signed(host, key)
    key_path.touch(mode=0o600)
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    cert_path.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    return cert_path, key_path


def _self_signed(host: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "seats development")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName(socket.gethostname())]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )


def _is_fresh(path: Path) -> bool:
    cert = x509.load_pem_x509_certificate(path.read_bytes())
    return cert.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=7)


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        what = f"cannot be used: {error}"
        raise SettingsError([Problem(str(cert), "http.tls_cert", what, "a PEM chain and its key")]) from None
    return context
