"""Further images of the same head in the scene (PET, MR, a second CT) that get the face of the CT, as ``deface --also`` does with files."""

from __future__ import annotations

from collections.abc import Sequence

import pydicom
import slicer

from ..case.records import CaseResult
from ..core.errors import FaceDeidError, InputError
from ..core.progress import Progress
from ..core.segment import Segment
from ..input.calibration import in_own_values
from ..input.case import CtInput
from ..input.plausible import require_ct
from ..mrml.ct import ct_of_node
from ..mrml.links import link
from ..mrml.nodes import add_ct, fill_ct, volume_from_node
from ..mrml.scene import SceneContext
from ..mrml.verdicts import ct_of, record_follower, replaceable, with_certificate
from ..study.files import FollowedImage, Leader
from ..verify.verdict import Verdict
from .export import dicom_files

#: An image of the scene with what was made of it.
Pair = tuple[slicer.vtkMRMLScalarVolumeNode, FollowedImage]


def follow_images(
    images: Sequence[slicer.vtkMRMLScalarVolumeNode], case: CaseResult, protected: tuple[Segment, ...], accepted: bool, progress: Progress
) -> tuple[list[Pair], tuple[str, ...]]:
    """What is made of each image after a CT's case, and a sentence for each that is withheld because it could not be verified.

    Nothing is made after a FAIL, and nothing is put into the scene.
    """
    if not images or case.result is None or case.verdict is Verdict.FAIL:
        return [], ()
    try:
        leader = Leader(case, protected, accepted)
    except FaceDeidError as problem:
        return [], tuple(_withheld(node, problem) for node in images)
    made, withheld = [], []
    for number, node in enumerate(images):
        progress(0.9 + 0.1 * number / len(images), node.GetName())
        try:
            made.append((node, leader.follow(*_image_of(node))))
        except FaceDeidError as doubt:
            withheld.append(_withheld(node, doubt))
    return made, tuple(withheld)


def add_followed(context: SceneContext, pair: Pair, leader: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLScalarVolumeNode:
    """Put what was made of an image into the scene, into its last result where that was never released, with its certificate."""
    image, made = pair
    node, volume = replaceable(image), in_own_values(made.image, made.volume)
    if node is None:
        node = add_ct(context, volume, "result", image)
    else:
        fill_ct(node, volume, image)
    if image.GetDisplayNode() is not None:
        node.GetDisplayNode().CopyContent(image.GetDisplayNode())
        node.GetDisplayNode().SetAndObserveColorNodeID(image.GetDisplayNode().GetColorNodeID())  # a reference is no content
    record_follower(context, node, image, leader, made.case, made.facts)
    link(image, "result", node)
    return node


def followed_before(images: Sequence[slicer.vtkMRMLScalarVolumeNode]) -> list[slicer.vtkMRMLNode | None]:
    """The nodes of an earlier run that take what is made of further images, and their certificates: what a run may change."""
    return [node for image in images for node in with_certificate(replaceable(image))]


def require_images(images: Sequence[slicer.vtkMRMLScalarVolumeNode], ct: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Raises InputError for the CT itself, for results, and for an image of another frame of reference that nothing registers."""
    for node in images:
        if node is ct or ct_of(node) is not None:
            raise InputError(f'"{node.GetName()}" cannot follow: choose a PET, an MR or another CT of the same head.')
        if not same_frame(node, ct):
            raise InputError(f'"{node.GetName()}" has another frame of reference than the CT: register it, and put it under the transform.')


def same_frame(image: slicer.vtkMRMLScalarVolumeNode, ct: slicer.vtkMRMLScalarVolumeNode) -> bool:
    """May an image lie in the millimetres of the CT: the DICOM headers say nothing else, or somebody registered one of them?"""
    if image.GetParentTransformNode() is not None or ct.GetParentTransformNode() is not None:
        return True
    return len({frame_of(image), frame_of(ct)} - {""}) < 2


def frame_of(node: slicer.vtkMRMLScalarVolumeNode) -> str:
    """The frame of reference UID of a volume from Slicer's DICOM database; empty where none is known."""
    files = dicom_files(node, most=1)
    if not files:
        return ""
    return str(pydicom.dcmread(files[0], stop_before_pixels=True, specific_tags=["FrameOfReferenceUID"]).get("FrameOfReferenceUID", ""))


def _image_of(node: slicer.vtkMRMLScalarVolumeNode) -> tuple[CtInput, bool]:
    """An image, and whether it is a CT in HU."""
    ct = ct_of_node(node)
    try:
        require_ct(ct.volume, node.GetName(), ct.outside)
    except InputError:
        return CtInput(volume_from_node(node), ct.path, ct.kind), False
    return ct, True


def _withheld(node: slicer.vtkMRMLScalarVolumeNode, why: FaceDeidError) -> str:
    return f'"{node.GetName()}" does not follow: {why}'
