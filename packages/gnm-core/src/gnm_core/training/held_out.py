"""What a training looks at that it does not learn from."""

from gnm_core.contracts import Data
from gnm_core.errors import DataError


def validation_of(data: Data) -> Data | None:
    """The validation split of a data set; None where it has none, or nothing in it."""
    try:
        held_out = data.at("validation")
        return held_out if len(held_out) else None  # some look into their files only now
    except DataError:
        return None
