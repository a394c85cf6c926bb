"""The Basic Application Level Confidentiality Profile with its options (DICOM PS3.15 Annex E), by the library dentdeid.

The library brings Table E.1-1 as data (edition and hash of the standard's own XML) and applies it at every depth. What it leaves to
others is corrected here, in one place: texts keep only words that identify nobody, safe private elements and graphics can stay, what
cannot be parsed goes, and an object that was cleaned before with the same key is not shifted again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from .. import __version__
from ..core.errors import InputError
from .base import HeaderError
from .options import OPTIONS, codes_of
from .readable import drop_unreadable, drop_unwritable
from .safe_private import safe_elements
from .vocabulary import cleaned

if TYPE_CHECKING:
    from dentdeid.keys import Pseudonymizer
    from dentdeid.phi import KnownIdentifiers

#: How pseudonyms begin.
_PREFIX = "FD"
_TEXTS = {"LO", "SH", "ST", "LT", "UT", "UC"}
#: Texts that are no free text: they name machines and methods, or are our own.
_TECHNICAL = {
    "PatientID",
    "PatientAge",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "DeidentificationMethod",
    "CodeValue",
    "CodingSchemeDesignator",
    "CodingSchemeVersion",
    "CodingSchemeResponsibleOrganization",
    "MappingResource",
    "ContextIdentifier",
    "ContextGroupVersion",
    "URNCodeValue",
    "LongCodeValue",
    "TrackingID",
}
_GRAPHICS = ("GraphicAnnotationSequence",)
#: Objects whose content items are the object: the basic profile takes them away.
_DOCUMENTS = ("ContentSequence",)
_MARK = "FaceDeidLN header "
_LO_LENGTH = 64
#: Characters of the hash of the standard's XML that name its text well enough.
_SHORT_HASH = 12


@dataclass(eq=False)
class Profile:
    """A header policy: the basic profile with ``options`` (names of ``header.options``), keyed by the project's key.

    ``pseudonyms`` by PatientID overrule the derived ones. One object serves all studies of a project: it learns the identifiers of
    each instance before anything is cleaned, and remembers which UID became which.
    """

    key: bytes
    options: frozenset[str]
    pseudonyms: Mapping[str, str] = field(default_factory=dict)
    name: str = "profile"
    uids: dict[str, str] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        try:
            from dentdeid.keys import Pseudonymizer
            from dentdeid.phi import KnownIdentifiers
        except ImportError as error:
            raise InputError(
                "Cleaning headers needs the package dentdeid 0.1 with pydicom 3: install it (pip install dentdeid), or give --header keep."
            ) from error
        self._pseudonymizer: Pseudonymizer = Pseudonymizer(self.key, prefix=_PREFIX)
        self._known: KnownIdentifiers = _remembering(KnownIdentifiers)()
        self._words: set[str] = set()

    def uid(self, original: str) -> str:
        """The new UID of an original one: the same for the same key, everywhere. UIDs of the standard stay."""
        from pydicom.uid import UID

        if not original or original.startswith("1.2.840.10008.") or UID(original).name != original:
            return original
        if original not in self.uids:
            self.uids[original] = self._pseudonymizer.uid(original)
        return self.uids[original]

    def learn(self, dataset: Dataset) -> None:
        """Take in the identifiers of an instance, so that they are found in the texts of every other one."""
        from dentdeid.dicom.meta import harvest_identifiers

        drop_unreadable(dataset, Counter())
        if self._is_own(dataset):
            return
        harvest_identifiers(dataset, self._known)
        self._words |= set(identifying_words(dataset))

    def clean(self, dataset: Dataset) -> Dataset:
        """The same data set with a header that may leave; pixel data and geometry are not touched.

        :raises HeaderError: the header cannot be cleaned, or nothing of the object is left by the profile.
        """
        try:
            return self._clean(dataset)
        except HeaderError:
            raise
        except Exception as error:  # a damaged header can break the library anywhere
            raise HeaderError(f"its header cannot be cleaned ({type(error).__name__}): repair the file") from error

    def _clean(self, dataset: Dataset) -> Dataset:
        from dentdeid.dicom import meta

        drop_unreadable(dataset, self.counts)
        face = _face_codes(dataset)
        own = self._is_own(dataset)
        self._words |= set() if own else set(identifying_words(dataset))
        before = {keyword: str(dataset.get(keyword) or "") for keyword in ("PatientID", "PatientName")}
        private = self._held_out(dataset, own)
        if any(keyword in dataset for keyword in _DOCUMENTS) and "clean-structured-content" not in self.options:
            raise HeaderError("the profile removes its content: add clean-structured-content to --header")
        result, _ = meta.deidentify_dataset(dataset, self._config(own), self._recorder(), self._known)
        self.counts.update(result.counts)
        for element in private:
            dataset.add(element)
        self._clean_texts(dataset)
        self._set_identity(dataset, before, own)
        self._mark(dataset, face)
        drop_unwritable(dataset, self.counts)
        return dataset

    def facts(self) -> dict[str, object]:
        """What the certificate says: profile, options, edition of the table, and how many elements met which action."""
        from dentdeid.dicom import ps315

        return {
            "profile": "DICOM PS3.15 Annex E, Basic Application Level Confidentiality Profile",
            "edition": ps315.EDITION,
            "table": ps315.source_info().get("sha256_of_source_xml", "")[:_SHORT_HASH],
            "options": sorted(self.options),
            "counts": dict(sorted(self.counts.items())),
        }

    def _recorder(self) -> Pseudonymizer:
        """The library's pseudonymizer, whose UIDs are remembered."""
        from dentdeid.keys import Pseudonymizer

        policy = self

        class Recorder(Pseudonymizer):
            def uid(self, old_uid: str) -> str:
                return policy.uid(old_uid.strip())

        return Recorder(self.key, prefix=_PREFIX)

    def _config(self, own: bool) -> object:
        """The library's configuration; dates that were shifted before are kept as they are."""
        from dentdeid.dicom import meta, ps315

        columns = {OPTIONS[name].column for name in self.options} & set(ps315.SUPPORTED_TABLE_OPTIONS)
        if own and "retain_longitudinal_modified_dates" in columns:
            columns = columns - {"retain_longitudinal_modified_dates"} | {"retain_longitudinal_full_dates"}
        return meta.MetaConfig(options=frozenset(columns))

    def _held_out(self, dataset: Dataset, own: bool) -> list[DataElement]:
        """Safe private elements and graphics that the options keep, and that the library would remove."""
        held = safe_elements(dataset) if "safe-private" in self.options else []
        if "clean-graphics" in self.options:
            for keyword in _GRAPHICS:
                if keyword in dataset:
                    for item in dataset[keyword].value:
                        self._clean_item(item, own)
                    held.append(dataset[keyword])
        return held

    def _clean_item(self, item: Dataset, own: bool) -> None:
        """A nested item by the same table, without an identity of its own."""
        from dentdeid.dicom import meta

        keys = set(item.keys())
        meta.deidentify_dataset(item, self._config(own), self._recorder(), self._known)
        for tag in [tag for tag in item.keys() if tag not in keys]:  # noqa: SIM118 (a data set iterates over elements)
            del item[tag]

    def _clean_texts(self, dataset: Dataset) -> None:
        """Texts keep only words that identify nobody."""
        from dentdeid.dicom import ps315

        known = frozenset(self._words)
        for element in _elements(dataset):
            if element.VR == "CS" and element.value and ps315.lookup(element.tag) and element.keyword not in _TECHNICAL:
                element.value = cleaned(str(element.value), known)  # a coded word of the table is one of the standard's, or none
            if element.VR not in _TEXTS or element.keyword in _TECHNICAL or element.tag.is_private or not element.value:
                continue
            values = [element.value] if isinstance(element.value, str) else list(element.value)
            new = [cleaned(str(value), known) for value in values]
            if new != [str(value) for value in values]:
                element.value = new if len(new) > 1 else new[0]
                self.counts["texts_cleaned"] += 1

    def _set_identity(self, dataset: Dataset, before: Mapping[str, str], own: bool) -> None:
        patient = before["PatientID"].strip()
        if own:
            dataset.PatientID, dataset.PatientName = patient, before["PatientName"]
        elif patient in self.pseudonyms:
            dataset.PatientID = dataset.PatientName = self.pseudonyms[patient]
        elif self.pseudonyms:
            raise HeaderError("its patient is not in the file of pseudonyms: add the PatientID there")
        if not own:
            self.patients[patient] = str(dataset.PatientID)

    def _mark(self, dataset: Dataset, face: list[Dataset]) -> None:
        """(0012,0062) to (0012,0064) and (0028,0303), with what the face's de-identification said already (PS3.15 E.1.1)."""
        codes = []
        for option in codes_of(self.options):
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = option.code, "DCM", option.meaning
            codes.append(code)
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethodCodeSequence = Sequence([*codes, *face])
        edition = str(self.facts()["edition"])
        dataset.DeidentificationMethod = [
            f"FaceDeidLN {__version__}, PS3.15 {edition} Basic Profile"[:_LO_LENGTH],
            f"{_MARK}{self._token(str(dataset.PatientID))}",
        ]
        shifted = "modified-dates" in self.options
        dataset.LongitudinalTemporalInformationModified = "MODIFIED" if shifted else "REMOVED"

    def _is_own(self, dataset: Dataset) -> bool:
        """Cleaned before with this key: its mark says so, which nobody else can make."""
        said = dataset.get("DeidentificationMethod") or []
        said = [said] if isinstance(said, str) else list(said)
        return f"{_MARK}{self._token(str(dataset.get('PatientID') or ''))}" in [str(value) for value in said]

    def _token(self, pseudonym: str) -> str:
        return self._pseudonymizer.token(pseudonym, "own output")


def _remembering(kind: type) -> type:
    """The library's collection of identifiers that spells out a date once, and not for each of a thousand slices."""

    class Remembering(kind):
        def add_date(self, value: str, *rest: object) -> None:
            said = self.__dict__.setdefault("_said", set())
            if (value, rest) not in said:
                said.add((value, rest))
                super().add_date(value, *rest)

    return Remembering


def identifying_words(dataset: Dataset) -> Iterator[str]:
    """The words of persons, places and numbers in an instance, in lower case: none of them may stay in a text."""
    keywords = ("InstitutionName", "InstitutionAddress", "StationName", "PatientAddress", "InstitutionalDepartmentName")
    numbers = ("PatientID", "AccessionNumber", "StudyID", "AdmissionID")
    for element in _elements(dataset):
        wanted = element.VR == "PN" or element.keyword in (*keywords, *numbers) or element.keyword.startswith("OtherPatient")
        if wanted and element.VR != "SQ" and element.value:
            for word in str(element.value).replace("^", " ").replace("=", " ").replace("\\", " ").split():
                if len(word) > 2:
                    yield word.lower().strip(".,;:()'\"[]")


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    """Every element at every depth, in no need of recursion."""
    waiting = [dataset]
    while waiting:
        current = waiting.pop()
        for element in list(current):
            if element.VR == "SQ":
                waiting.extend(element.value or [])
            else:
                yield element


def _face_codes(dataset: Dataset) -> list[Dataset]:
    """What says that the face was removed (113102) or pixels cleaned (113101): true whatever is done to the header."""
    items = dataset.get("DeidentificationMethodCodeSequence") or []
    return [item for item in items if str(item.get("CodeValue", "")) in ("113101", "113102")]
