"""Stage 5: proof of what changed and what did not."""
