"""Stage 1: read the CT and the segments to protect."""
