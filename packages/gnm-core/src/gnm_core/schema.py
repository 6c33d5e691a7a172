"""What a spec says: its top level, and how a model is trained."""

from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AllowInfNan

from gnm_core.contract import InSteps
from gnm_core.contracts import Data, Default, Logger, Model, Objective, Optimizer
from gnm_core.dims import Dims
from gnm_core.element_names import element_names
from gnm_core.errors import OptionError

SHARED = ("steps", "batch", "train", "freeze", "optimizer", "clip")
"""What a stage that leaves it out takes from all stages' default."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stretch of training. What a stage leaves out, it takes from `Training`."""

    name: str | None = None
    """Name in the progress display and in the metrics; `stage 1` and so on where left out."""
    steps: Annotated[int, Ge(1), Le(10**12), InSteps()] | None = None
    """How many updates this stage makes."""
    batch: Annotated[int, Ge(1), Le(10**6)] | None = None
    """Images in a step, over all processes together."""
    train: tuple[str, ...] | None = None
    """Dotted prefixes of the model's parameters that learn (`encoder`, `core.prior`); empty for all."""
    freeze: tuple[str, ...] | None = None
    """Dotted prefixes of the parameters that do not learn; outweighs `train`."""
    optimizer: tuple[Optimizer, ...] | None = None
    """One optimiser, or several over different parts; built afresh when the stage begins."""
    objective: Objective | None = None
    """An objective for this stage alone, its schedules counting from the stage's start; None for the spec's own."""
    clip: Annotated[float, Gt(0), AllowInfNan()] | None = None
    """Largest gradient norm; larger gradients are scaled down to it; `.inf` for no limit."""
    level: str | None = None
    """One of the model's `levels`, to train that level by itself; None for the whole model."""
    from_: str | None = None
    """A run's folder or a shipped model, whose weights this stage begins with as far as they fit; None for those that
    it finds."""
    only: tuple[str, ...] = ()
    """With `from`: dotted prefixes of what is taken (`encoder`), or is not (`-core.prior`); empty for all that fits."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a model is trained. The stages' fields given here are every stage's defaults.

    `train: {steps: 100000, batch: 32}` is one stage. With `stages`, each of them is one.
    """

    stages: tuple[Stage, ...] = ()
    """Stretches of training, one after the other; empty for a single one."""
    steps: Annotated[int, Ge(1), Le(10**12), InSteps()] = 100_000
    """Updates of a stage."""
    batch: Annotated[int, Ge(1), Le(10**6)] = 32
    """Images in a step, over all processes together."""
    train: tuple[str, ...] = ()
    """Dotted prefixes of the parameters that learn; empty for all."""
    freeze: tuple[str, ...] = ()
    """Dotted prefixes of the parameters that do not."""
    optimizer: tuple[Optimizer, ...] = ()
    """One optimiser, or several over different parts; empty for RMSprop with a learning rate of 1e-4."""
    clip: Annotated[float, Gt(0), AllowInfNan()] = 1.0
    """Largest gradient norm; `.inf` for no limit."""
    seed: Annotated[int, Ge(0), Le(2**63 - 1)] = 0
    """All randomness of a step is a pure function of this and the step."""
    checkpoint_every: Annotated[int, Ge(1), Le(10**12)] = 1000
    """Steps between two checkpoints."""
    keep: Annotated[int, Ge(1), Le(10**12)] = 3
    """Checkpoints kept: the newest ones."""
    picture_every: Annotated[int, Ge(0), Le(10**12)] = 1000
    """Steps between two pictures; 0 for none."""
    levels_every: Annotated[int, Ge(0), Le(10**12)] = 0
    """Steps between two measurements of how many scenes obey their rule, level by level; 0 for none."""
    ema: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Decay of a running average of the weights (`0.999`), with which the model is used; 0 for none."""
    keep_best: str | None = None
    """A metric (`s-acc`) whose best checkpoint is kept beside the newest; measured on validation data."""
    measure_every: Annotated[int, Ge(1), Le(10**12)] = 1000
    """Steps between two measurements of `keep_best`."""
    measure_n: Annotated[int, Ge(1), Le(10**9)] = 250
    """Scenes or images that a measurement of `keep_best` looks at."""
    patience: Annotated[int, Ge(0), Le(10**9)] = 0
    """Measurements of `keep_best` without a new best after which the training ends; 0 for no such end."""
    loggers: tuple[Logger, ...] = ()
    """Where records, measurements and pictures go besides the run's folder."""
    log_every: Annotated[int, Ge(1), Le(10**12)] = 50
    """Steps between two records in the metrics."""
    on_nonfinite: Literal["rollback", "stop"] = "rollback"
    """What happens after a term or a gradient is not finite; the third in a row stops either way."""

    def __post_init__(self) -> None:
        """See that what is said for all stages is taken by one of them.

        Raises:
            OptionError: every stage has its own.
        """
        keys = element_names([stage.name for stage in self.stages])
        for name in SHARED:
            default = next(field.default for field in fields(self) if field.name == name)
            idle = bool(self.stages) and all(getattr(stage, name) is not None for stage in self.stages)
            if idle and getattr(self, name) != default:
                own = ", ".join(f"train.stages.{key}.{name}" for key in keys)
                stop = "; --steps N stops early" if name == "steps" else ""
                raise OptionError(name, f"has no effect, as every stage has its own: {own}{stop}")
        if self.patience and self.keep_best is None:
            raise OptionError("patience", "has no effect without keep_best, the metric that gets no better")
        for key, stage in zip(keys, self.stages, strict=True):
            if stage.only and stage.from_ is None:
                raise OptionError(f"stages.{key}.only", "has no effect without from, whose weights it takes")

    def schedule(self) -> tuple[Stage, ...]:
        """The stages with every field that has a default filled in."""
        return tuple(
            replace(
                stage,
                name=stage.name or f"stage {i}",
                steps=stage.steps or self.steps,
                batch=stage.batch or self.batch,
                train=self.train if stage.train is None else stage.train,
                freeze=self.freeze if stage.freeze is None else stage.freeze,
                optimizer=self.optimizer if stage.optimizer is None else stage.optimizer,
                clip=stage.clip or self.clip,
            )
            for i, stage in enumerate(self.stages or (Stage(),), start=1)
        )


@dataclass(frozen=True, kw_only=True)
class Spec:
    """The top level of a spec file; the checker reads these annotations as it reads a part's constructor."""

    dims: Dims = Dims()  # noqa: RUF009 (frozen)
    """Sizes that parts share."""
    model: Model
    """What is trained."""
    objective: Annotated[Objective, Default("elbo")]
    """What training minimises."""
    data: Data | None = None
    """What it learns from."""
    train: Training = Training()
    """How it learns."""


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """The top level where only a data set is wanted, as `gnm data` does."""

    dims: Dims = Dims()  # noqa: RUF009 (frozen)
    """Sizes that parts share."""
    data: Data
    """The data set."""
