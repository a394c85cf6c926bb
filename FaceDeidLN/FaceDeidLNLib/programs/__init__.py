"""Other people's programs inside Slicer: its own tools as engines, and extensions that segment."""
