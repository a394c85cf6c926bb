"""A REVIEW is signed off as it was judged: where something is other since, there is another thing to look at."""

from __future__ import annotations

import slicer

from ..mrml.scene import SceneContext
from ..mrml.since import require_as_judged
from ..mrml.verdicts import require_verdict, sign_off
from ..verify.verdict import Verdict
from .keywords import result_of, text


def sign_off_as_judged(context: SceneContext, resultNode: slicer.vtkMRMLScalarVolumeNode, remark: str) -> None:
    """As ``sign_off``. Raises InputError, too, where the CT or a segment that is to stay was changed after the verdict."""
    result, words = result_of(resultNode), text("remark", remark)
    stored = require_verdict(result)
    if stored.verdict == Verdict.REVIEW.value:
        require_as_judged(result, stored)
    sign_off(context, result, words)
