"""torch's global random state: set from whole numbers, and borrowed without a trace."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def seed_from(*words: int) -> None:
    """Set torch's global random state from some numbers, whatever happened before.

    Args:
        words: such as the training's seed, the step, and what tells several uses at the same step apart.
    """
    word = np.random.SeedSequence(words).generate_state(1, np.uint64)
    torch.manual_seed(int(word[0]))


def word_of(name: str) -> int:
    """A name as a number to seed from."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def random_state() -> dict[str, object]:
    """torch's global random state, on every device in use."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


@contextmanager
def borrowed_random_state(*devices: torch.device, seed: int | None = None) -> Iterator[None]:
    """Whatever is drawn here, the state is afterwards what it was before.

    Args:
        devices: those whose state is put back besides the processor's.
        seed: what to begin from; None to go on from where the state is.
    """
    others = sorted({device for device in devices if device.type != "cpu"}, key=str)
    kind = others[0].type if others else "cuda"
    with torch.random.fork_rng(devices=others, device_type=kind):
        if seed is not None:
            torch.manual_seed(seed)
        yield
