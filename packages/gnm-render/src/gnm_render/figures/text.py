"""Short texts on figures."""

from functools import cache

from PIL import ImageDraw, ImageFont

from gnm_render.figures.palette import Colour


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, which needs no files."""
    return ImageFont.load_default(size)


def wrap(text: str, width: float, size: int) -> list[str]:
    """The lines of a text that is `width` pixels wide at most; a longer word stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(size).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def tag(draw: ImageDraw.ImageDraw, text: str, at: tuple[float, float], colour: Colour, size: int) -> None:
    """A text on a patch of colour whose top left corner is `at`, moved inside the picture where it would stick out."""
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font(size))
    width, height = right - left + 6, bottom - top + 4
    x = min(max(at[0], 0), draw.im.size[0] - width)
    y = min(max(at[1], 0), draw.im.size[1] - height)
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill=colour)
    draw.text((x + 3 - left, y + 2 - top), text, fill=(0, 0, 0), font=font(size))
