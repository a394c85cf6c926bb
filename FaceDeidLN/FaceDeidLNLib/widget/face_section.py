"""Sections 3 to 5: the curve, the face segment with its live preview, and the effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from ..core.errors import FaceDeidError
from ..core.parameters import Number, Parameters
from ..core.progress import Progress
from ..effect.choices import require_sound
from ..effect.records import FILL_HU, OWN_DEFAULTS, OWN_NUMBERS, effects_with
from ..face.styles import STYLES
from ..mrml.as_made import is_as_made
from ..mrml.followers import followers
from ..mrml.links import linked
from ..mrml.looks import is_rendered, show_in_slices
from ..mrml.nodes import drafts, draw_surface
from ..mrml.scene import context
from ..mrml.verdicts import replaceable, with_certificate
from ..programs.engines import missing_engine
from ..steps.asked import ENGINE_NAMES
from ..steps.follow import followed_before
from ..steps.foreseen import Foreseen, parameters_in
from ..verify.privacy_causes import causes_of_choice
from . import dialogs
from .section import NO_CT, Section, Shared
from .views import drawn_once
from .words import EFFECT_TIPS, REGION_TIPS, privacy_of_choice, sentence
from .work import as_sentence, name_parts

#: So long (ms) a length must rest before the live preview follows it.
_REST_MS = 400
#: A face segment that follows has a draft of its surface until nothing has moved for so long (ms).
_DRAFT_MS = 1500
#: What the live preview depends on, beside the nodes.
_LIVE = ("style", "ears", "lips", "levels", "depthMm", "outsideMm", "protectMarginMm", "superficialMm", "wrapEngine", "cutEngine")


#: Decimals and step of a slider by its number's unit.
_FINE = {"mm": (1, 0.5), "HU": (0, 10.0)}


class FaceSection(Section):
    """Curve, face segment and effect."""

    def __init__(self, panel: Shared) -> None:
        super().__init__(panel)
        self._shown = None
        self._foreseen = Foreseen()
        self.timer = qt.QTimer()
        self.timer.setSingleShot(True)
        self.timer.setInterval(_REST_MS)
        self.timer.connect("timeout()", self.follow)
        self.drawing = qt.QTimer()
        self.drawing.setSingleShot(True)
        self.drawing.setInterval(_DRAFT_MS)
        self.drawing.connect("timeout()", self.draw_whole)
        self.ui.curveButton.connect("clicked(bool)", self.on_curve)
        self.ui.faceButton.connect("clicked(bool)", self.on_face)
        self.ui.editFaceButton.connect("clicked(bool)", self.on_edit)
        self.ui.applyButton.connect("clicked(bool)", self.on_apply)
        self.sliders = {number: self._add_slider(row, number) for row, number in enumerate(OWN_NUMBERS, 1)}

    def _add_slider(self, row: int, number: Number) -> Any:  # noqa: ANN401  a ctkSliderWidget
        """The slider of a number that only some effects have, under the effect's name."""
        slider = ctk.ctkSliderWidget()
        slider.objectName = f"{number.keyword}Slider"
        slider.decimals, slider.singleStep = _FINE.get(number.unit, (2, (number.high - number.low) / 100))
        slider.minimum, slider.maximum, slider.value = number.low, number.high, number.default
        title = _(number.field.split("_")[0].capitalize())
        slider.accessibleName = title
        name_parts(slider)
        slider.suffix, slider.toolTip = f" {number.unit}", sentence(number.meaning)
        slider.connect("valueChanged(double)", lambda value: self.on_number(number, value))
        self.ui.effectSection.layout().insertRow(row, qt.QLabel(f"{title}:"), slider)
        return slider

    def on_number(self, number: Number, value: float) -> None:
        """Keep a number of the effect's own in the parameter node."""
        node = self.panel.node
        if node is not None and _own(node)[number.keyword] != value:
            node.effectNumbers = {**node.effectNumbers, number.keyword: value}

    def events(self) -> tuple[int, ...]:
        """A point of the curve was dragged."""
        return (slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent,)

    def observers(self) -> tuple[tuple[int, Callable[..., None]], ...]:
        """Also of points that come and go, and of a curve that is moved: a verdict that went by others must not stay green."""
        curve, moved = slicer.vtkMRMLMarkupsNode, slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        come_and_go = (curve.PointRemovedEvent, curve.PointPositionDefinedEvent, curve.PointPositionUndefinedEvent)
        return *super().observers(), *((event, self.panel.update_soon) for event in (*come_and_go, moved))

    def observe(self, node: Any) -> None:  # noqa: ANN401
        """Follow another curve, or none any more; then nothing waits to follow it."""
        if node is None and self._followed is not None:
            self.timer.stop()
        super().observe(node)

    def update(self) -> None:
        """Enable what can be done, and let the live preview follow."""
        node = self.panel.node
        self.observe(node.curve)
        self._allow_what_can_be_done()
        for number, slider in self.sliders.items():
            slider.blockSignals(True)  # it rounds, which nobody asked for
            slider.value = _own(node)[number.keyword]
            slider.blockSignals(False)
        for name, combo in (("wrap", self.ui.wrapComboBox), ("cut", self.ui.cutComboBox), ("mask", self.ui.maskComboBox)):
            reason = missing_engine(name)
            index = combo.findText(ENGINE_NAMES[f"{name}Engine"])
            combo.setItemData(index, reason, qt.Qt.ToolTipRole)
        self._explain()
        self._note_changes()
        if not self.drawing.active and drafts(context().scene):  # left by what failed or was undone, or by another CT
            self.drawing.start()

    def _allow_what_can_be_done(self) -> None:
        """Buttons by what they need, and choices by the region and effect that they are for."""
        node = self.panel.node
        no_ct = "" if node.inputVolume is not None else NO_CT
        no_curve = "" if node.style in STYLES else _("The region {region} has no curve on the skin").format(region=node.style)
        for button in (self.ui.faceButton, self.ui.applyButton):
            self.allow(button, no_ct)
        self.allow(self.ui.curveButton, no_ct or no_curve)
        self.allow(self.ui.lipsCheckBox, no_curve)
        self.allow(self.ui.editFaceButton, "" if node.faceSegmentation is not None else _("There is no face segment yet: create it"))
        for number, widget in (*self.sliders.items(), (FILL_HU, self.ui.maskComboBox)):
            having = effects_with(number.field)
            self.allow(widget, "" if node.effect in having else _("Only for the effects {names}").format(names=", ".join(having)))

    def _explain(self) -> None:
        """What each effect and region is for, and its privacy class with what else is chosen now."""
        node = self.panel.node
        for combo, texts, kind in ((self.ui.effectComboBox, EFFECT_TIPS, "effect"), (self.ui.styleComboBox, REGION_TIPS, "style")):
            for row in range(combo.count):
                name = combo.itemText(row)
                said = self._privacy(causes_of_choice, **{kind: name})
                combo.setItemData(row, f"{texts[name]} ({said})", qt.Qt.ToolTipRole)
        region = Parameters(style=node.style, ears=node.ears, lips=node.lips).region_name
        said = self._privacy(lambda parameters: self._foreseen.causes(node, parameters))
        self.ui.privacyLabel.text = as_sentence(
            _("Region {region}, effect {effect}: {privacy}").format(region=region, effect=node.effect, privacy=said)
        )

    def _privacy(self, causes: Callable[[Parameters], tuple[str, ...]], **instead: str) -> str:
        """The privacy class of what is chosen, or with another region or effect; why nothing can be made with that."""
        try:
            parameters = parameters_in(self.panel.node, **instead)
            require_sound(parameters)
            return privacy_of_choice(parameters, causes(parameters))
        except FaceDeidError as error:
            return str(error)

    def _note_changes(self) -> None:
        node = self.panel.node
        now = tuple(str(getattr(node, name)) for name in _LIVE)
        if self._shown is not None and now != self._shown:
            self.changed()
        self._shown = now

    def changed(self) -> None:
        """What the face segment depends on was changed: the live preview follows when nothing moves any more."""
        if self.panel.node is not None and self.panel.node.liveFace and self.panel.node.faceSegmentation is not None:
            self.timer.start()

    def follow(self) -> None:
        """Make the face segment anew; what stops it is said at the panel's foot."""
        node = self.panel.node
        if node is None or node.inputVolume is None or node.faceSegmentation is None:
            return
        if self.panel.busy:
            self.timer.start()
            return

        ct, chosen = node.inputVolume, self.panel.chosen()
        if not is_as_made(node.faceSegmentation, ct, engines=True):  # nothing that nobody clicked for may be the end of a person's work
            self.panel.say(_("The face segment was drawn or edited by hand and does not follow: press Create segment to make it anew."))
            return

        def work(progress: Progress) -> None:
            self.panel.logic.createFaceSegment(ct, progress=progress, renew=True, draft=True, **chosen)

        if self.panel.follow(_("Live preview"), work):
            self.panel.say(_("The face segment follows."))
            self.drawing.start()

    def stop(self) -> None:
        """Nothing follows any more."""
        self.timer.stop()
        self.drawing.stop()

    def draw_whole(self) -> None:
        """Draw the whole surface of every face segment that has a draft of it: nothing moves any more."""
        if self.panel.busy:
            self.drawing.start()
            return
        with drawn_once():
            for node in drafts(context().scene):
                draw_surface(node)

    def on_event(self, caller: object = None, event: object = None) -> None:
        """Put the dragged point back onto the skin."""
        node = self.panel.node
        if node is None or node.inputVolume is None or self.panel.busy:
            return

        def work(progress: Progress) -> None:
            given = {"landmarks": node.landmarks, "protectedSegmentation": node.protectedSegmentation}
            self.panel.logic.snapCurve(node.inputVolume, curve=node.curve, progress=progress, **given)

        self.panel.follow(_("Curve back onto the skin"), work)
        self.changed()

    def on_curve(self, checked: bool = False) -> None:
        """Draw the curve."""
        node, ct, chosen = self.panel.node, self.panel.node.inputVolume, self.panel.chosen()

        def work(progress: Progress) -> None:
            found = chosen["landmarks"] or self.panel.logic.detectLandmarks(ct, progress=progress)
            drawn = self.panel.logic.createCurve(ct, progress=progress, **{**chosen, "landmarks": found})
            self.panel.take(node, ct, progress, landmarks=found, curve=drawn)

        if self.panel.run(_("Draw curve"), work, [node.curve]):
            self.changed()

    def on_face(self, checked: bool = False) -> None:
        """Make the face segment and show it in 3D."""
        node, ct, chosen = self.panel.node, self.panel.node.inputVolume, self.panel.chosen()

        def work(progress: Progress) -> None:
            made = self.panel.logic.createFaceSegment(ct, progress=progress, renew=True, **chosen)
            made.CreateClosedSurfaceRepresentation()
            self.panel.take(node, ct, progress, faceSegmentation=made)

        self.panel.run(_("Create face segment"), work, [node.faceSegmentation, node.curve])

    def on_edit(self, checked: bool = False) -> None:
        """Open the Segment Editor with the face segment and the CT."""
        if not dialogs.has_window():
            self.panel.say(_("The Segment Editor needs the application's main window."))
            return
        node = self.panel.node  # which the panel lets go as soon as another module is opened
        face, ct, output = node.faceSegmentation, node.inputVolume, node.resultVolume or node.outputVolume
        presets = {"Operation": "FILL_INSIDE", "FillValue": f"{_own(node)[FILL_HU.keyword]:g}"}

        def work(progress: Progress) -> None:
            editor = _segment_editor()
            slicer.util.selectModule("SegmentEditor")
            editor.setSegmentationNode(face)
            editor.setSourceVolumeNode(ct)
            _preset_mask_volume(editor, presets, ct, output)

        self.panel.look(_("Edit the face segment"), work)

    def on_apply(self, checked: bool = False) -> None:
        """Hide the face and verify; a result that did not pass stays for looking only, and the next one takes its place."""
        node, ct = self.panel.node, self.panel.node.inputVolume
        output = node.outputVolume or replaceable(ct)
        chosen = {**self.panel.chosen(), "outputVolume": output, "reuse": True, "renew": True}

        def work(progress: Progress) -> None:
            result = self.panel.logic.process(ct, progress=progress, **chosen)
            made = result.nodes
            if made.result is None:
                raise FaceDeidError(f"{result.verdict}: {'; '.join(result.reasons)}")
            if node.inputVolume is ct:
                show_in_slices(context(), made.result)
            self.panel.take(
                node, ct, progress, landmarks=made.landmarks, curve=made.curve, faceSegmentation=made.face, resultVolume=made.result
            )
            withheld.extend(result.withheld)

        withheld: list[str] = []
        changed = [*with_certificate(output), linked(ct, "kept"), linked(ct, "skin"), node.landmarks, node.curve, node.faceSegmentation]
        if self.panel.run(_("De-identify"), work, [*changed, *followed_before(followers(ct))]):
            self.ui.remarkEdit.clear()  # it was meant for the result before
            self.panel.say(" ".join([*map(as_sentence, withheld), *_faces_left(ct)]))


def _segment_editor() -> Any:  # noqa: ANN401  a qMRMLSegmentEditorWidget
    """The Segment Editor's own widget; raises FaceDeidError in an application that has no Segment Editor."""
    try:
        return slicer.util.getModuleWidget("SegmentEditor").editor
    except RuntimeError as error:
        raise FaceDeidError(_("The module Segment Editor is not in this Slicer.")) from error


def _faces_left(ct: Any) -> list[str]:  # noqa: ANN401  the CT's node
    """Where the face is still to be seen after it was hidden: who looks at 3D, or gives away a scene, must know."""
    rendered = _("The volume rendering in 3D is of the CT, and shows its face.")
    return [*([rendered] if is_rendered(ct) else []), _("A saved scene holds the CT with its face: give away what you export.")]


def _own(node: Any) -> dict[str, float]:  # noqa: ANN401  the parameter node
    """The numbers that only some effects have, by keyword: as chosen, or their default."""
    return {**OWN_DEFAULTS, **node.effectNumbers}


def _preset_mask_volume(editor: Any, presets: dict[str, str], ct: Any, output: Any) -> None:  # noqa: ANN401  a qMRMLSegmentEditorWidget, nodes
    """Let the editor's own *Mask volume* begin as the panel does: fill the face, with the panel's value, into the result.

    An effect keeps its parameters in the Segment Editor's node as "Effect name.Parameter".
    """
    parameters = editor.mrmlSegmentEditorNode()
    if parameters is None:
        return
    for name, value in presets.items():
        parameters.SetAttribute(f"Mask volume.{name}", value)
    parameters.SetNodeReferenceID("Mask volume.InputVolume", ct.GetID())
    parameters.SetNodeReferenceID("Mask volume.OutputVolume", None if output is None else output.GetID())
