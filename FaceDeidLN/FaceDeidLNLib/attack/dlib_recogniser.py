"""The recogniser of the Python package ``face_recognition`` (dlib's), an optional extra."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from ..core.errors import InputError

#: Its own requirement would compile dlib; the extra brings dlib ready-made.
HOW_TO_INSTALL = "in the project's folder: .venv/bin/pip install -e '.[attack]' && .venv/bin/pip install --no-deps face_recognition"
_NEEDED = ("face_recognition", "face_recognition_models", "dlib", "pkg_resources")


def missing() -> tuple[str, ...]:
    """What of the extra is not installed; empty where attack 2 can be made."""
    return tuple(name for name in _NEEDED if find_spec(name) is None)


class DlibRecogniser:
    """Face detection by HOG and 128-d embeddings (ResNet trained on photographs), all settings at the package's defaults.

    Raises InputError where the extra is not installed.
    """

    def __init__(self) -> None:
        if missing():
            raise InputError(f"The rendered attack needs {', '.join(missing())}: {HOW_TO_INSTALL}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pkg_resources announces its own end
            import face_recognition
        self._package = face_recognition

    def faces(self, picture: np.ndarray) -> Sequence[np.ndarray]:
        """The embedding (128,) of every face found in ``picture`` (height, width, 3) uint8."""
        places = self._package.face_locations(picture)
        return self._package.face_encodings(picture, places) if places else []
