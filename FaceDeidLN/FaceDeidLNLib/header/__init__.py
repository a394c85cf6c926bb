"""DICOM headers: what is done to names, dates, UIDs and texts before an object leaves."""
