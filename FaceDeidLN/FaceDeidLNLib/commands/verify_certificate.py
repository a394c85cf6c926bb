"""Check a certificate: that it belongs to the output beside it, and that nobody edited it since it was signed.

OUTPUT is a released file or DICOM folder. Anybody can edit an unsigned certificate; a signed one is known to be the project's only
with the project's public key (--signing-key). Exit code 0: all that was asked holds; 1: it does not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.errors import InputError
from .console import FAIL, PASS, Console, Outcome

SUMMARY = "check a certificate: its output's hash and its signature"
EXAMPLES = "example:\n  facedeidln verify-certificate ct-deface.nrrd --signing-key project-public.pem"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """OUTPUT and the key."""
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="released file or DICOM folder, with its certificate beside it")
    parser.add_argument("--signing-key", type=Path, metavar="FILE", help="the project's Ed25519 key in PEM, public or private")


def run(options: argparse.Namespace, console: Console) -> Outcome:
    """Compare the hash, check the signature."""
    from ..output.certificate import certificate_path, is_certified
    from ..output.signing import Signature, read_certificate, signature_state

    if not options.output.exists():
        raise InputError(f"There is no file or folder {options.output}.")
    certificate = certificate_path(options.output)
    content = read_certificate(certificate)
    state, is_its_own = signature_state(certificate, options.signing_key), is_certified(options.output)
    wrong = [] if is_its_own else ["the output is not the one that the certificate was written for: its SHA-256 is another"]
    if state in (Signature.BROKEN, Signature.OTHER_KEY) or (options.signing_key is not None and state is not Signature.VALID):
        wrong.append(f"the certificate is {state.value}")
    facts = {"certificate": str(certificate), "output_is_the_certified_one": is_its_own, "signature": state.name, "reasons": wrong}
    facts["said"] = {name: content.get(name) for name in ("verdict", "privacy")}
    if wrong:
        return Outcome(FAIL, facts, "\n".join([f"FAIL: {certificate}", *(f"  - {reason}" for reason in wrong)]))
    doubt = ": anybody may have edited it together with the output" if state is Signature.UNSIGNED else ""
    return Outcome(PASS, facts, f"PASS: the output is the certified one\n  the certificate is {state.value}{doubt}")
