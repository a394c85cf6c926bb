"""The panel of the Slicer module: the one folder that knows Qt."""
