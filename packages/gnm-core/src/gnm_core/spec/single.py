"""One part by its name, without a spec around it."""

from collections.abc import Iterable
from typing import TypeVar

from gnm_core.contracts import Contract
from gnm_core.dims import Dims
from gnm_core.errors import SpecError
from gnm_core.plugins import installed
from gnm_core.registry import Registry
from gnm_core.spec.build import build
from gnm_core.spec.checker import Checker
from gnm_core.spec.nodes import Node, Scalar, Table, node_of
from gnm_core.spec.overrides import override
from gnm_core.spec.tree import Checked

Part = TypeVar("Part", bound=Contract)


def build_part(
    contract: type[Part], name: str, dims: Dims, overrides: Iterable[str] = (), registry: Registry | None = None
) -> Part:
    """The part that is registered under a name.

    Args:
        contract: what it must satisfy.
        name: its registered name.
        dims: sizes, for a part that asks for them.
        overrides: options, as `figure.rows=4`: each begins with the contract's kind.
        registry: where the name is looked up; the installed plugins by default.

    Raises:
        SpecError: there is no such part, or an option is wrong; all problems at once.
    """
    root = Table({contract.kind: Scalar(name)})
    override(root, overrides)
    part = build(checked_part(contract, root.nodes[contract.kind], registry), dims)
    assert isinstance(part, contract)
    return part


def checked_part(contract: type[Contract], said: Node | object, registry: Registry | None = None) -> Checked:
    """What a spec says in a slot, checked.

    Args:
        contract: of the slot.
        said: a name, or a mapping with `use` and options.
        registry: where names are looked up; the installed plugins by default.

    Raises:
        SpecError: all problems at once.
    """
    checker = Checker(installed() if registry is None else registry)
    node = said if isinstance(said, Node) else node_of(said)
    tree = checker.check(contract, node, contract.kind)
    if checker.problems:
        raise SpecError(checker.problems)
    return tree
