"""PNG files put so that Pillow reads all of them, and reads them right."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""Chunks of text, and the colour profile: not needed, and refused by Pillow above a megabyte."""
_ABOUT_ORIENTATION = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")
"""The texts that may say how a picture lies."""
_GREY, _RGB = 0, 2
"""Colour types whose transparency is one value of a pixel."""


def readable(data: bytes) -> bytes:
    """The same picture without its texts, and with its transparent value as deep as the pixels that Pillow makes.

    Pillow brings grey of 2 and 4 bits and colours of 16 bits to 8 bits, but leaves the transparent value as it was.

    Args:
        data: a file that starts with `SIGNATURE`; broken ones stay as broken as they are.
    """
    kept, depth, colour = [SIGNATURE], 0, 0
    for kind, content, chunk in _chunks(data):
        if kind == b"IHDR" and len(content) == 13:
            depth, colour = content[8], content[9]
        if kind in _TEXTS and not content.startswith(_ABOUT_ORIENTATION):
            continue
        kept.append(_chunk(kind, _scaled(content, depth, colour)) if kind == b"tRNS" else chunk)
    return b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, content and the whole of each chunk; what cannot be told apart comes as one at the end."""
    at = len(SIGNATURE)
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : end - 4], data[at:end]
        at = end


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _scaled(content: bytes, depth: int, colour: int) -> bytes:
    """The content of `tRNS`."""
    if not ((colour == _GREY and depth in (2, 4)) or (colour == _RGB and depth == 16)) or len(content) % 2:
        return content
    values = struct.unpack(f">{len(content) // 2}H", content)
    brought = [value >> 8 if depth == 16 else value * 255 // (2**depth - 1) for value in values]
    return struct.pack(f">{len(brought)}H", *(min(value, 255) for value in brought))
