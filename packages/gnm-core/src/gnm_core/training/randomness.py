"""All randomness of a step as a pure function of the seed and the step."""

import numpy as np
import torch


def seed_step(seed: int, step: int, *stream: int) -> None:
    """Set torch's global random state from (`seed`, `step`), whatever happened before.

    Args:
        seed: the training's seed.
        step: the step.
        stream: tells several uses at the same step apart, such as the rank of a process.
    """
    word = np.random.SeedSequence((seed, step, *stream)).generate_state(1, np.uint64)
    torch.manual_seed(int(word[0]))


def random_state() -> dict[str, object]:
    """torch's global random state, on every device in use."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }
