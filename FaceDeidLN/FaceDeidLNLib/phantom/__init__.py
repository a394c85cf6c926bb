"""A synthetic head-and-neck CT with known landmarks, lymph nodes and organs.

One file per idea: :mod:`.fields` (signed distances of bodies), :mod:`.frame` (the voxel grid that looks at them),
:mod:`.skin`, :mod:`.bones` and :mod:`.soft` (the anatomy, as lists of bodies), :mod:`.tissue` (painting HU with
partial volume), :mod:`.nodes`, :mod:`.marks` (landmarks), :mod:`.things` (couch, mask, tube, metal, noise),
:mod:`.options`, and :mod:`.head`, which puts it together. No patient's image was used to make it.
"""

from .head import Phantom, make_phantom
from .options import ExtraNode, PhantomOptions

__all__ = ["ExtraNode", "Phantom", "PhantomOptions", "make_phantom"]
