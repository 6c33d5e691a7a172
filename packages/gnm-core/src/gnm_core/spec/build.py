"""A checked tree to objects. On torch's meta device this costs nothing, and finds what only constructors know."""

from collections.abc import Callable

import torch
from torch import nn

from gnm_core.dims import Dims
from gnm_core.errors import DataError, GnmError, OptionError, Problem, SpecError
from gnm_core.failures import Owner, mark
from gnm_core.isolation import plugin_code
from gnm_core.printable import said_by
from gnm_core.randomness import borrowed_random_state
from gnm_core.spec.annotations import arguments_of
from gnm_core.spec.tree import Broken, Checked, Leaf, Listing, Named, PartNode, join


class Builder:
    """Builds trees bottom-up, notes every constructor's refusal and goes on with the rest.

    Args:
        dims: sizes for the parts that ask for them; None where they have problems themselves.
        sizes: where the spec gives them, for complaints about them.
    """

    def __init__(self, dims: Dims | None, sizes: PartNode | None = None) -> None:
        self.dims, self.sizes = dims, sizes
        self.problems: list[Problem] = []
        self.built: dict[str, object] = {}
        """The object of each registered part, by path."""

    def build(self, tree: Checked) -> object:
        """The object; `Broken` where it could not be built."""
        match tree:
            case Leaf(value=value):
                return value
            case Listing():
                items = tuple(self.build(item) for item in tree.items)
                return Broken() if any(isinstance(item, Broken) for item in items) else items
            case Named():
                table = {key: self.build(item) for key, item in tree.items.items()}
                return Broken() if any(isinstance(item, Broken) for item in table.values()) else table
            case PartNode():
                return self._part(tree)
        return tree

    def _part(self, part: PartNode) -> object:
        arguments = {name: self.build(item) for name, item in part.arguments.items()}
        if part.dims is not None:
            arguments[part.dims] = self.dims if self.dims is not None else Broken()
        if any(isinstance(value, Broken) for value in arguments.values()):
            return Broken()
        try:
            make: Callable[..., object] = part.cls
            with plugin_code():
                built = self._made(make, arguments)
        except OptionError as error:
            self._option_problem(part, error)
        except DataError:
            raise  # no fault of the spec: the files may be elsewhere
        except GnmError as error:
            self._note(part, str(error))
        except KeyboardInterrupt:
            raise
        # Anything else, SystemExit included, is a bug of the part, or an option that it did not check: name the part.
        except BaseException as error:
            owner = f" (of {part.entry.provider})" if part.entry else ""
            self._note(part, f"cannot be built{owner}: {said_by(error)}", _advice(error))
        else:
            if part.entry:
                self.built[part.path] = built
                mark(built, Owner(f"{part.entry.kind} '{part.entry.name}'", part.entry.provider, _standing(part)))
            return built
        return Broken()

    def _made(self, make: Callable[..., object], arguments: dict[str, object]) -> object:
        """The part; one that computes in its constructor, which the meta device cannot, is built on the processor."""
        try:
            return make(**arguments)
        except GnmError:
            raise
        except Exception as error:
            if torch.empty(0).device.type != "meta":
                raise
            try:
                with torch.device("cpu"), borrowed_random_state():
                    built = make(**arguments)
            except GnmError:
                raise
            except Exception as on_cpu:
                # What goes wrong there as well is the part's own fault, and the one to show.
                raise on_cpu from (None if said_by(on_cpu) == said_by(error) else error)
            return built.to("meta") if isinstance(built, nn.Module) else built

    def _option_problem(self, part: PartNode, error: OptionError) -> None:
        """Put the constructor's complaint where the option stands, or where the part does."""
        head, _, tail = error.option.partition(".")
        names = {argument.key: argument.name for argument in arguments_of(part.cls).values()}
        if part.entry and head == "dims" and part.dims is not None:
            place = self.sizes.places.get(tail, self.sizes.place) if self.sizes else part.place
            message = f"{error.reason} (says {part.entry.kind} '{part.entry.name}' at {part.path})"
            self.problems.append(Problem(message, error.option, place.line, place.column, place.source))
        elif head in names or head in names.values():
            name = names.get(head, head)
            place = part.places.get(name, part.place)
            path = join(part.path, name) + (f".{tail}" if tail else "")
            self.problems.append(Problem(error.reason, path, place.line, place.column, place.source))
        else:
            self._note(part, str(error))

    def _note(self, part: PartNode, message: str, hint: str | None = None) -> None:
        place = part.place
        self.problems.append(Problem(message, part.path, place.line, place.column, place.source, hint))


def _advice(error: BaseException) -> str | None:
    """What to do about a constructor that needs values where there are none."""
    if isinstance(error, GnmError) or "meta" not in said_by(error).lower() or torch.empty(0).device.type != "meta":
        return None
    return (
        "gnm builds every part on torch's meta device first, where tensors have sizes but no values: in a constructor "
        "compute with numpy, or under `torch.device('cpu')`, and move what comes out to torch.get_default_device()"
    )


def _standing(part: PartNode) -> str:
    """`spec.yaml:3:5: model.encoder`."""
    where = ":".join(str(p) for p in (part.place.source, part.place.line, part.place.column) if p is not None)
    return f"{where}: {part.path}" if where else part.path


def build(tree: Checked, dims: Dims) -> object:
    """The object that a tree without problems describes.

    Raises:
        SpecError: constructors refused; all problems at once.
        DataError: a data set's files are missing or broken.
    """
    builder = Builder(dims)
    built = builder.build(tree)
    if builder.problems:
        raise SpecError(builder.problems)
    return built
