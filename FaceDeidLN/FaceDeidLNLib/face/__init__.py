"""Stage 3: the closed curve and the face segment."""
