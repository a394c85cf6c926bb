"""The verdict on a result, kept with the scene: a certificate as a text node, and the sign-off of a reviewer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import slicer

from ..case.records import CaseResult
from ..clearance import Judged
from ..core.errors import InputError
from ..core.parameters import Parameters
from ..core.volume import Volume
from ..facts import facts_of
from ..output.seen import digest
from ..release import case_content, judged
from ..verify.privacy import RECOGNISABLE, is_tested
from ..verify.verdict import Verdict
from .links import linked
from .scene import SceneContext

RELEASED_SUFFIX = "de-identified"
#: A result that did not pass may be looked at, and its name says in every list that it is nothing else.
NOT_RELEASED_SUFFIX = "NOT RELEASED"
#: Attribute of a result's node: "1" where it may leave, "0" where not; saved with the scene.
RELEASED_ATTRIBUTE = "FaceDeidLN.Released"
#: Attribute of a result's node: how it was made, where that way is a tested one.
_MADE = "FaceDeidLN.Made"
_CERTIFICATE = "FaceDeidLN.certificate"
_CT = "FaceDeidLN.ct"


@dataclass(frozen=True, kw_only=True)
class StoredVerdict(Judged):
    """What is known of a result.

    ``content`` is the certificate without the output's own facts, ``facts`` all figures, ``digest`` the SHA-256 of the
    result's voxels and place when it was verified.
    """

    digest: str
    content: dict[str, Any]
    facts: dict[str, Any]

    @property
    def released(self) -> bool:
        """May the result leave?"""
        return not self.refusal


def remember_making(node: slicer.vtkMRMLScalarVolumeNode, result: Volume, parameters: Parameters, privacy: str) -> None:
    """Keep with a result's node what it was made with, so that ``privacy_as_made`` knows it again."""
    node.SetAttribute(_MADE, _making(result, parameters) if is_tested(privacy) else None)


def privacy_as_made(node: slicer.vtkMRMLScalarVolumeNode, result: Volume, parameters: Parameters, privacy: str) -> str:
    """The class ``privacy`` of a run with these parameters, where ``result`` came of one; recognisable where its origin is unknown.

    What was edited, loaded, or made with other parameters than those chosen now was never attacked.
    """
    return privacy if node.GetAttribute(_MADE) == _making(result, parameters) else RECOGNISABLE


def _making(result: Volume, parameters: Parameters) -> str:
    return hashlib.sha256(f"{digest(result)} {replace(parameters, seed=None)}".encode()).hexdigest()


def verdict_on(case: CaseResult, accepted: bool) -> StoredVerdict:
    """What is kept of a case that has a result."""
    said = asdict(judged(case, accepted))
    return StoredVerdict(**said, digest=digest(case.result), content=case_content(case), facts=facts_of(case))


def record(
    context: SceneContext, result: slicer.vtkMRMLScalarVolumeNode, ct: slicer.vtkMRMLScalarVolumeNode, stored: StoredVerdict
) -> None:
    """Give a result's node its certificate, name and attribute."""
    note = result.GetNodeReference(_CERTIFICATE)
    if note is None:
        note = context.scene.AddNewNodeByClass("vtkMRMLTextNode", f"{ct.GetName()} certificate")
        result.SetNodeReferenceID(_CERTIFICATE, note.GetID())
    note.SetText(json.dumps(asdict(stored), indent=2))
    result.SetNodeReferenceID(_CT, ct.GetID())
    mark(result, ct.GetName(), stored.released, f"{stored.facts['style']} {stored.facts['effect']}")


def mark(result: slicer.vtkMRMLScalarVolumeNode, ct_name: str, released: bool, made: str = "") -> None:
    """Name a result's node after how it was ``made`` (region and effect) and what may happen with it."""
    result.SetName(" ".join(filter(None, (ct_name, made, RELEASED_SUFFIX if released else NOT_RELEASED_SUFFIX))))
    result.SetAttribute(RELEASED_ATTRIBUTE, "1" if released else "0")


def first_ct(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The first volume of a scene that may be a CT: no label map, no colours, and no result of this module."""
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")):
        node = scene.GetNthNodeByClass(number, "vtkMRMLScalarVolumeNode")
        if node.GetClassName() == "vtkMRMLScalarVolumeNode" and node.GetAttribute(RELEASED_ATTRIBUTE) is None:
            return node
    return None


def read_verdict(result: slicer.vtkMRMLScalarVolumeNode | None) -> StoredVerdict | None:
    """What was recorded of a result's node; None where nothing was."""
    note = None if result is None else result.GetNodeReference(_CERTIFICATE)
    if note is None or not note.GetText():
        return None
    try:
        kept = json.loads(note.GetText())
        return StoredVerdict(**{**kept, "reasons": tuple(kept["reasons"])})
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f'The certificate of "{result.GetName()}" cannot be read: verify the result again.') from error


def replaceable(ct: slicer.vtkMRMLScalarVolumeNode | None) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The last result of a CT where it was never released: another attempt may take its place."""
    result = linked(ct, "result")
    return result if result is not None and result is not ct and result.GetAttribute(RELEASED_ATTRIBUTE) == "0" else None


def with_certificate(result: slicer.vtkMRMLScalarVolumeNode | None) -> list[slicer.vtkMRMLNode | None]:
    """A result's node and the node of its certificate: what a new verdict changes."""
    return [result, None if result is None else result.GetNodeReference(_CERTIFICATE)]


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
    stored, remark = require_verdict(result), remark.strip()
    if stored.verdict == Verdict.FAIL.value:
        raise InputError("A FAIL cannot be signed off: mend the cause and apply again.")
    if stored.verdict == Verdict.PASS.value:
        raise InputError("A PASS needs no sign-off.")
    if not remark:
        raise InputError("A sign-off needs a remark: write what you looked at and why the result may leave.")
    signed = replace(stored, remark=remark, reviewer=reviewer.strip())
    record(context, result, ct_of(result), signed)
    return signed


def accept(context: SceneContext, result: slicer.vtkMRMLScalarVolumeNode, accepted: bool) -> StoredVerdict:
    """Say yes or no to the release of a result whose person may still be recognised. Raises InputError: never verified."""
    changed = replace(require_verdict(result), accepted=accepted)
    record(context, result, ct_of(result), changed)
    return changed
