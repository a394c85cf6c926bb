"""Documents that lead to instances which are not released, and objects whose end is missing."""

from __future__ import annotations

import pytest
from FaceDeidLNLib.study.documents import judged
from FaceDeidLNLib.study.family import DoubtError
from FaceDeidLNLib.study.outcome import Outcome
from FaceDeidLNLib.study.references import close_references
from FaceDeidLNLib.study.rtstruct import _require_listed
from header_objects import item, small

PRESENTATION, KEY_OBJECTS, REPORT = (f"1.2.840.10008.5.1.4.1.1.{root}" for root in ("11.1", "88.59", "88.33"))


def images(*uids):
    """References to images."""
    return [item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=uid) for uid in uids]


@pytest.mark.parametrize("keyword", ["GraphicAnnotationSequence", "DisplayedAreaSelectionSequence", "SoftcopyVOILUTSequence"])
def test_what_was_meant_for_withheld_images_is_not_shown_on_others(keyword):
    parts = [
        item(GraphicLayer="A", ReferencedImageSequence=images("1.2", "1.3")),
        item(GraphicLayer="B", ReferencedImageSequence=images("1.3")),
    ]
    state = small(PRESENTATION, **{keyword: [*parts, item(GraphicLayer="ALL")]})
    close_references(state, frozenset({"1.2"}))
    assert [one.GraphicLayer for one in state[keyword].value] == ["A", "ALL"]


def test_a_frame_that_names_withheld_images_stays():
    whole = small(PerFrameFunctionalGroupsSequence=[item(StackID="1", ReferencedImageSequence=images("1.3"))])
    close_references(whole, frozenset({"1.2"}))
    assert len(whole.PerFrameFunctionalGroupsSequence) == 1


@pytest.mark.parametrize("sop_class", [KEY_OBJECTS, REPORT])
def test_a_report_that_was_cut_before_its_content_is_a_doubt(sop_class):
    assert judged(small(sop_class, ContentSequence=[item(ValueType="TEXT")])).outcome is Outcome.KEEP
    assert judged(small(sop_class, ValueType="CONTAINER")).doubtful


def test_a_structure_set_that_was_cut_before_its_contours_is_a_doubt():
    with pytest.raises(DoubtError, match="contours of its structures are missing"):
        _require_listed(small(StructureSetROISequence=[item(ROINumber=1)]))
