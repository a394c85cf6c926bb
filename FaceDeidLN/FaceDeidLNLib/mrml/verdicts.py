"""The verdict on a result, kept with the scene: a certificate as a text node, and the sign-off of a reviewer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import slicer

from ..case.records import CaseResult
from ..clearance import Judged
from ..core.errors import InputError
from ..core.geometry import Geometry
from ..core.parameters import Parameters
from ..core.segment import Segment
from ..core.volume import Volume
from ..facts import facts_of
from ..output.seen import digest
from ..release import case_content, judged
from ..verify.privacy import RECOGNISABLE, is_tested
from ..verify.verdict import Verdict
from .changed import remember_digest
from .judged import noted
from .links import CERTIFICATE, LEADER, SELF, claim, linked, own
from .moved import SAME_MM
from .nodes import volume_from_node
from .removal import remove_with_display
from .scene import SceneContext, nodes_of_class

RELEASED_SUFFIX = "de-identified"
#: A result that did not pass may be looked at, and its name says in every list that it is nothing else.
NOT_RELEASED_SUFFIX = "NOT RELEASED"
#: Attribute of a result's node: "1" where it may leave, "0" where not; saved with the scene.
RELEASED_ATTRIBUTE = "FaceDeidLN.Released"
#: Attribute of a result's node: how it was made, where that way is a tested one.
_MADE = "FaceDeidLN.Made"
#: Attribute of a result's node: the CT's matrix to world LPS when it was made.
_PLACE = "FaceDeidLN.MadeAt"
_CT = "FaceDeidLN.ct"
#: Attribute of a certificate's node.
_IS_CERTIFICATE = "FaceDeidLN.IsCertificate"
#: Figures that every certificate has.
_FIGURES = frozenset(("style", "effect", "changed_voxels", "protected"))
#: The figure of an image that follows which tells what result it was made after.
_DECIDED_BY = "decided_by"


@dataclass(frozen=True, kw_only=True)
class StoredVerdict(Judged):
    """What is known of a result.

    ``content`` is the certificate without the output's own facts, ``facts`` all figures, ``digest`` the SHA-256 of the
    result's voxels and place when it was verified, ``ct`` that of its CT. ``segments`` are the judged ones, as ``judged.noted`` made
    them, ``silent`` those that nobody chose; in a scene of before these were noted they are empty and None. ``left_out`` are the names
    of checked segments that a script did not ask for, ``drawings`` landmarks, curve and face segment, as ``as_made.noted_drawing`` tells
    them, ``by_hand`` the roles of those of them that a person had a part in.
    """

    digest: str
    content: dict[str, Any]
    facts: dict[str, Any]
    ct: str = ""
    segments: list[dict[str, Any]] | None = None
    silent: list[dict[str, Any]] | None = None
    left_out: Sequence[str] = ()
    drawings: dict[str, list[Any]] = field(default_factory=dict)
    by_hand: Sequence[str] = ()

    @property
    def released(self) -> bool:
        """May the result leave?"""
        return not self.refusal


def remember_making(node: slicer.vtkMRMLScalarVolumeNode, result: str, parameters: Parameters, privacy: str) -> None:
    """Keep with a result's node what it was made with, so that ``privacy_as_made`` knows it again; ``result`` is its ``digest``."""
    node.SetAttribute(_MADE, _making(result, parameters) if is_tested(privacy) else None)


def privacy_as_made(node: slicer.vtkMRMLScalarVolumeNode, result: str, parameters: Parameters, privacy: str) -> str:
    """The class ``privacy`` of a run with these parameters, where the result of this ``digest`` came of one; recognisable where not.

    What was edited, loaded, or made with other parameters than those chosen now was never attacked.
    """
    return privacy if node.GetAttribute(_MADE) == _making(result, parameters) else RECOGNISABLE


def remember_place(node: slicer.vtkMRMLScalarVolumeNode, geometry: Geometry) -> None:
    """Keep with a result's node where in the world it was made."""
    node.SetAttribute(_PLACE, json.dumps(geometry.ijk_to_lps.ravel().tolist()))


def require_place(node: slicer.vtkMRMLScalarVolumeNode, geometry: Geometry) -> None:
    """Raises InputError where the CT on this grid was moved since its result was made: levels found anew lie elsewhere by a voxel."""
    noted = node.GetAttribute(_PLACE)
    if not noted:
        return
    if not geometry.same_as(Geometry(geometry.shape, np.reshape(json.loads(noted), (4, 4))), SAME_MM):
        raise InputError(f'The CT was moved since "{node.GetName()}" was made of it: put its transform back, or apply again.')


def _making(result: str, parameters: Parameters) -> str:
    return hashlib.sha256(f"{result} {replace(parameters, seed=None)}".encode()).hexdigest()


def verdict_on(
    case: CaseResult,
    accepted: bool,
    ct: Volume,
    segments: Sequence[Segment],
    silent: Sequence[Segment] = (),
    left_out: Sequence[str] = (),
) -> StoredVerdict:
    """What is kept of a case that has a result: ``ct`` are its CT's own values, ``segments`` what was protected, ``silent`` what not."""
    noted_ones = {"segments": noted(segments), "silent": noted(silent)}
    said = {**asdict(judged(case, accepted)), "digest": digest(case.result), "ct": digest(ct), **noted_ones}
    return StoredVerdict(**said, left_out=tuple(left_out), content=case_content(case), facts=facts_of(case))


def record(
    context: SceneContext,
    result: slicer.vtkMRMLScalarVolumeNode,
    ct: slicer.vtkMRMLScalarVolumeNode,
    stored: StoredVerdict,
    leader: slicer.vtkMRMLScalarVolumeNode | None = None,
) -> None:
    """Give a result's node its certificate, name and attribute; ``leader`` is the CT's result that it follows, None for one of its own."""
    claim(result)
    note = result.GetNodeReference(CERTIFICATE)
    if note is None or _is_anothers(note, result):
        drop_orphans(context.scene)
        note = context.scene.AddNewNodeByClass("vtkMRMLTextNode", f"{ct.GetName()} certificate")
        note.SetAttribute(_IS_CERTIFICATE, "1")
        result.SetNodeReferenceID(CERTIFICATE, note.GetID())
    note.SetText(json.dumps(asdict(stored), indent=2))
    result.SetNodeReferenceID(_CT, ct.GetID())
    result.SetNodeReferenceID(LEADER, None if leader is None else leader.GetID())
    made = f"{stored.facts['style']} {stored.facts['effect']}"
    mark(result, ct.GetName(), stored.released, made)
    for follower in followers_of(result):
        mark(follower, ct_of(follower).GetName(), _is_released(follower), made)


def drop_orphans(scene: slicer.vtkMRMLScene) -> None:
    """Take certificates out of a scene whose results left it: without a panel, which does so at once, a script would pile them up."""
    volumes = nodes_of_class(scene, "vtkMRMLScalarVolumeNode")
    held = {volume.GetNodeReferenceID(CERTIFICATE) for volume in volumes}
    for note in nodes_of_class(scene, "vtkMRMLTextNode"):
        if note.GetAttribute(_IS_CERTIFICATE) and note.GetID() not in held:
            remove_with_display(scene, note)


def only_certificate(result: slicer.vtkMRMLNode) -> slicer.vtkMRMLTextNode | None:
    """The node that goes with a result when that is taken out of the scene: its certificate, unless another volume has it, too."""
    note = certificate_of(result)
    return None if note is None or _is_anothers(note, result) else note


def require_output(output: slicer.vtkMRMLScalarVolumeNode | None, ct: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Raises InputError for what must not be lost: a volume of a file, one that was worked on as a CT, the result of another CT."""
    if output is None or output is ct or output.GetImageData() is None or not output.GetImageData().GetNumberOfPoints():
        return
    is_ct = output.GetStorageNode() is not None or output.GetNodeReferenceID(SELF) is not None
    if (is_ct and output.GetAttribute(RELEASED_ATTRIBUTE) is None) or ct_of(output) not in (None, ct):
        raise InputError(f'The result would overwrite "{output.GetName()}", which is no result of this CT: choose another output, or none.')


def _is_anothers(note: slicer.vtkMRMLTextNode, result: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """Has another volume this certificate too, as a clone has in a scene of before they were told apart?"""
    others = (node for node in nodes_of_class(result.GetScene(), "vtkMRMLScalarVolumeNode") if node is not result)
    return any(own(node, CERTIFICATE) is note for node in others)


def _is_released(result: slicer.vtkMRMLScalarVolumeNode) -> bool:
    try:
        return bool(stored := read_verdict(result)) and stored.released
    except InputError:  # it follows another result than the one there is
        return False


def record_follower(
    context: SceneContext,
    made: slicer.vtkMRMLScalarVolumeNode,
    image: slicer.vtkMRMLScalarVolumeNode,
    leader: slicer.vtkMRMLScalarVolumeNode,
    content: dict[str, Any],
    facts: dict[str, Any],
) -> None:
    """Give what was made of an image after a CT its certificate; whether it may leave is said of the CT's result, the ``leader``."""
    decided = require_verdict(leader)
    facts = {**facts, _DECIDED_BY: decided.digest, "follows": ct_of(leader).GetName()}
    seen = {"digest": digest(volume_from_node(made)), "ct": digest(volume_from_node(image))}
    alone = replace(decided, remark="", reviewer="", content=content, facts=facts, **seen)
    remember_digest(made, alone.digest)
    remember_digest(image, alone.ct)
    record(context, made, image, alone, leader)


def leader_of(result: slicer.vtkMRMLScalarVolumeNode | None) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The result of the CT that an image got its face after; None for a result that stands for itself."""
    return None if result is None else result.GetNodeReference(LEADER)


def followers_of(leader: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLScalarVolumeNode]:
    """What was made of further images after a CT's result."""
    scene = None if leader is None else leader.GetScene()
    nodes = [] if scene is None else nodes_of_class(scene, "vtkMRMLScalarVolumeNode")
    return [node for node in nodes if leader_of(node) is leader and ct_of(node) is not None]


def mark(result: slicer.vtkMRMLScalarVolumeNode, ct_name: str, released: bool, made: str = "") -> None:
    """Name a result's node after how it was ``made`` (region and effect) and what may happen with it."""
    result.SetName(" ".join(filter(None, (ct_name, made, RELEASED_SUFFIX if released else NOT_RELEASED_SUFFIX))))
    result.SetAttribute(RELEASED_ATTRIBUTE, "1" if released else "0")


def images_of(scene: slicer.vtkMRMLScene) -> Iterator[slicer.vtkMRMLScalarVolumeNode]:
    """The volumes of a scene that may be a CT or another image of a head: no label map, no colours, and no result of this module."""
    for node in nodes_of_class(scene, "vtkMRMLScalarVolumeNode"):
        if node.GetClassName() == "vtkMRMLScalarVolumeNode" and node.GetAttribute(RELEASED_ATTRIBUTE) is None:
            yield node


def first_ct(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The first of ``images_of``."""
    return next(images_of(scene), None)


def read_verdict(result: slicer.vtkMRMLScalarVolumeNode | None) -> StoredVerdict | None:
    """What was recorded of a result's node; None where nothing was.

    An image that follows a CT has the verdict and the class that the CT's result has now; a REVIEW is signed off for each of them, the
    CT's result first.

    :raises InputError: the certificate cannot be read, or what the image follows is another result now.
    """
    stored = _stored_of(result)
    if stored is None or _DECIDED_BY not in stored.facts:
        return stored
    leader = _stored_of(leader_of(result))
    if leader is None or leader.digest != stored.facts[_DECIDED_BY]:
        raise InputError(f'"{result.GetName()}" was made after a result that is not there any more: apply again.')
    said = {name: getattr(leader, name) for name in ("verdict", "reasons", "privacy", "accepted")}
    said |= {} if leader.is_signed else {"remark": "", "reviewer": ""}
    content = {**stored.content, **{key: leader.content[key] for key in ("verdict", "reasons", "privacy")}}
    return replace(stored, content=content, **said)


def certificate_of(result: slicer.vtkMRMLScalarVolumeNode | None) -> slicer.vtkMRMLTextNode | None:
    """The node of a result's own certificate; None for a clone that has only its original's."""
    return None if result is None else own(result, CERTIFICATE)


def _stored_of(result: slicer.vtkMRMLScalarVolumeNode | None) -> StoredVerdict | None:
    note = certificate_of(result)
    if note is None or not note.GetText():
        return None
    try:
        kept = json.loads(note.GetText())
        if _FIGURES - {*kept["facts"]}:
            raise KeyError(_FIGURES)
        return StoredVerdict(**{**kept, "reasons": tuple(kept["reasons"])})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f'The certificate of "{result.GetName()}" cannot be read: verify the result again.') from error


def replaceable(ct: slicer.vtkMRMLScalarVolumeNode | None) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The last result of a CT where it was never released: another attempt may take its place. None where another CT's is looked at."""
    result = linked(ct, "result")
    if result is None or result is ct or ct_of(result) not in (None, ct):
        return None
    return result if result.GetAttribute(RELEASED_ATTRIBUTE) == "0" else None


def with_certificate(result: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLNode | None]:
    """A result's node, the node of its certificate, and those of the images that follow it: what a new verdict changes."""
    nodes = [result, *followers_of(result)]
    return [part for node in nodes for part in (node, certificate_of(node))]


def ct_of(result: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The CT that a result was made of."""
    return result.GetNodeReference(_CT)


def require_verdict(result: slicer.vtkMRMLScalarVolumeNode | None) -> StoredVerdict:
    """What was recorded of a result's node.

    :raises InputError: no result, or never verified.
    """
    stored = read_verdict(result)
    if stored is None:
        name = "There is no result" if result is None else f'"{result.GetName()}" was never verified'
        raise InputError(f"{name}: press Apply, or verify it first.")
    return stored


def sign_off(context: SceneContext, result: slicer.vtkMRMLScalarVolumeNode, remark: str, reviewer: str = "") -> StoredVerdict:
    """Lift a REVIEW with the reviewer's remark, which goes into the certificate with his name.

    :raises InputError: the verdict is FAIL, which nobody can lift, or PASS, which needs none; no remark; never verified.
    """
    stored, remark, leader = require_verdict(result), remark.strip(), leader_of(result)
    if stored.verdict == Verdict.FAIL.value:
        raise InputError("A FAIL cannot be signed off: mend the cause and apply again.")
    if stored.verdict == Verdict.PASS.value:
        raise InputError("A PASS needs no sign-off.")
    if not remark:
        raise InputError("A sign-off needs a remark: write what you looked at and why the result may leave.")
    if leader is not None and not require_verdict(leader).is_signed:
        raise InputError(f'"{result.GetName()}" follows "{leader.GetName()}": sign that off first.')
    signed = replace(stored, remark=remark, reviewer=reviewer.strip())
    record(context, result, ct_of(result), signed, leader)
    return signed


def accept(context: SceneContext, result: slicer.vtkMRMLScalarVolumeNode, accepted: bool) -> StoredVerdict:
    """Say yes or no to the release of a result whose person may still be recognised. Raises InputError: never verified."""
    changed = replace(require_verdict(result), accepted=accepted)
    require_no_follower(result)
    record(context, result, ct_of(result), changed)
    return changed


def require_no_follower(result: slicer.vtkMRMLScalarVolumeNode | None) -> None:
    """Raises InputError for what was made of an image that follows a CT: the CT's result answers for it."""
    leader = leader_of(result)
    if leader is not None:
        raise InputError(f'"{result.GetName()}" follows "{leader.GetName()}": choose that one, what is said of it counts for both.')
