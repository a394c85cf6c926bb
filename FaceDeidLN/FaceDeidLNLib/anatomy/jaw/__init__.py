"""The jaw and the hyoid: the mandible, its own grid and landmarks."""
