"""Does a case of ``batch_stress.py --light`` in place of the command line: reads the input, and releases a note of it by the real road.

It waits a little and computes nothing, so that kills hit starts, ends and everything in between. THE FACE
STAYS: for benchmarks of batches alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from FaceDeidLNLib.output.atomic import Companion, released_file, released_folder
from FaceDeidLNLib.output.certificate import SCHEMA, certificate_path, output_sha256

#: How long a case takes (s): so much of its output lies there unfinished.
_WORK_S = 0.3
_PASS, _BAD_INPUT = 0, 2


def told(source: Path) -> str:
    """What an output says of its input. Raises ValueError where its name says that it is damaged."""
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    contents = [file.read_bytes() for file in files]
    if "damaged" in source.name:
        raise ValueError("it is cut off")
    return hashlib.sha256(b"".join(contents)).hexdigest()


def main(words: Sequence[str]) -> int:
    """``deface INPUT OUTPUT [...]``, with a report as of ``--json``."""
    source, output = Path(words[1]), Path(words[2])
    try:
        text = told(source)
    except ValueError as problem:
        return _report(_BAD_INPUT, error=str(problem))
    overwrite = "--overwrite" in words

    def certify(partial: Path, certificate: Path) -> None:
        certificate.write_text(json.dumps({"schema": SCHEMA, "output": {"sha256": output_sha256(partial)}}))

    companion = Companion(certificate_path(output).absolute(), certify)
    released = released_folder if source.is_dir() else released_file
    with released(output, overwrite, (source,), companion) as partial:
        (partial / "a.dcm" if source.is_dir() else partial).write_text(text)
        time.sleep(_WORK_S)
    return _report(_PASS, verdict="PASS", privacy="recognisable")


def _report(code: int, **facts: str) -> int:
    print(json.dumps({"exit_code": code, **facts}))
    return code
