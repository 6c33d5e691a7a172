"""Which parameters a stage trains, and which optimiser updates each."""

from collections.abc import Iterable, Mapping, Sequence

from torch import nn

from gnm_core.contracts import Optimizer
from gnm_core.errors import Problem, SpecError
from gnm_core.schema import Stage
from gnm_core.suggestions import did_you_mean


def under(name: str, prefix: str) -> bool:
    """Whether the parameter `name` lies under the dotted `prefix`."""
    return name == prefix or name.startswith(prefix + ".")


def select(
    parameters: Mapping[str, nn.Parameter], stage: Stage, optimizers: Sequence[Optimizer]
) -> list[dict[str, nn.Parameter]]:
    """The parameters that each of `optimizers` updates in `stage`, by name; frozen ones are left out.

    Args:
        parameters: the model's, by dotted name.
        stage: says what trains and what is frozen.
        optimizers: say which parts they update.

    Raises:
        SpecError: a prefix names nothing in the model, a parameter is named twice or not at all, or nothing learns.
    """
    problems = [
        *unknown_prefixes("train.train", stage.train or (), parameters),
        *unknown_prefixes("train.freeze", stage.freeze or (), parameters),
        *(
            problem
            for optimizer in optimizers
            for problem in unknown_prefixes("train.optimizer", optimizer.parts, parameters)
        ),
    ]
    if problems:
        raise SpecError(problems)
    learning = {
        name: parameter
        for name, parameter in parameters.items()
        if (not stage.train or any(under(name, prefix) for prefix in stage.train))
        and not any(under(name, prefix) for prefix in stage.freeze or ())
    }
    if not learning:
        raise SpecError([Problem(f"{stage.name}: no parameter learns; everything is frozen", "train")])
    return _assign(learning, stage, optimizers)


def _assign(
    learning: Mapping[str, nn.Parameter], stage: Stage, optimizers: Sequence[Optimizer]
) -> list[dict[str, nn.Parameter]]:
    rest = [i for i, optimizer in enumerate(optimizers) if not optimizer.parts]
    if len(rest) > 1:
        raise SpecError([Problem(f"{stage.name}: only one optimiser can do without `parts`", "train.optimizer")])
    groups: list[dict[str, nn.Parameter]] = [{} for _ in optimizers]
    for name, parameter in learning.items():
        owners = [i for i, o in enumerate(optimizers) if any(under(name, prefix) for prefix in o.parts)] or rest
        if len(owners) != 1:
            problem = "several optimisers name" if owners else "no optimiser names"
            raise SpecError([Problem(f"{stage.name}: {problem} {name}", "train.optimizer", hint="see their `parts`")])
        groups[owners[0]][name] = parameter
    for optimizer, group in zip(optimizers, groups, strict=True):
        if not group:
            what = ", ".join(optimizer.parts) or "all that is left"
            raise SpecError([Problem(f"{stage.name}: an optimiser has nothing to do ({what})", "train.optimizer")])
    return groups


def unknown_prefixes(path: str, prefixes: Iterable[str], parameters: Iterable[str]) -> list[Problem]:
    """One problem for each dotted prefix that no parameter lies under.

    Args:
        path: what names them: an option of the spec or of the command line.
        prefixes: dotted.
        parameters: the model's names.
    """
    known = sorted({name.rsplit(".", i)[0] for name in parameters for i in range(name.count(".") + 1)})
    return [
        Problem(
            f"the model has no parameters under '{prefix}'",
            path,
            hint=did_you_mean(prefix, known) or f"it has: {', '.join(name for name in known if '.' not in name)}",
        )
        for prefix in prefixes
        if prefix not in known
    ]
