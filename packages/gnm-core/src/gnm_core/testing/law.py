"""Laws: what must hold of every part under a contract, each a function of a bench that has the part on it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gnm_core.contract import Contract
from gnm_core.plugins import installed
from gnm_core.references import resolve_module
from gnm_core.testing.bench import Bench
from gnm_core.testing.experiments import experiment_of

Rule = Callable[[Bench], None]


@dataclass(frozen=True)
class Law:
    """One law of a contract."""

    contract: type[Contract]
    """It holds of every part under this contract."""
    name: str
    """Such as `each-image-alone`."""
    rule: Rule
    """Raises `ConformanceError` where the part breaks it, `NotHere` where it says nothing about the part."""


LAWS: list[Law] = []
"""All of them, in the order in which they are tried."""
OF_MAPS: list[Rule] = []
"""Laws of every kind that there is an `Experiment` for, one's own included."""


def law(*contracts: type[Contract]) -> Callable[[Rule], Rule]:
    """Makes a function of a `Bench` a law of some contracts, one's own included; its name is the law's.

    A package that brings a kind of part names the module with its laws at the hook: `register.laws("my_package.laws")`.
    """

    def add(rule: Rule) -> Rule:
        for contract in contracts:
            name = _name_of(rule)
            LAWS[:] = [known for known in LAWS if (known.contract, known.name) != (contract, name)]
            LAWS.append(Law(contract, name, rule))
        return rule

    return add


def every_map(rule: Rule) -> Rule:
    """Makes a function a law of every kind that maps a batch of something to a batch of something."""
    OF_MAPS.append(rule)
    return rule


def laws_of(contract: type[Contract]) -> Iterator[Law]:
    """The laws of a contract and of those above it; imports the modules that plugins name."""
    from gnm_core.testing import laws as _built_in  # noqa: F401

    for module, provider in installed().law_modules:
        resolve_module(module, f"laws of {provider}")
    mine = [known for known in LAWS if issubclass(contract, known.contract)]
    yield from (known for known in mine if known.contract is Contract)  # what holds of every part first
    if experiment_of(contract) is not None:
        yield from (Law(contract, _name_of(rule), rule) for rule in OF_MAPS)
    yield from (known for known in mine if known.contract is not Contract)


def _name_of(rule: Rule) -> str:
    return rule.__name__.replace("_", "-")
