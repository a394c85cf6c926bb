"""What is done to the header of every DICOM object before it is written: one Protocol, and the policy that keeps headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from ..core.errors import FaceDeidError

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset

#: UIDs as the standard writes them (PS3.5 6.2 and 9.1), with what fills them up.
_UIDS = re.compile(rb"[0-9.\\]*[\0 ]*")


class HeaderError(FaceDeidError):
    """The header of an instance cannot be judged or cleaned: the instance is withheld, with this reason."""


class HeaderPolicy(Protocol):
    """What is done to headers. One object serves a whole run, so that the same UID and the same patient become the same everywhere."""

    name: str
    #: Options of the confidentiality profile in force (names of ``header.options``); None where headers are kept.
    options: frozenset[str] | None

    def uid(self, original: str) -> str:
        """The UID that stands for ``original`` in what is released; UIDs that the standard defines stay as they are."""

    def learn(self, dataset: Dataset) -> None:
        """Take in what identifies the patient in an instance; called for all instances of a study before the first is cleaned."""

    def surface_seed(self, dataset: Dataset) -> int | None:
        """What the new surface of the data set's patient is drawn from in every release; None where each release draws one of its own."""

    def clean(self, dataset: Dataset) -> Dataset:
        """The data set with its header as it may leave; the same object, changed. Pixel data and geometry stay.

        UIDs are replaced by those of ``uid`` at every depth. Raises HeaderError where that is not possible.
        """

    def proved(self, findings: int) -> None:
        """Note how many findings the proof had of what was written."""

    def label(self, name: str) -> str:
        """A name that somebody gave to a segment, as it may leave."""

    def sentence(self, text: str) -> str:
        """A sentence of this program, which may quote such a name, as it may leave."""

    def is_own(self, dataset: Dataset) -> bool:
        """Was it cleaned by this policy before? Then there is nothing left in it that identifies anybody."""

    def facts(self) -> dict[str, object]:
        """What the certificate says of the headers; no values of any."""


class KeepHeader:
    """Names, dates and texts stay; instances, series and concatenations with their wholes get new UIDs, as they are other images now.

    Study, patient and frame of reference keep theirs.
    """

    name = "keep"
    options: frozenset[str] | None = None

    def __init__(self) -> None:
        self._new: dict[str, str] = {}

    def renew(self, original: str) -> str:
        """A new UID for an instance, series or concatenation, the same for the same original."""
        from pydicom.uid import generate_uid  # a run without DICOM does without pydicom

        return self._new.setdefault(original, generate_uid(prefix=None))

    def uid(self, original: str) -> str:
        """The renewed UID of what was renewed; any other as it is."""
        return self._new.get(original, original)

    def learn(self, dataset: Dataset) -> None:
        """Renew the instance, its series, its concatenation and the whole of that: references are replaced whatever comes first."""
        from .values import text_of  # a run without DICOM does without pydicom

        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "ConcatenationUID", "SOPInstanceUIDOfConcatenationSource"):
            if original := text_of(dataset, keyword):
                self.renew(original)

    def surface_seed(self, dataset: Dataset) -> None:
        """None: without a key, whoever has an original could draw its surface."""

    def clean(self, dataset: Dataset) -> Dataset:
        """Every UID at every depth as ``uid`` has it; nothing else is touched."""
        waiting = [dataset]
        while waiting:
            holder = waiting.pop()
            for tag, element in list(holder.items()):
                if not element.is_raw or self._may_name(element):
                    self._clean(holder[tag], waiting)
        return dataset

    def _may_name(self, element: RawDataElement) -> bool:
        """False for an element that needs no decoding: it holds neither a UID that was renewed nor a sequence."""
        if element.VR in (None, "UN", "SQ"):
            return True
        if element.VR != "UI":
            return False
        if element.value is None or not _UIDS.fullmatch(element.value):
            return True
        return any(uid in self._new for uid in element.value.rstrip(b"\0 ").decode("ascii").split("\\"))

    def _clean(self, element: DataElement, waiting: list[Dataset]) -> None:
        """The UIDs of one element; the items of a sequence are left ``waiting``."""
        if element.VR == "SQ":
            waiting.extend(element.value or [])
        elif element.VR == "UI" and element.value:
            values = [element.value] if isinstance(element.value, str) else list(element.value)
            new = [self.uid(str(value)) for value in values]
            if new != [str(value) for value in values]:
                element.value = new if len(new) > 1 else new[0]

    def proved(self, findings: int) -> None:
        """Nothing is cleaned, so that nothing is proved."""

    def label(self, name: str) -> str:
        """As it is."""
        return name

    def sentence(self, text: str) -> str:
        """As it is."""
        return text

    def is_own(self, dataset: Dataset) -> bool:
        """Never: nothing is cleaned."""
        return False

    def facts(self) -> dict[str, object]:
        """That names and dates are untouched."""
        return {"profile": "none: names and dates are untouched"}
