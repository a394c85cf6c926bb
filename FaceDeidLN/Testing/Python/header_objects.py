"""Small objects for tests of headers."""

from __future__ import annotations

import io

import pydicom
from canaries import with_meta
from pydicom.dataset import Dataset


def small(sop_class: str = "1.2.840.10008.5.1.4.1.1.2", **values: object) -> Dataset:
    """A data set with what a scanner writes, little of it."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, "1.2.3.4"
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = "Mustermann^Erika", "2172/75", "20200131"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return with_meta(dataset)


def item(**values: object) -> Dataset:
    """An item of a sequence."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def bytes_of(dataset: Dataset) -> bytes:
    """The file of a data set."""
    target = io.BytesIO()
    pydicom.dcmwrite(target, dataset, enforce_file_format=True)
    return target.getvalue()
