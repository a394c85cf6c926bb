"""Section 6: the verdict, its figures, looking at the result, and the reviewer's sign-off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from ..anatomy.level.find import LEVEL_PREFIX
from ..core.errors import FaceDeidError, InputError
from ..core.progress import Progress
from ..mrml.changed import is_changed, state_of
from ..mrml.looks import jump_to, largest_change, show_in_slices, skin_models
from ..mrml.scene import context
from ..mrml.since import Looked, since
from ..mrml.verdicts import StoredVerdict, ct_of, leader_of, read_verdict, with_certificate
from ..steps.words import without_options
from ..verify.privacy import is_tested
from .section import NO_RESULT, Section, Shared
from .work import as_sentence, fill, fit_to_text

_TICK = _("Tick 'Accept recognisable' where that is acceptable.")
_TICK_ANEW = _("'Accept recognisable' was ticked for another result: untick it, and tick it again where that is acceptable.")
#: Background and text, readable on light and dark panels: released, to be looked at, refused.
_COLORS = {"good": ("#1b7f3b", "#ffffff"), "look": ("#ffc457", "#000000"), "bad": ("#b3261e", "#ffffff")}


class ReviewSection(Section):
    """What is known of the result that is looked at."""

    def __init__(self, panel: Shared) -> None:
        super().__init__(panel)
        self._shown = ""
        self._seen: StoredVerdict | None = None
        self._rows: list[tuple[str, str]] = []
        self._looked = Looked()
        #: What the verdict has judged in another state than it is in now, in sentences; such a result does not leave.
        self.since = ""
        table = self.ui.figuresTable
        table.setColumnCount(2)
        table.horizontalHeader().visible = table.verticalHeader().visible = False
        fit_to_text(table)
        for button, slot in (
            (self.ui.compareButton, self.on_compare),
            (self.ui.jumpButton, self.on_jump),
            (self.ui.verifyButton, self.on_verify),
            (self.ui.signOffButton, self.on_sign_off),
            (self.ui.acceptCheckBox, self.on_accept),
        ):
            button.connect("clicked(bool)", slot)
        self.ui.remarkEdit.connect("textChanged(QString)", self.update_sign_off)

    def events(self) -> tuple[int, ...]:
        """The result's voxels were changed, or it was moved."""
        volume = slicer.vtkMRMLVolumeNode
        return vtk.vtkCommand.ModifiedEvent, volume.ImageDataModifiedEvent, volume.TransformModifiedEvent

    def on_event(self, caller: object = None, event: object = None) -> None:
        """A verdict on what is not there any more must not stay."""
        self.panel.update_soon()

    def update(self) -> None:
        """Show the verdict on the parameter node's result."""
        result = self.panel.node.resultVolume
        self.observe(result)
        stored = self._stored()
        shown = "" if result is None else f"{result.GetID()} {'' if stored is None else stored.digest}"
        if shown != self._shown:  # a remark is meant for one result only
            self.ui.remarkEdit.clear()
        self._shown = shown
        self._show_verdict(result, stored)
        if stored is not None and stored.verdict == "REVIEW" and stored != self._seen:
            self.ui.reviewSection.collapsed = False  # a doubt waits for a person
        self._seen = stored
        self._show_figures([] if stored is None else figures(stored))
        refusal = "" if result is not None else NO_RESULT
        if result is not None and (ct_of(result) or self.panel.node.inputVolume) is None:
            refusal = _("The CT of this result is not in the scene")
        follows = "" if leader_of(result) is None else _("It follows a CT: choose the result of that, whose verdict counts for both")
        self.allow(self.ui.jumpButton, refusal)
        self.allow(self.ui.verifyButton, refusal or follows)
        self.allow(self.ui.compareButton, "" if self.panel.compare.shown else refusal or follows)
        self.ui.compareButton.text = _("Back") if self.panel.compare.shown else _("Before | after")
        self.update_sign_off()

    def lost(self, why: str) -> None:
        """No verdict of another moment stays; what is said here keeps the result from leaving, as ``since`` always does."""
        self.since = why
        self.ui.verdictLabel.text = _("NOT RELEASED: the verdict cannot be shown. {why}").format(why=why)
        self._color("bad")
        self.allow(self.ui.signOffButton, why)

    def _stored(self) -> StoredVerdict | None:
        try:
            return read_verdict(self.panel.node.resultVolume)
        except FaceDeidError as error:
            self.panel.say(str(error))
            return None

    def update_sign_off(self, text: str = "") -> None:
        """A REVIEW with a remark can be signed off; a case of the work list may be rejected with one, whatever its verdict."""
        refusal = not_to_be_signed(None if self.panel.node is None else self._stored())
        no_remark = "" if self.ui.remarkEdit.text.strip() else _("Write a remark first: what you looked at and why the result may leave")
        self.allow(self.ui.remarkEdit, "" if self.panel.work_list.is_open() else refusal)
        self.allow(self.ui.signOffButton, refusal or self.since or no_remark)

    def require_judged(self, title: str) -> bool:
        """Look now at what may have changed since the verdict, some of which nobody observes; False: it did, and that is told."""
        self.panel.update()

        def refuse(progress: Progress) -> None:
            raise InputError(self.since)

        return not self.since or self.panel.look(title, refuse)

    def _show_verdict(self, result: Any, stored: StoredVerdict | None) -> None:  # noqa: ANN401
        self.since = "" if stored is None else self._since(result, stored)
        if stored is None:
            self.ui.verdictLabel.text = _("No result yet.") if result is None else _("This volume was not verified: NOT RELEASED.")
            self.ui.verdictLabel.styleSheet = ""
            return
        changed = stored.released and is_changed(result, stored.digest)
        said = _('"{name}" was changed after it was verified, or moved, NOT RELEASED: verify it again.').format(name=result.GetName())
        told = verdict_text(stored, self.panel.node.acceptRecognisable)
        judged = f"{as_sentence(told)} {self.since}" if self.since else told
        self.ui.verdictLabel.text = said if changed else judged
        kind = "bad" if stored.verdict == "FAIL" else "good" if stored.released and not changed and not self.since else "look"
        self._color(kind)

    def _color(self, kind: str) -> None:
        background, text = _COLORS[kind]
        self.ui.verdictLabel.styleSheet = f"background-color: {background}; color: {text}; border-radius: 4px;"

    def _since(self, result: Any, stored: StoredVerdict) -> str:  # noqa: ANN401
        """What the verdict has judged in another state than it is in now, and the levels that were chosen later, in sentences."""
        said, node = since(result, stored, self._looked), self.panel.node
        if leader_of(result) is None and ct_of(result) is node.inputVolume is not None:
            judged_levels = stored.content["parameters"]["levels"]
            levels = [f"{LEVEL_PREFIX}{name}" for name in node.levels if name not in judged_levels]
            said = replace(said, added=(*said.added, *levels))
        return said.text(_)

    def _show_figures(self, rows: list[tuple[str, str]]) -> None:
        """The rows, where they are others than those shown."""
        if rows == self._rows:
            return
        self._rows = rows
        fill(self.ui.figuresTable, rows)

    def on_compare(self, checked: bool = False) -> None:
        """Skin before and after side by side, or back to the layout that was."""
        result = self.panel.node.resultVolume
        if self.panel.compare.shown:
            self.panel.look(_("Back"), lambda progress: self.panel.compare.leave())
            return

        def work(progress: Progress) -> None:
            before, after = skin_models(context(), ct_of(result) or self.panel.node.inputVolume, result, progress)
            self.panel.compare.show(before, after, progress)

        self.panel.look(_("Before and after"), work)

    def on_jump(self, checked: bool = False) -> None:
        """Show the place that changed most."""
        result = self.panel.node.resultVolume

        def work(progress: Progress) -> None:
            place = largest_change(ct_of(result) or self.panel.node.inputVolume, result, progress)
            show_in_slices(context(), result)
            jump_to(context(), place)

        self.panel.look(_("Jump to the largest change"), work)

    def on_verify(self, checked: bool = False) -> None:
        """Judge the result anew."""
        node = self.panel.node
        ct, result = ct_of(node.resultVolume) or node.inputVolume, node.resultVolume
        chosen = {**self.panel.chosen(), "outputVolume": result, "reuse": True}

        def work(progress: Progress) -> None:
            self.panel.logic.verify(ct, progress=progress, **chosen)

        self.panel.run(_("Verify"), work, with_certificate(result))

    def on_sign_off(self, checked: bool = False) -> None:
        """Release a REVIEW with the reviewer's remark."""
        if not self.require_judged(_("Sign off")):
            return
        node, remark = self.panel.node, self.ui.remarkEdit.text

        def work(progress: Progress) -> None:
            self.panel.logic.signOff(node.resultVolume, remark)

        if self.panel.run(_("Sign off"), work, with_certificate(node.resultVolume)):
            self.ui.remarkEdit.clear()

    def on_accept(self, checked: bool = False) -> None:
        """The user ticked or unticked the box: it counts for the result that is looked at, too."""
        node = self.panel.node
        if node is None or self._stored() is None:
            return
        accepted = self.ui.acceptCheckBox.checked
        title = _("Accept recognisable")

        def work(progress: Progress) -> None:
            self.panel.logic.acceptRecognisable(node.resultVolume, accepted)

        self.panel.run(title, work, with_certificate(node.resultVolume))


class CtWatch(Section):
    """Follows the CT: a verdict on what it was must not stay in silence."""

    def __init__(self, panel: Shared) -> None:
        super().__init__(panel)
        self._looked_at: Any = None

    def events(self) -> tuple[int, ...]:
        """Its voxels were changed, or it was moved, or something else of it is other now."""
        volume = slicer.vtkMRMLVolumeNode
        return vtk.vtkCommand.ModifiedEvent, volume.ImageDataModifiedEvent, volume.TransformModifiedEvent

    def on_event(self, caller: object = None, event: object = None) -> None:
        """Look when it rests."""
        if state_of(self._followed) != self._looked_at:
            self.panel.update_soon()

    def update(self) -> None:
        """Follow the CT that is chosen."""
        ct = self.panel.node.inputVolume
        self.observe(ct)
        self._looked_at = None if ct is None else state_of(ct)


def not_to_be_signed(stored: StoredVerdict | None) -> str:
    """Why a result cannot be signed off; empty for a REVIEW that waits for it."""
    if stored is None:
        return _("There is no verdict yet: press Apply, or Verify again")
    if stored.verdict != "REVIEW":
        return _("A PASS needs no sign-off") if stored.verdict == "PASS" else _("A FAIL can never be signed off: mend the cause")
    return _("It is signed off already") if stored.remark else ""


def verdict_text(stored: StoredVerdict, ticked: bool = False) -> str:
    """The verdict in words, for a person; ``ticked`` is the box of the panel, which may have been meant for another result."""
    if stored.released and stored.verdict == "PASS":
        kept = kept_text(stored)
        if is_tested(stored.privacy):
            return _("PASS: the face is hidden, {kept}.").format(kept=kept)
        return _("PASS: the face is changed, {kept}. The person may still be recognised: that was accepted.").format(kept=kept)
    if stored.released:
        return _("REVIEW, signed off: {remark}").format(remark=stored.remark)
    if stored.verdict == "PASS" or stored.remark:
        causes = "; ".join(stored.facts.get("privacy_causes", ())) or _("this region and effect were never tested so")
        said = _("{verdict}, NOT RELEASED: the person may still be recognised ({causes}).").format(verdict=stored.verdict, causes=causes)
        return f"{said} {_TICK_ANEW if ticked else _TICK}"
    return _("{verdict}, NOT RELEASED: {reasons}").format(verdict=stored.verdict, reasons=without_options("; ".join(stored.reasons)))


def kept_text(stored: StoredVerdict) -> str:
    """What was kept, in words: nothing is said of protected voxels where nobody named a segment."""
    if "follows" in stored.facts:
        return _("as in {ct}, which it follows").format(ct=stored.facts["follows"])
    named = [item["name"] for item in stored.facts["protected"] if not item["name"].startswith(LEVEL_PREFIX)]
    if named:
        return _("every voxel of the {number} protected segments is unchanged").format(number=len(named))
    if stored.facts["protected"]:
        return _("the node levels are unchanged; no segment was named to be protected")
    return _("and nothing was named to be protected")


def figures(stored: StoredVerdict) -> list[tuple[str, str]]:
    """The certificate's figures, one row each."""
    facts = stored.facts
    rows = [(_("Privacy"), stored.privacy), (_("Region and effect"), f"{facts['style']}, {facts['effect']}")]
    rows += [(_("... because"), cause) for cause in facts.get("privacy_causes", ())]
    if facts.get("changed_outside_face", 0) is None:
        rows.append((_("Changed voxels"), _("cannot be compared: the result has more or fewer voxels than the CT")))
    else:
        rows.append((_("Changed voxels"), f"{facts['changed_voxels']:,}"))
        if "changed_outside_face" in facts:
            rows.append((_("... outside the face"), f"{facts['changed_outside_face']:,}"))
    if "share_of_step_left" in facts:
        rows.append((_("Of the old skin's step left"), f"{facts['share_of_step_left']:.0%}"))
    if "share_of_body_changed" in facts:
        rows.append((_("Share of the body changed"), f"{facts['share_of_body_changed']:.1%}"))
    if "face_skin" in facts:
        rows.append((_("Skin of the face changed"), f"{facts['face_skin']['changed_share']:.0%}"))
        rows.append((_("... moved by, mean"), f"{facts['face_skin']['mean_displacement_mm']:.1f} mm"))
    changed = _("{changed} of {voxels} changed")
    return rows + [(item["name"], changed.format(changed=item["changed"], voxels=item["voxels"])) for item in facts["protected"]]
