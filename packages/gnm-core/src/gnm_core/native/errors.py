"""Why there is no compiled code."""


class Unavailable(Exception):
    """There can be none here; the text says why."""
