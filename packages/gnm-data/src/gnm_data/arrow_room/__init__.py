"""Arrow Room: three objects in a room and an arrow that points at the odd one out."""
