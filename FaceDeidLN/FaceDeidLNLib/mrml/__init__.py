"""The border to MRML: nodes in, nodes out."""
