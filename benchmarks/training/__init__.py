"""Training of the landmark networks; needs PyTorch."""
