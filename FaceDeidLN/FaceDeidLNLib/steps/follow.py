"""Further images of the same head in the scene (PET, MR, a second CT) that get the face of the CT, as ``deface --also`` does with files."""

from __future__ import annotations

from collections.abc import Sequence

import pydicom
import slicer

from ..case.records import CaseResult
from ..core.ahead import told_beside
from ..core.errors import Cancelled, FaceDeidError, InputError
from ..core.progress import Alive, Progress, alive_in
from ..core.segment import Segment
from ..core.volume import Volume
from ..input.calibration import in_own_values
from ..input.case import CtInput
from ..input.plausible import require_ct
from ..mrml.ct import ct_of_values
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
    names, values = [node.GetName() for node in images], [_values_of(node) for node in images]

    def follow(tell: Progress) -> list[FollowedImage | str]:
        tell(0.9, names[0])
        try:
            leader = Leader(case, protected, accepted)
        except FaceDeidError as problem:
            return [_withheld(name, problem) for name in names]
        alive = [alive_in(tell, 0.9 + 0.1 * n / len(names), name) for n, name in enumerate(names)]
        return [one if isinstance(one, str) else _followed(leader, one, going) for one, going in zip(values, alive, strict=True)]

    done = list(zip(images, told_beside(follow, progress), strict=True))
    made = [(node, image) for node, image in done if isinstance(image, FollowedImage)]
    return made, tuple(why for _, why in done if isinstance(why, str))


def _values_of(node: slicer.vtkMRMLScalarVolumeNode) -> tuple[str, Volume, str] | str:
    """An image's name, values and identifier, or why it is withheld: it has no voxels, or a transform bends it."""
    try:
        return node.GetName(), volume_from_node(node), node.GetID()
    except FaceDeidError as problem:
        return _withheld(node.GetName(), problem)


def _followed(leader: Leader, one: tuple[str, Volume, str], alive: Alive) -> FollowedImage | str:
    """What is made of an image (name, values, id of its node), or why it is withheld."""
    name, values, identifier = one
    alive()
    try:
        return leader.follow(*_image_of(values, identifier, name), alive)
    except Cancelled:
        raise
    except FaceDeidError as doubt:
        return _withheld(name, doubt)


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


def _image_of(values: Volume, identifier: str, name: str) -> tuple[CtInput, bool]:
    """An image of the scene, and whether it is a CT in HU."""
    ct = ct_of_values(values, identifier)
    try:
        require_ct(ct.volume, name, ct.outside)
    except InputError:
        return CtInput(values, ct.path, ct.kind), False
    return ct, True


def _withheld(name: str, why: FaceDeidError) -> str:
    return f'"{name}" does not follow: {why}'
