"""What the Sample Data module of Slicer offers: the synthetic head, computed here, and a head that Slicer itself distributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CATEGORY = "FaceDeidLN"
PHANTOM_NAME = "FaceDeidLNPhantom"
#: The CT of Slicer's own sample CTMRBrain, by reference: name, file, node, SHA-256.
HEAD_NAME, _HEAD_FILE, _HEAD_NODE = "FaceDeidLNHead", "CT-brain.nrrd", "CTBrain"
_HEAD_SHA256 = "6a5b6caccb76576a863beb095e3bfb910c50ca78f4c9bf043aa42f976cfa53d1"


def register(logic: Any, icon: str, title: str, load_phantom: Callable[..., Any], data_url: str) -> None:  # noqa: ANN401
    """Register both with ``SampleData.SampleDataLogic``; ``data_url`` is where Slicer keeps its sample data, by SHA-256."""
    if hasattr(logic, "registerCustomSampleDataCategory"):  # Slicer 5.12 and later
        logic.registerCustomSampleDataCategory(CATEGORY, title=title)
    logic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=PHANTOM_NAME,
        thumbnailFileName=icon,
        uris="",
        fileNames=f"{PHANTOM_NAME}.nrrd",
        nodeNames=PHANTOM_NAME,
        customDownloader=load_phantom,
    )
    logic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=HEAD_NAME,
        thumbnailFileName=icon,
        uris=f"{data_url}SHA256/{_HEAD_SHA256}",
        fileNames=_HEAD_FILE,
        nodeNames=_HEAD_NODE,
        checksums=f"SHA256:{_HEAD_SHA256}",
    )
