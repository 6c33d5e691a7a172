"""The three parts of a data set."""

from typing import Literal, get_args

from gnm_core.errors import OptionError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


def checked_split(split: str) -> Split:
    """`split` itself, if there is such a split.

    Raises:
        OptionError: there is none of that name.
    """
    if split not in SPLITS:
        raise OptionError("split", f"{split!r} is not a split; choose one of {', '.join(SPLITS)}")
    return split
