"""Whose a node is, as Slicer's subject hierarchy says: the patient under whom a DICOM import, or the user, has put it."""

from __future__ import annotations

import slicer

#: So begins what Slicer makes up for a study whose patient has no ID: one patient has several of these.
_MADE_UP = "Patient-"
#: It is looked for by its class: a scene that is asked for its hierarchy makes one where it has none.
_HIERARCHY = "vtkMRMLSubjectHierarchyNode"


def patient_of(node: slicer.vtkMRMLNode) -> str:
    """The ID of the patient above a node of a scene; empty where there is none."""
    hierarchy, terms = node.GetScene().GetFirstNodeByClass(_HIERARCHY), slicer.vtkMRMLSubjectHierarchyConstants
    item = 0 if hierarchy is None else hierarchy.GetItemByDataNode(node)
    patient = hierarchy.GetItemAncestorAtLevel(item, terms.GetDICOMLevelPatient()) if item else 0
    identifier = hierarchy.GetItemUID(patient, terms.GetDICOMUIDName()) if patient else ""
    return "" if identifier.startswith(_MADE_UP) else identifier
