"""Facial landmarks: the network, and what is derived from its findings."""
