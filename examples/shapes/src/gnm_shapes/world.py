"""The world in numbers: what shapes there are, where they stand, and the rule. Everybody else reads it here."""

from collections.abc import Sequence

KINDS = ("circle", "square", "triangle")
COLOURS = {"red": (1.0, 0.2, 0.2), "yellow": (1.0, 0.9, 0.2), "green": (0.2, 0.9, 0.3), "blue": (0.3, 0.4, 1.0)}
"""Name to (R, G, B), in the order in which they go round."""
QUARTERS = ("top-left", "top-right", "bottom-right", "bottom-left")
"""Clockwise."""

Shape = tuple[str, str]
"""(kind, colour)."""


def broken_by(shapes: Sequence[Shape]) -> str:
    """What is wrong with four shapes, clockwise from the top left; empty where they obey."""
    names = list(COLOURS)
    first = names.index(shapes[0][1])
    for i, (_, colour) in enumerate(shapes):
        expected = names[(first + i) % len(names)]
        if colour != expected:
            return f"{QUARTERS[i]} is {colour}, expected {expected}"
    for i in (0, 1):
        (one, _), (other, _) = shapes[i], shapes[i + 2]
        if one != other:
            return f"{QUARTERS[i + 2]} is a {other}, expected a {one}"
    if shapes[0][0] == shapes[1][0]:
        return f"all four are {shapes[0][0]}s"
    return ""
