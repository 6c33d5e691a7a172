"""SPACE: objects in front of a background of segments."""
