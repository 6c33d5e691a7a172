"""The kinds of part: what each takes and returns, with shapes and units, stated here, once.

A constructor argument annotated with one of these classes is a *slot*: a spec nests a part there.
`Annotated[Encoder, Default("conv")]` names the part that the composer takes when a spec leaves the slot out.
A constructor argument annotated with `Dims` is given the spec's sizes. Every other argument is a plain option:
its annotation is its type and, through `annotated_types`, its range.

Shapes: B images, C channels, H = W pixels, G cells a side, E feature channels, L drawing steps of S numbers.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from gnm_core.completion import interpolate
from gnm_core.contract import Contract as Contract  # noqa: PLC0414 (found here as well)
from gnm_core.contract import Default as Default  # noqa: PLC0414 (found here as well)
from gnm_core.contract import InSteps as InSteps  # noqa: PLC0414 (found here as well)
from gnm_core.contract import Recorded as Recorded  # noqa: PLC0414 (found here as well)
from gnm_core.data_contracts import Data as Data  # noqa: PLC0414 (found here as well)
from gnm_core.data_contracts import Figure as Figure  # noqa: PLC0414 (found here as well)
from gnm_core.data_contracts import Judge as Judge  # noqa: PLC0414 (found here as well)
from gnm_core.deprecated import renamed_names
from gnm_core.dims import Dims
from gnm_core.images import checked, counted
from gnm_core.latents import SymbolicLatents
from gnm_core.results import (
    Components,
    Drawing,
    Loss,
    Objects,
    Rendering,
    Scene,
    Terms,
)


class Encoder(Contract, nn.Module):
    """image → features."""

    kind = "encoder"
    describes = "image to feature map"

    @abstractmethod
    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] → (B, E, G, G)."""


class GlimpseEncoder(Contract, nn.Module):
    """Crop of a box → what it adds to the features of its cell."""

    kind = "glimpse-encoder"
    describes = "crop of one box to features"

    size: int
    """Side of the crop, in pixels."""

    @abstractmethod
    def forward(self, glimpse: Tensor) -> Tensor:
        """(N, C, size, size) in [0, 1] → (N, E)."""


class BackgroundEncoder(Contract, nn.Module):
    """Image around the objects → q(z^b | x, z^pres, z^where), or q(z^b | x, z^s)."""

    kind = "background-encoder"
    describes = "picture around the objects to the posterior of z^b"

    past: str = "boxes"
    """What the picture is read past: the `boxes` of objects that are there, or their `masks`."""

    @abstractmethod
    def forward(self, image: Tensor, cover: Tensor) -> Tensor:
        """What lies behind the objects.

        Args:
            image: (B, C, H, W) in [0, 1].
            cover: (B, 1, H, W) in [0, 1]: how much of a pixel lies in the boxes, or behind the masks, of objects that
                are there.

        Returns:
            (B, 2 Z): means, then standard deviations before their softplus.
        """


class ScenePrior(Contract, nn.Module):
    """p(z_l | h): the distribution of one step's scene latent given the decoder's hidden state."""

    kind = "prior"
    describes = "distribution of the scene latent z^g"

    @abstractmethod
    def forward(self, hidden: Tensor) -> Distribution:
        """(B, E, G, G) → distribution over (B, S), S = `dims.scene`; used for the KL and for sampling alike."""

    def of_steps(self, hidden: Sequence[Tensor]) -> tuple[Distribution, ...]:
        """The distributions of all steps of a drawing that is already there; a prior may compute them together."""
        return tuple(self(state) for state in hidden)


class PresencePrior(Contract, nn.Module):
    """The fixed reference of the auxiliary KL of z^pres."""

    kind = "prior"
    describes = "reference distribution of z^pres"

    @abstractmethod
    def reference(self, step: int) -> Distribution:
        """Bernoulli that broadcasts to (B, G, G, 1), as of training step `step`."""


class LatentPrior(Contract, nn.Module):
    """The fixed reference of the auxiliary KL of z^where, z^depth, z^what or z^b."""

    kind = "prior"
    describes = "reference distribution of a continuous latent"

    @abstractmethod
    def reference(self, step: int) -> Distribution:
        """Distribution that broadcasts to (..., D), as of training step `step`."""


class Core(Contract, nn.Module):
    """Draws the scene code z^g, step by step, and the feature map that it describes."""

    kind = "core"
    describes = "scene code, drawn step by step"

    steps: int
    """L: number of drawing steps."""
    code_size: int
    """S: numbers in the latent of one step."""
    maps: int = 1
    """Feature maps that it reads and draws, side by side: f^x with whatever crops and a background add to it, or with 2
    also f^x as it was before, in front. Of the latter z^pres, z^where and z^depth are read, of the former z^what."""
    separate_prior: ClassVar[bool] = False
    """Its prior can learn by itself, from finished posteriors (`prior_inputs` and `prior_divergence`)."""

    @abstractmethod
    def infer(self, features: Tensor, *, mode: bool = False) -> Drawing:
        """(B, maps * E, G, G) → a drawing with a sample (or, with `mode`, the mean) of the posterior q(z^g | f^x)."""

    @abstractmethod
    def generate(self, n: int, scene: Tensor | None = None) -> Drawing:
        """`n` drawings from the prior, or the drawings of given scene codes (n, L, S)."""

    def forward(self, features: Tensor) -> Drawing:
        """Same as `infer`."""
        return self.infer(features)

    def prior_inputs(self, features: Tensor) -> Tensor:
        """(B, maps * E, G, G) → (B, ...): what p(z^g) learns from by itself, fixed meanwhile; with `separate_prior`."""
        raise NotImplementedError(f"the prior of {type(self).__name__} does not learn by itself")

    def prior_divergence(self, inputs: Tensor) -> Tensor:
        """(B, ...) of `prior_inputs` → (B, L): KL(q(z_l) || p(z_l)) of each step, in nats; with `separate_prior`."""
        raise NotImplementedError(f"the prior of {type(self).__name__} does not learn by itself")


class GlimpseDecoder(Contract, nn.Module):
    """z^what → glimpse."""

    kind = "decoder"
    describes = "z^what to the glimpse of one object"

    size: int
    """Side of the glimpse, in pixels."""
    masks: bool
    """The last channel is a mask."""

    @abstractmethod
    def forward(self, what: Tensor) -> Tensor:
        """(N, D) → (N, C or C + 1, size, size) in [0, 1]: appearance, then the mask where there is one."""


class BackgroundDecoder(Contract, nn.Module):
    """z^b → background."""

    kind = "decoder"
    describes = "z^b to the background image"

    @abstractmethod
    def forward(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, C, H, W) in [0, 1]."""


class Renderer(Contract, nn.Module):
    """Symbolic map and background latent → image (supplement, Algorithm 2)."""

    kind = "renderer"
    describes = "symbolic map to image"

    masks: bool
    """Objects have masks: they hide each other and the background."""
    background: BackgroundDecoder | None
    """What lies behind; None paints on black, and the model then has no z^b."""

    @abstractmethod
    def forward(
        self,
        latents: SymbolicLatents,
        background: Tensor | None = None,
        *,
        box_mask: float | None = None,
        alpha: float | None = None,
    ) -> Rendering:
        """Paint a batch of scenes.

        Args:
            latents: symbolic map.
            background: z^b (B, Z), where there is a background.
            box_mask: the supplement's curriculum: every mask fills its box with this value.
            alpha: the published curriculum: the foreground covers each pixel of the image by this much.
        """

    @abstractmethod
    def layers(self, latents: SymbolicLatents) -> Components:
        """Every cell's object by itself, on its own full-size canvas (K = G * G, row by row); for pictures."""


@dataclass(frozen=True)
class CurriculumState:
    """What a curriculum imposes on the renderer at one step. None leaves things as they are."""

    presence: float | None = None
    """Ceiling of z^pres."""
    present: bool = False
    """Every object is there, whatever q(z^pres) says: z^pres is 1 for all but its own KL."""
    box_mask: float | None = None
    """Every object's mask fills its box with this value (supplement, Curriculum Training)."""
    alpha: float | None = None
    """The foreground covers every pixel of the image by this much (published code)."""


class Curriculum(Contract):
    """Holds the background back early in training, so that objects are explained by the foreground."""

    kind = "curriculum"
    describes = "early help for the foreground"

    @abstractmethod
    def at(self, step: int) -> CurriculumState:
        """What holds at training step `step`; a pure function."""


class Schedule(Contract):
    """A pure function of the training step."""

    kind = "schedule"
    describes = "number as a function of the step"

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The value at training step `step` (from 0)."""


GUARDS: dict[str, Callable[[Any], Any]] = {
    "reconstruct": checked,
    "objects": checked,
    "components": checked,
    "sample": counted,
}
"""What checks what users hand to a model, by method."""


class Model(Contract, nn.Module):
    """A generative model of images. Training, sampling and every metric speak to this contract alone."""

    kind = "model"
    describes = "generative model of images"

    dims: Dims

    def __init_subclass__(cls, **options: Any) -> None:
        """What users hand to a model is checked before the model's own code sees it."""
        super().__init_subclass__(**options)
        for name in GUARDS.keys() & vars(cls).keys():
            setattr(cls, name, GUARDS[name](vars(cls)[name]))

    @abstractmethod
    def terms(self, image: Tensor, step: int) -> Terms:
        """(B, C, H, W) → the terms of the objective, with one posterior sample, as of training step `step`."""

    @abstractmethod
    def sample(self, n: int) -> Scene:
        """Sample `n` scenes, from torch's global random state."""

    @abstractmethod
    def reconstruct(self, image: Tensor) -> Scene:
        """(B, C, H, W) → the scene that the posterior's mode describes; deterministic."""

    @abstractmethod
    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        """(B, C, H, W) → (B,): log p(x | z) + log p(z) - log q(z | x) of one posterior sample z, in nats.

        Their log-mean-exp over samples estimates log p(x) from below. Models with relaxed discrete latents sample
        them hard when `exact`, else relaxed with the discrete mass, as published (a heuristic).
        """

    @checked
    def objects(self, image: Tensor) -> Objects | None:
        """(B, C, H, W) → the objects in each picture; None for models that do not name objects."""
        return None

    @checked
    def components(self, image: Tensor) -> Components | None:
        """(B, C, H, W) → each picture taken apart; None for models that do not."""
        return None

    def interpolate(self, a: Scene, b: Scene, n: int) -> Scene:
        """`n` scenes on the straight line between the codes of two, both ends included, for models that have codes.

        Raises:
            EditError: the model or a scene has no code of the whole scene.
        """
        return interpolate(self, a, b, n)


class Objective(Contract, nn.Module):
    """Named terms → loss. May keep state (buffers), which is saved with the run."""

    kind = "objective"
    describes = "terms to the loss"

    @abstractmethod
    def forward(self, terms: Terms, step: int) -> Loss:
        """Weigh the terms as of training step `step`."""


class Logger(Contract):
    """Where the records of a training go besides the run's own folder. The training goes on whatever happens there.

    Everything is opened in `open`, never in the constructor, and closed in `close`.
    """

    kind = "logger"
    describes = "where the records of a training go besides its folder"

    @abstractmethod
    def open(self, run: Path, step: int, spec: Mapping[str, object]) -> None:
        """A training begins, or goes on.

        Args:
            run: the run's folder; what belongs to the run is written in there.
            step: steps made so far; what was logged of later ones is no longer so.
            spec: what it is trained by, as plain data with every default explicit.

        Raises:
            RunError: a package is missing, or there is no such place.
        """

    @abstractmethod
    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Finite numbers by name (`elbo`, `kl.scene`, `weights.kl.scene`, `S-Acc`), after so many steps."""

    def picture(self, step: int, pixels: np.ndarray) -> None:
        """(height, width, 3) uint8, after so many steps."""

    @abstractmethod
    def close(self) -> None:
        """Nothing more is to come; after `open`, whatever happened in between."""


class Optimizer(Contract):
    """Recipe for a torch optimiser over some of a model's parameters."""

    kind = "optimizer"
    describes = "how parameters are updated"

    parts: tuple[str, ...]
    """Dotted prefixes of the parameters that it updates; empty for all that no other optimiser names."""
    rate: Schedule
    """Learning rate at each step of the stage."""

    @abstractmethod
    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """A torch optimiser over `parameters`; the trainer sets its learning rate from `rate` before each step.

        An optimiser that trains other weights than the model is to be used with has methods `train()` and `eval()`,
        which change its parameters and nothing of its state: the trainer calls `train()` before the first step and
        `eval()` before whatever looks at the model, a checkpoint's weights included, and puts back what was there.
        """


__getattr__ = renamed_names(
    __name__, {"Metric": "gnm_core.evaluation.context:Metric", "Handicap": "gnm_core.contracts:CurriculumState"}
)
