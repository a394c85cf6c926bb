"""A batch whose cases wait for a person: what the tests of the work list share."""

from __future__ import annotations

from FaceDeidLNLib.core.segment import tight
from FaceDeidLNLib.input.case import CtInput
from FaceDeidLNLib.output.images import write_image
from FaceDeidLNLib.output.markups import write_landmarks_json
from FaceDeidLNLib.output.segments import write_segments
from FaceDeidLNLib.output.worklist import WorkItem, write_worklist
from person import phantom, phantom_case


def waiting_batch(root, names, reasons="stomion is uncertain", **more):
    """Write a batch into ``root`` whose cases are all the phantom, and wait; gives the folder of its results.

    ``more`` are further columns of its list.
    """
    results, ct, nodes = root / "results", root / "head.nrrd", root / "nodes.seg.nrrd"
    results.mkdir()
    write_image(CtInput(phantom().ct, root / "scanner", "node"), phantom().ct, ct)
    write_segments(nodes, [tight(segment.name, segment.mask.array) for segment in phantom().nodes], phantom().ct)
    write_landmarks_json(root / "landmarks.mrk.json", phantom_case().landmarks)
    items = [WorkItem(name, ct, results / f"{name}.nrrd", "REVIEW", reasons, root, (nodes,), **more) for name in names]
    write_worklist(items, root / "results-worklist.csv")
    return results
