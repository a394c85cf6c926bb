"""Image file formats: what a header says, and the voxels that it promises, read from the file's own bytes and no further.

Own readers and not ITK's: those turn NaN of NIfTI into 0, know no units, go where a header sends them, and believe any size.
"""
