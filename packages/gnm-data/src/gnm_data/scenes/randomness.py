"""Random numbers for whole batches at once, each image's own whatever batch it is in."""

import zlib

import numpy as np

_STRIDE = 0x9E3779B97F4A7C15


class Randomness:
    """Numbers that are a pure function of (key, image, stream, place): SplitMix64, run by counter.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.

    Args:
        key: what the data set is called, its seed, its split, ...; joined as text.
    """

    def __init__(self, *key: object) -> None:
        text = "/".join(map(str, key)).encode()
        self._key = np.uint64(zlib.crc32(text) << 32 | zlib.crc32(text[::-1]))

    def bits(self, images: np.ndarray, stream: int, count: int) -> np.ndarray:
        """(B,) indices of images → (B, count) uint64: the first `count` numbers of one stream of each."""
        image = _mix(self._key + (images.astype(np.uint64) + np.uint64(1)) * np.uint64(_STRIDE))
        start = _mix(image + np.uint64((stream + 1) * _STRIDE % 2**64))
        return _mix(start[:, None] + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_STRIDE))

    def below(self, limit: int | np.ndarray, images: np.ndarray, stream: int, count: int) -> np.ndarray:
        """(B, count) int64, uniform over 0 to `limit` - 1; `limit` under 2^31 broadcasts to (B, count)."""
        return scaled(self.bits(images, stream, count), limit)


def scaled(bits: np.ndarray, limit: int | np.ndarray) -> np.ndarray:
    """uint64 bits → int64, uniform over 0 to `limit` - 1, `limit` under 2^31."""
    return ((bits >> np.uint64(32)) * np.asarray(limit, np.uint64) >> np.uint64(32)).astype(np.int64)


def _mix(state: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser: every bit of the input stirs every bit of the output."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state
