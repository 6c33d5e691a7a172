"""Which contracts a part satisfies: those that a slot may name."""

from collections.abc import Iterator

from gnm_core.contract import Contract


def contracts_of(part: type[Contract]) -> Iterator[type[Contract]]:
    """The contracts that a class satisfies, the nearest first; not `Contract` itself, nor classes above other parts."""
    yield from (known for known in part.__mro__[1:] if issubclass(known, Contract) and "kind" in vars(known))
