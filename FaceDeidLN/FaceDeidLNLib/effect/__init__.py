"""Stage 4: what is done to the face segment."""
