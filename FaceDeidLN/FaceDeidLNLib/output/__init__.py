"""Stage 6: write the result, its certificate and the review material."""
