"""How many layers of a decoder have to grow, for the size that is asked for."""

from math import log2, prod

from gnm_core.errors import OptionError


def check_growth(upscales: tuple[int, ...], before: int, after: int) -> None:
    """Refuse a decoder that does not reach the image.

    Args:
        upscales: growth of each layer.
        before: side of what is decoded.
        after: side of the image.

    Raises:
        OptionError: naming `upscales`, the size that they reach and the size they should.
    """
    if before * prod(upscales) != after:
        raise OptionError(
            "upscales", f"{list(upscales)} grow {before} px to {before * prod(upscales)} px; the image has {after}"
        )


def doublings(before: int, after: int, places: int) -> int:
    """How often `before` pixels double to `after` pixels.

    Raises:
        OptionError: `after` is not reached by doubling, or not with as many layers as may double.
    """
    times = log2(after / before)
    if times != int(times) or not 0 <= times <= places:
        raise OptionError(
            "upscales",
            f"{before} px do not become {after} px by at most {places} doublings; give the growth of each layer",
        )
    return int(times)
