"""The panel: its sections, what they share, and the CT whose nodes they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..core.errors import Cancelled
from ..core.progress import Progress, silent
from ..mrml.candidates import declined, likely
from ..mrml.links import link, linked
from ..mrml.looks import only_own, show_fitted, show_skin
from ..mrml.removal import remove_with_display
from ..mrml.scene import context
from ..mrml.undo import UndoStack
from ..mrml.verdicts import drop_orphans, first_ct, leader_of, only_certificate
from .compare import SideBySide, look_from_front
from .export_section import ExportSection
from .face_section import FaceSection
from .landmarks_section import LandmarksSection
from .protect_section import ProtectSection
from .review_section import CtWatch, ReviewSection
from .section import OWN
from .study_section import StudySection
from .views import drawn_once
from .work import guarded, name_parts, no_popup, popup, progress_dialog
from .work_list_section import WorkListSection

#: The sections that open and close.
SECTIONS = tuple(f"{name}Section" for name in ("protect", "landmarks", "curve", "face", "effect", "review", "workList", "study"))
#: So long (ms) work that nobody clicked for goes on before its dialog appears.
_APPEARS_MS = 1000
#: Priority of an observer that is told before Qt's node selectors, which turn to the next entry when theirs leaves the scene.
_BEFORE_SELECTORS = 10.0
#: So long (ms) after a node was added, removed or edited it is looked at.
_ARRIVES_MS = 300


class Panel(VTKObservationMixin):
    """What the sections share.

    ``ui`` are the widgets of the .ui file, ``logic`` the module's logic, ``load_sample(progress=...)`` puts the sample into the scene.
    ``node`` is the module's wrapped parameter node, None while the panel is not shown.
    """

    def __init__(self, ui: SimpleNamespace, logic: Any, load_sample: Callable[..., Sequence[Any]]) -> None:  # noqa: ANN401
        VTKObservationMixin.__init__(self)
        self.ui, self.logic, self.node = ui, logic, None
        self.load_sample, self._ct, self._updating = load_sample, None, False
        #: A step is at work and lets events through: nothing else may begin meanwhile.
        self.busy = False
        #: How often a scene, or the panel, was closed so far: work that had begun ends there.
        self._closed = 0
        #: Identifiers of certificates whose results are about to leave the scene.
        self._orphans: list[str] = []
        self.undo = UndoStack()
        self._arrival = qt.QTimer()
        self._arrival.setSingleShot(True)
        self._arrival.setInterval(_ARRIVES_MS)
        self._arrival.connect("timeout()", self.update)
        #: Where the next question for a file begins: Slicer's own folder for scenes, then wherever the last file was.
        self.folder = slicer.mrmlScene.GetRootDirectory() or ""
        self.compare = SideBySide()
        self.face, self.review, self.export = FaceSection(self), ReviewSection(self), ExportSection(self)
        self.work_list, self.study = WorkListSection(self), StudySection(self)
        self.sections = [ProtectSection(self), LandmarksSection(self), self.face, self.review, self.export, self.work_list, self.study]
        self.sections.append(CtWatch(self))
        for name, widget in vars(ui).items():
            if name.endswith(("Selector", "Slider")):
                name_parts(widget)
        for name in SECTIONS:
            getattr(ui, name).connect("contentsCollapsed(bool)", self._fit)
        self._fit()
        ui.tryItLabel.connect("linkActivated(QString)", self.on_sample)
        ui.undoButton.connect("clicked(bool)", self.on_undo)

    def _fit(self, collapsed: bool = False) -> None:
        """Nothing of an open section is cut off at the side: their area has no bar to scroll sideways."""
        area = self.ui.sectionsArea
        area.setMinimumWidth(self.ui.sectionsFrame.minimumSizeHint.width() + area.verticalScrollBar().sizeHint.width())

    def bind(self, node: Any) -> None:  # noqa: ANN401
        """Show a parameter node, with the first CT of the scene as a start, or none."""
        for section in self.sections:
            section.observe(None)
        self.removeObservers()
        self.compare.leave()  # what a scene brings that was saved while two views were compared, too
        self.node = node
        if node is not None:
            self._ct = node.inputVolume
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.update)
            self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self.update_soon)
            leaves, first = slicer.mrmlScene.NodeAboutToBeRemovedEvent, _BEFORE_SELECTORS
            self.addObserver(slicer.mrmlScene, leaves, self._on_node_leaves, priority=first)
            self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._on_node_left)
            self.update()
            if node.inputVolume is None:
                node.inputVolume = first_ct(slicer.mrmlScene)

    def update_soon(self, caller: object = None, event: object = None) -> None:
        """Show what the parameter node says in a moment: a node is empty when it is added, and many things happen one after the other."""
        if not self.busy:
            self._arrival.start()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _on_node_leaves(self, caller: object, event: object, leaving: Any) -> None:  # noqa: ANN401  a node
        """What was chosen is taken out of the scene: nothing is chosen then, and not what stands next in the selector."""
        for field in ("inputVolume", *OWN, "outputVolume"):
            if self.node is not None and getattr(self.node, field) is leaving:
                setattr(self.node, field, None)
        note = None if self.busy or not leaving.IsA("vtkMRMLScalarVolumeNode") else only_certificate(leaving)
        self._orphans += [] if note is None else [note.GetID()]

    def _on_node_left(self, caller: object = None, event: object = None) -> None:
        """The certificate of a result goes with it; where a certificate went, nothing may be shown of it."""
        orphans, self._orphans = self._orphans, []
        for orphan in orphans:
            remove_with_display(slicer.mrmlScene, slicer.mrmlScene.GetNodeByID(orphan))
        self.update_soon()

    def forget(self) -> None:
        """The scene is being closed: nothing of it may be kept, and a step at work ends."""
        self._closed += 1
        self.undo.clear()
        self.compare.forget()
        self.work_list.forget()
        self.logic.cache.clear()
        self._ct = None
        self.say("")

    def close(self) -> None:
        """The panel goes: nothing of it may come back later, no copy of a study or of what was found may stay, and a step at work ends."""
        self._closed += 1
        self._arrival.stop()
        self.face.stop()
        self.study.close()
        self.undo.clear()
        self.logic.cache.clear()

    def update(self, caller: object = None, event: object = None) -> None:
        """Show what the parameter node says."""
        if self.node is None or self._updating:
            return
        self._updating = True
        try:
            self._show(self._follow_ct)
            for section in self.sections:
                self._show(section.update, section.lost)
            label = self.undo.label
            self.ui.undoButton.enabled = bool(label)
            self.ui.undoButton.text = _("Undo: {step}").format(step=label) if label else _("Undo")
            self.ui.undoButton.toolTip = _("Undo the last step of this panel") if label else _("Nothing to undo")
        finally:
            self._updating = False

    def _show(self, show: Callable[[], None], lost: Callable[[str], None] | None = None) -> None:
        """One part of the panel; where that fails the others are shown all the same, and the error is told."""
        said: list[str] = []
        if not guarded(_("Showing the panel"), said.append, show, no_popup):
            self.say(said[-1])
            if lost is not None:
                lost(said[-1])

    def _follow_ct(self) -> None:
        """Another CT brings its own nodes; a node that was chosen becomes the CT's own."""
        ct, before = self.node.inputVolume, self._ct
        if ct is not before:
            self._ct = ct
            self.compare.leave()  # its models are of the CT before
            with slicer.util.NodeModify(self.node):
                if before is not None:
                    self.node.outputVolume = None
                for field, role in OWN.items():
                    own = linked(ct, role)
                    if before is not None or own is not None:  # what was chosen before any CT is meant for the first one
                        setattr(self.node, field, own)
            if ct is not None or before is not None:
                only_own(context(), ct)
        if ct is not None:
            self._choose_protected(ct, ct is before)
            for field, role in OWN.items():
                if leader_of(getattr(self.node, field)) is None:  # what follows the CT is looked at, and is not its result
                    link(ct, role, getattr(self.node, field))

    def _choose_protected(self, ct: Any, same: bool) -> None:  # noqa: ANN401
        """A segmentation of the scene that can only be meant for this CT is chosen by itself, unless the user chose none."""
        if self.node.protectedSegmentation is not None:
            declined(ct, False)
        elif same and linked(ct, "protected") is not None:
            declined(ct, True)
        elif not declined(ct):
            self.node.protectedSegmentation = likely(ct)

    def chosen(self) -> dict[str, Any]:
        """The logic's keywords as the parameter node has them now, with what came into the scene a moment ago."""
        self.update()
        return self.logic.chosen(self.node)

    def changed(self) -> None:
        """The protected segments were changed: the live preview follows."""
        self.face.changed()

    def say(self, text: str) -> None:
        """One sentence at the panel's foot."""
        self.ui.statusLabel.text = text

    def take(self, node: Any, ct: Any, progress: Progress = silent, **made: Any) -> None:  # noqa: ANN401  the parameter node, nodes
        """Choose what was made of a CT, and show its skin, unless another CT was turned to meanwhile: then it stays with its own."""
        if node.inputVolume is ct:
            with slicer.util.NodeModify(node):
                for field, own in made.items():  # somebody may have taken it out again meanwhile
                    setattr(node, field, own if own is not None and slicer.mrmlScene.IsNodePresent(own) else None)
            self.show_skin(ct, progress)

    def show_skin(self, ct: Any, progress: Progress = silent) -> None:  # noqa: ANN401  a vtkMRMLScalarVolumeNode
        """The CT's skin in the 3D views, made once for each CT and centred; without windows nothing is made."""
        manager = slicer.app.layoutManager()
        made = None if manager is None else show_skin(context(), ct, progress)
        if made is not None:
            look_from_front(manager, (made,))

    def look(self, title: str, work: Callable[[Progress], None]) -> bool:
        """Do something that changes no step's outcome, so that there is nothing to undo; returns whether it was done."""

        def shown() -> None:
            with progress_dialog(title) as progress, drawn_once(progress):
                work(self._in_this_scene(progress))

        return self._alone(title, shown)

    def follow(self, title: str, work: Callable[[Progress], None]) -> bool:
        """Do something that follows a drag or a slider by itself: a dialog only where it takes long, a message only at the panel's foot."""

        def unasked() -> None:
            with progress_dialog(title, _APPEARS_MS) as progress, drawn_once(progress):
                work(self._in_this_scene(progress))

        return self._alone(title, unasked, no_popup)

    def run(self, title: str, work: Callable[[Progress], None], changed: Sequence[Any] = (), goes_on: Sequence[Any] = ()) -> bool:
        """Do one step with progress, Cancel, undo and one message where it fails; ``changed`` are nodes that it may change.

        ``goes_on``: those of them that a person changes afterwards within the same step. Returns whether it was done.
        """
        self.update()
        node, ct = self.node, self.node.inputVolume
        fields = {name: getattr(node, name) for name in (*OWN, "outputVolume")}

        def restore_choices(stay: Sequence[Any]) -> None:
            with slicer.util.NodeModify(node):
                for name, value in fields.items():
                    own = value if value is not None and slicer.mrmlScene.IsNodePresent(value) else None
                    if name in OWN and any(linked(ct, OWN[name]) is drawing for drawing in stay):
                        continue
                    if node.inputVolume is ct:
                        setattr(node, name, own)
                    elif name in OWN and ct is not None:  # another one was turned to: it has its own
                        link(ct, OWN[name], own)

        def step() -> None:
            with progress_dialog(title) as progress, drawn_once(progress):
                self.compare.leave()
                with self.undo.step(title, slicer.mrmlScene, changed, restore_choices, goes_on):
                    work(self._in_this_scene(progress))

        return self._alone(title, step)

    def _in_this_scene(self, progress: Progress) -> Progress:
        """The progress of work on this scene, which is stopped where the scene is closed meanwhile."""
        scene = self._closed

        def checked(fraction: float, message: str) -> None:
            progress(fraction, message)
            if self._closed != scene:
                raise Cancelled(_("The scene was closed"))

        return checked

    def _alone(self, title: str, work: Callable[[], None], show: Callable[..., None] = popup) -> bool:
        """Do some work unless other work is going on; returns whether it was done."""
        if self.busy:
            return False
        self.busy = True
        self.say("")
        try:
            done = guarded(title, self.say, work, show)
        finally:
            self.busy = False
        drop_orphans(slicer.mrmlScene)  # of a result that somebody took out of the scene meanwhile
        self.update()
        return done

    def on_sample(self, link: str) -> None:
        """Load the synthetic head and choose it."""

        node = self.node

        def work(progress: Progress) -> None:
            ct, nodes = self.load_sample(progress=progress)
            node.inputVolume = ct
            self.update()
            node.protectedSegmentation = nodes
            show_fitted(context(), ct)
            self.show_skin(ct, progress)

        self.run(_("Synthetic head"), work)

    def on_undo(self, checked: bool = False) -> None:
        """Undo the last step."""
        undone, stay = "", []

        def work(progress: Progress) -> None:
            nonlocal undone, stay
            self.compare.leave()
            undone, stay = self.undo.undo()

        if self.look(_("Undo"), work) and undone:
            stayed = _(" Changed since, and so left as it is: {names}.").format(names=", ".join(stay)) if stay else ""
            self.say(_("Undone: {step}.").format(step=undone) + stayed)
