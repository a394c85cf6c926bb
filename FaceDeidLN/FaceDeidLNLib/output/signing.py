"""Signatures of certificates: Ed25519 (RFC 8032), by the package ``cryptography``, with a key of the project that releases.

A hash shows that output and certificate belong together; that nobody has edited both only a signature shows, to who has the public key.
The certificate's ``signature`` is "unsigned", or an object: ``algorithm`` "Ed25519", ``public_key`` and ``value`` in base64. The value
signs the certificate without ``signature``, as JSON with sorted keys, no blanks, in UTF-8.
"""

from __future__ import annotations

import base64
import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.plain_files import MOST_KEY, read_plain, read_plain_text
from .certificate import certificate_path, is_certified

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

UNSIGNED = "unsigned"
_HOW = "make one (openssl genpkey -algorithm ed25519 -out project-key.pem)"


class Signature(Enum):
    """What a certificate's signature shows."""

    VALID = "signed with the given key"
    UNSIGNED = "unsigned"
    OTHER_KEY = "signed with another key than the given one"
    BROKEN = "edited since it was signed"
    UNCHECKED = "signed, and as it was signed; by whom only the project's public key can tell (--signing-key)"


def signed_text(text: str, key: Path | None) -> str:
    """A certificate's text with its signature; "unsigned" without a key.

    :param key: PEM file with the private key, not encrypted.
    :raises InputError: the file is no such key, or ``cryptography`` is not installed.
    """
    content = json.loads(text)
    content["signature"] = UNSIGNED if key is None else _signature(content, private_key(key))
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def signature_state(certificate: Path, key: Path | None) -> Signature:
    """Whether a certificate is as it was signed, and whether by ``key`` (PEM file, public or private; None: not asked).

    :raises InputError: the key or the certificate cannot be read, or ``cryptography`` is not installed.
    """
    return _state(read_certificate(certificate), None if key is None else public_text(key))


def public_text(key: Path) -> str:
    """The public half of a key (PEM file, public or private) as certificates name it. Raises InputError where it is none."""
    return _text(public_key(key))


def is_signed_by(certificate: Path, signer: str) -> bool:
    """A certificate is as it was signed, by the key that ``public_text`` gives as ``signer``.

    :raises InputError: ``cryptography`` is not installed.
    """
    try:
        content = read_certificate(certificate)
    except InputError:  # one that says something twice is nobody's, and stops nobody
        return False
    return _state(content, signer) is Signature.VALID


def is_own_release(output: Path, key: Path | None) -> bool:
    """The output is the certified one; where a key is given, its certificate is also signed with it.

    :raises InputError: the key cannot be used.
    """
    return is_certified(output) and (key is None or is_signed_by(certificate_path(output), public_text(key)))


def _state(content: dict[str, Any], signer: str | None) -> Signature:
    said = content.pop("signature", UNSIGNED)
    if not isinstance(said, dict):
        return Signature.UNSIGNED
    try:
        own = _ed25519().Ed25519PublicKey.from_public_bytes(base64.b64decode(said["public_key"], validate=True))
        value = base64.b64decode(said["value"], validate=True)
        if said["algorithm"] != "Ed25519":
            return Signature.BROKEN
    except (ValueError, KeyError, TypeError):
        return Signature.BROKEN
    if signer is not None and signer != _text(own):
        return Signature.OTHER_KEY
    if not _verifies(own, value, content):
        return Signature.BROKEN
    return Signature.UNCHECKED if signer is None else Signature.VALID


def read_certificate(path: Path) -> dict[str, Any]:
    """A certificate's content.

    :raises InputError: it cannot be read, or says something twice, of which a signature covers one alone.
    """
    if not path.exists():
        raise InputError(f"There is no certificate {path}: name an output that has its certificate beside it.")
    try:
        content = json.loads(read_plain_text(path), object_pairs_hook=_each_once)
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{path} is no certificate that can be read: name an output that has its certificate beside it.") from problem
    if not isinstance(content, dict):
        raise InputError(f"{path} is no certificate: it holds no JSON object.")
    return content


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError where a name stands in it twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name stands in it twice")
    return content


def require_key(path: Path | None) -> None:
    """What is given to sign with is a key; nothing may be given. Raises InputError where it is none: asked before any work."""
    if path is not None:
        private_key(path)


def private_key(path: Path) -> Ed25519PrivateKey:
    """The private key of a PEM file. Raises InputError where it is none."""
    ed25519, key = _ed25519(), _loaded(path, "load_pem_private_key", None)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise InputError(f"{path} holds no private Ed25519 key in PEM without a password: {_HOW}.")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """The public key of a PEM file, or that of the private key in it. Raises InputError where it is neither."""
    ed25519 = _ed25519()
    key = _loaded(path, "load_pem_public_key") or _loaded(path, "load_pem_private_key", None)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.public_key()
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise InputError(f"{path} holds no Ed25519 key in PEM: name the project's public key.")
    return key


def _ed25519() -> Any:  # noqa: ANN401
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as problem:
        how = 'pip install cryptography, in Slicer slicer.util.pip_install("cryptography")'
        raise InputError(f"Signatures need the package cryptography: {how}.") from problem
    return ed25519


def _loaded(path: Path, how: str, *words: object) -> object:
    """The key of a PEM file; None where it holds none of this kind."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        return getattr(serialization, how)(read_plain(path, MOST_KEY), *words)
    except OSError as problem:
        raise InputError(f"The key {path} cannot be read ({problem.strerror}).") from problem
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _signature(content: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, str]:
    value = key.sign(_signed_bytes(content))
    return {"algorithm": "Ed25519", "public_key": _text(key.public_key()), "value": base64.b64encode(value).decode()}


def _text(key: Ed25519PublicKey) -> str:
    """A public key in base64."""
    from cryptography.hazmat.primitives import serialization

    return base64.b64encode(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)).decode()


def _verifies(key: Ed25519PublicKey, value: bytes, content: dict[str, Any]) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(value, _signed_bytes(content))
    except InvalidSignature:
        return False
    return True


def _signed_bytes(content: dict[str, Any]) -> bytes:
    plain = {name: value for name, value in content.items() if name != "signature"}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
