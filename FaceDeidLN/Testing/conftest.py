"""What holds before any test loads numpy."""

from __future__ import annotations

import os

# As the command line has it (commands/main.py): many small products in threads of their own wait for each other's helpers.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
