"""Keys that sign certificates in tests."""

from __future__ import annotations

import pytest


def key_file(folder, name="key.pem"):
    """A new private key, and its public one beside it."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization", reason="the extra 'signing' is not installed")
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    key = ed25519.Ed25519PrivateKey.generate()
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / name).write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"public-{name}").write_bytes(public)
    return folder / name
