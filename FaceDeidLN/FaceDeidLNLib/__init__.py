"""FaceDeidLN: face de-identification of head-and-neck CT that keeps the lymph nodes."""

import sys

__version__ = "0.1.0"

if sys.version_info < (3, 10):  # noqa: UP036  an older Slicer asks no package for its Python
    raise ImportError(f"FaceDeidLN needs Python 3.10 or later, as 3D Slicer 5.10 has; this is {sys.version.split()[0]}.")
