"""What belongs to which CT: node references from the CT's node, which a scene file keeps."""

from __future__ import annotations

import slicer

#: What a CT may have: what the user chose or corrected, what was made of it, and the last result.
ROLES = ("protected", "landmarks", "curve", "face", "kept", "skin", "result")
_PREFIX = "FaceDeidLN."
_OF_A_CT = frozenset(_PREFIX + role for role in ROLES)
#: Reference of an image to the CT whose face it gets, and of what was made of it to that CT's result: nodes that belong to others.
FOLLOWS, LEADER = f"{_PREFIX}follows", f"{_PREFIX}leader"
#: How the roles begin by which a volume knows the skins that were made of it to look at.
SKIN_PREFIX = f"{_PREFIX}skin."
#: Reference of a result to its certificate.
CERTIFICATE = f"{_PREFIX}certificate"
#: Reference of a CT or a result to itself. A clone has it, too, to the node that it was cloned from: what it refers to is not its own.
SELF = f"{_PREFIX}self"
#: Attribute of a node that has had that reference; one without it is of an older scene, whose references are taken as they are.
_CLAIMED = "FaceDeidLN.Claimed"
#: What a clone shares with its original: the user's choice, which nothing of this module is written into.
_SHARED = (f"{_PREFIX}protected",)


def is_own(node: slicer.vtkMRMLNode) -> bool:
    """Does what a node refers to belong to it? Not where it was copied with it from another node."""
    return not node.GetAttribute(_CLAIMED) or node.GetNodeReferenceID(SELF) == node.GetID()


def claim(node: slicer.vtkMRMLNode) -> None:
    """Note that what a node refers to belongs to it from now on; it forgets what was copied with it from another node."""
    if node.GetNodeReferenceID(SELF) == node.GetID():
        return
    for role in () if is_own(node) else references_of(node):
        if role == CERTIFICATE or role.startswith(SKIN_PREFIX) or (role in _OF_A_CT and role not in _SHARED):
            node.SetNodeReferenceID(role, None)
    node.SetAttribute(_CLAIMED, "1")
    node.SetNodeReferenceID(SELF, node.GetID())


def own(node: slicer.vtkMRMLNode, role: str) -> slicer.vtkMRMLNode | None:
    """What a node refers to under a role, where that belongs to it."""
    return node.GetNodeReference(role) if is_own(node) or role in _SHARED else None


def link(ct: slicer.vtkMRMLVolumeNode, role: str, node: slicer.vtkMRMLNode | None) -> None:
    """Remember a node as the CT's own in one of ``ROLES``; None forgets it. A KeyError names a role that there is not."""
    if role not in ROLES:
        raise KeyError(role)
    claim(ct)
    ct.SetNodeReferenceID(_PREFIX + role, None if node is None else node.GetID())


def linked(ct: slicer.vtkMRMLVolumeNode | None, role: str) -> slicer.vtkMRMLNode | None:
    """The CT's own node in one of ``ROLES``; None where there is none (any more), or where the CT is a clone and it is the original's."""
    if role not in ROLES:
        raise KeyError(role)
    return None if ct is None else own(ct, _PREFIX + role)


def references_of(node: slicer.vtkMRMLNode) -> dict[str, str]:
    """The nodes that this project made a node refer to: ids by role."""
    roles = [node.GetNthNodeReferenceRole(n) for n in range(node.GetNumberOfNodeReferenceRoles())]
    found = {role: node.GetNodeReferenceID(role) for role in roles if role.startswith(_PREFIX)}
    return {role: identifier for role, identifier in found.items() if identifier}
