"""The header policy of a run, from what a user types."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import InputError
from .base import HeaderPolicy, KeepHeader
from .keys import project_key, read_pseudonyms, require_tables
from .options import KEEP, options_named


def policy_named(
    text: str, key: Path | None, patients: Path | None = None, outputs: tuple[Path, ...] = (), inputs: tuple[Path, ...] = ()
) -> HeaderPolicy:
    """The policy of ``--header``, ``--key`` and ``--patients``; a key that is not there is made, but not inside ``outputs`` or ``inputs``.

    :raises InputError: an unknown name, no key where one is needed, or a key or table, also one beside the key, that means nothing.
    """
    options = options_named(text)
    if options is None:
        if key is not None or patients is not None:
            given = " and ".join(option for option, file in (("--key", key), ("--patients", patients)) if file is not None)
            raise InputError(f"{given}: for cleaned headers only, and --header is '{KEEP}': leave that out, or name a profile.")
        return KeepHeader()
    if key is None:
        raise InputError(
            "A cleaned header needs the project's key, so that the same patient becomes the same everywhere: name a file with "
            "--key FILE (it is made on first use; keep it, and never give it away)."
        )
    from .profile import Profile

    pseudonyms = {} if patients is None else read_pseudonyms(patients)
    require_tables(key)
    return Profile(project_key(key, outputs, inputs), options, pseudonyms, name=text)
