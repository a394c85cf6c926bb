"""Attacks on de-identified faces: what a determined reader could still find out. Nothing of the pipeline imports them."""
