"""Export: a released result as NRRD, NIfTI or DICOM, and what happens to DICOM headers on the way."""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from ..core.errors import FaceDeidError
from ..core.progress import Progress
from ..header.options import KEEP
from ..input.images import image_extension
from ..mrml.verdicts import ct_of, leader_of, read_verdict, require_verdict
from ..output.signing import require_key
from ..steps.export import INSTANCES, HeaderChoice, came_from_dicom, export_result, is_folder
from . import dialogs
from .section import NO_RESULT, NOT_RELEASED, Section, Shared

#: What a file or folder is called unless the user says otherwise: no name of a patient.
_NAME = "deidentified"
#: What the project's key is called in the folder that the user names.
_KEY_FILE = "project.key"
_HEADERS = {
    "keep": _("Names, dates and UIDs stay as they are: the recipient learns who it is."),
    "basic": _("The Basic Profile of DICOM PS3.15: everything goes that may tell who it is."),
    "research": _("As archives ask for it: dates shifted, sex and age kept, descriptions cleaned, safe private elements kept."),
}


class ExportSection(Section):
    """The export buttons and the header choice."""

    def __init__(self, panel: Shared) -> None:
        super().__init__(panel)
        self._dicom_of, self._dicom = None, False
        #: The file of the project's key, asked for once.
        self._key: Path | None = None
        self.ui.nrrdButton.connect("clicked(bool)", lambda checked=False: self.on_export(".nrrd", "NRRD"))
        self.ui.niftiButton.connect("clicked(bool)", lambda checked=False: self.on_export(".nii.gz", "NIfTI"))
        self.ui.dicomButton.connect("clicked(bool)", self.on_export_dicom)
        #: The file of the key that signs certificates; None: they say "unsigned".
        self.signing_key: Path | None = None
        self.ui.signCheckBox.connect("toggled(bool)", self.on_sign)

    def update(self) -> None:
        """Enable what can be exported."""
        result = self.panel.node.resultVolume
        try:
            stored = read_verdict(result)
        except FaceDeidError:  # the review says so
            stored = None
        refusal, no_dicom = "" if result is not None else NO_RESULT, ""
        if result is not None and (stored is None or not stored.released):
            refusal = NOT_RELEASED
        refusal = refusal or self.panel.review.since
        if leader_of(result) is not None:
            no_dicom = _("It follows a CT: export it as NRRD or NIfTI, or its whole study in section 8")
        elif not refusal and not self._has_dicom(ct_of(result)):
            no_dicom = _("The CT was not loaded from the DICOM database: export it as NRRD or NIfTI")
        for button in (self.ui.nrrdButton, self.ui.niftiButton):
            self.allow(button, refusal)
        self.allow(self.ui.dicomButton, refusal or no_dicom)
        for row in range(self.ui.headerComboBox.count):
            self.ui.headerComboBox.setItemData(row, _HEADERS[self.ui.headerComboBox.itemText(row)], qt.Qt.ToolTipRole)

    def lost(self, why: str) -> None:
        """Nothing is exported of what is not known."""
        for button in (self.ui.nrrdButton, self.ui.niftiButton, self.ui.dicomButton):
            self.allow(button, why)

    def _has_dicom(self, ct: Any) -> bool:  # noqa: ANN401
        """Asked once for each CT: the database answers for every slice, and a slider asks at every move. The export looks again."""
        asked = None if ct is None else (ct.GetID(), ct.GetAttribute(INSTANCES))
        if asked != self._dicom_of:
            self._dicom_of, self._dicom = asked, came_from_dicom(ct)
        return self._dicom

    def on_export(self, extension: str, kind: str) -> None:
        """Save the result as an image file."""
        proposed = free_name(Path(self.panel.folder)) + extension
        path = dialogs.file_to_save(_("Export the result"), self.panel.folder, proposed, f"{kind} (*{extension})")
        if path.endswith(extension):
            self.export(path, overwrite=_is_there(Path(path)))
        elif path:  # Qt has asked about another name: what has this one is not replaced
            typed = image_extension(Path(path)) or ""
            self.export(path[: len(path) - len(typed)] + extension)

    def on_export_dicom(self, checked: bool = False) -> None:
        """Save the result as a DICOM series in a new folder."""
        parent = dialogs.folder(_("Folder for the new DICOM folder"), self.panel.folder)
        if parent:
            self.export(str(Path(parent) / free_name(Path(parent))))

    def on_sign(self, checked: bool) -> None:
        """Ask for the key that signs certificates; what is none is refused, and the box is empty again."""
        self.signing_key = None
        path = dialogs.file_to_open(_("Key that signs certificates"), self.panel.folder, "PEM (*.pem *.key)") if checked else ""
        if path and self.panel.look(_("Signing key"), lambda progress: require_key(Path(path))):
            self.signing_key = Path(path)
        elif checked:
            self.ui.signCheckBox.checked = False
        self.panel.update()

    def key_file(self) -> str | None:
        """The file of the project's key where headers are cleaned, asked for once; empty where they are kept, None for no answer."""
        if self.panel.node.header == KEEP:
            return ""
        if self._key is None:
            folder = dialogs.folder(_("Folder of the project's key, outside of what is given away"), self.panel.folder)
            self._key = Path(folder) / _KEY_FILE if folder else None
        return None if self._key is None else str(self._key)

    def export(self, path: str, overwrite: bool = False, header: HeaderChoice | None = None) -> bool:
        """Write the result that is looked at, ``header`` None with the panel's own choice; returns whether it was done."""
        if not self.panel.review.require_judged(_("Export")):
            return False
        node, signing, header = self.panel.node, self.signing_key, header or self._header(is_folder(Path(path)))
        if header is None:
            return False

        def work(progress: Progress) -> None:
            require_verdict(node.resultVolume)
            export_result(node.resultVolume, Path(path), overwrite, progress, header, signing)

        self.panel.folder = str(Path(path).parent)
        done = self.panel.look(_("Export"), work)
        if done:
            kind = _("signed") if signing else _("unsigned")
            self.panel.say(_("Written: {path}, with its certificate ({kind}).").format(path=path, kind=kind))
        return done

    def _header(self, is_dicom: bool) -> HeaderChoice | None:
        """What the panel chooses for headers, which only DICOM has; None where the key is asked for and not named."""
        if not is_dicom:
            return HeaderChoice()
        key = self.key_file()
        return None if key is None else HeaderChoice(self.panel.node.header, Path(key) if key else None)


def _is_there(path: Path) -> bool:
    """Is a file there, which Qt has asked about? Of a place that no file can have the export says so."""
    try:
        return path.is_file()
    except OSError:
        return False


def free_name(folder: Path) -> str:
    """What to call an export in a folder: no name whose certificate, or whose output in another format, lies there already."""
    try:
        there = {entry.name.split(".")[0].casefold() for entry in folder.iterdir()}
    except OSError:  # the export says so
        there = set()
    return next(name for name in chain([_NAME], (f"{_NAME}-{number}" for number in count(2))) if name not in there)
