"""Stage 2: the patient: skin, bone, facial landmarks."""
