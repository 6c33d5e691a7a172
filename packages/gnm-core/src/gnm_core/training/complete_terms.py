"""What a model answers: one number an image, of every term."""

from torch import Tensor

from gnm_core.contracts import Model
from gnm_core.errors import PartError
from gnm_core.failures import owner_of_part
from gnm_core.printable import short
from gnm_core.results import Terms


def require_complete(terms: object, images: int, model: Model) -> None:
    """See that every term has one number an image; a mean would hide that some are missing.

    Raises:
        PartError: one has another shape.
    """
    if not isinstance(terms, Terms):
        whose = owner_of_part(model) or type(model).__name__
        raise PartError(f"{whose}: returns {type(terms).__name__}, expected Terms")
    named = {"log_likelihood": terms.log_likelihood}
    named |= {f"kl.{name}": value for name, value in terms.kl.items()}
    named |= {f"auxiliary.{name}": value for name, value in terms.auxiliary.items()}
    for name, value in named.items():
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        if shape != (images,):
            whose = owner_of_part(model) or type(model).__name__
            raise PartError(
                f"{whose}: term '{short(name)}' has shape {shape}; expected (B,) = ({images},): "
                "one of its parts answers for fewer or more images than it was given"
            )
