"""The module's steps on the nodes of a scene."""
