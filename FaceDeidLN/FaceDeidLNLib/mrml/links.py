"""What belongs to which CT: node references from the CT's node, which a scene file keeps."""

from __future__ import annotations

import slicer

#: What a CT may have: what the user chose or corrected, what was made of it, and the last result.
ROLES = ("protected", "landmarks", "curve", "face", "kept", "skin", "result")
_PREFIX = "FaceDeidLN."
#: Reference of an image to the CT whose face it gets, and of what was made of it to that CT's result: nodes that belong to others.
FOLLOWS, LEADER = f"{_PREFIX}follows", f"{_PREFIX}leader"
#: How the roles begin by which a volume knows the skins that were made of it to look at.
SKIN_PREFIX = f"{_PREFIX}skin."


def link(ct: slicer.vtkMRMLVolumeNode, role: str, node: slicer.vtkMRMLNode | None) -> None:
    """Remember a node as the CT's own in one of ``ROLES``; None forgets it. A KeyError names a role that there is not."""
    if role not in ROLES:
        raise KeyError(role)
    ct.SetNodeReferenceID(_PREFIX + role, None if node is None else node.GetID())


def linked(ct: slicer.vtkMRMLVolumeNode | None, role: str) -> slicer.vtkMRMLNode | None:
    """The CT's own node in one of ``ROLES``; None where there is none (any more)."""
    if role not in ROLES:
        raise KeyError(role)
    return None if ct is None else ct.GetNodeReference(_PREFIX + role)


def references_of(node: slicer.vtkMRMLNode) -> dict[str, str]:
    """The nodes that this project made a node refer to: ids by role."""
    roles = [node.GetNthNodeReferenceRole(n) for n in range(node.GetNumberOfNodeReferenceRoles())]
    found = {role: node.GetNodeReferenceID(role) for role in roles if role.startswith(_PREFIX)}
    return {role: identifier for role, identifier in found.items() if identifier}
