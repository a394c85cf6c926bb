"""Other programs' segmentations and landmarks, which make the node levels better: always optional, never downloaded here."""
