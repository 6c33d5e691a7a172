"""What parts return: named results, every shape and unit stated here, once.

B images, C channels, H = W pixels, G cells a side, E feature channels, L drawing steps, N objects at most.
Images lie in [0, 1]. Log-likelihoods and divergences are in nats per image.
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.distributions import Distribution

from gnm_core import editing
from gnm_core.batched import Batched
from gnm_core.errors import EditError
from gnm_core.latents import SymbolicLatents
from gnm_core.notebook import png
from gnm_core.printable import several

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Drawing:
    """What a drawing core makes of a scene, in L autoregressive steps."""

    feature_map: Tensor
    """(B, maps * E, G, G): f_L, the map (or `Core.maps` maps) that the scene code describes."""
    scene: Tensor
    """(B, L, S): z^g of every step."""
    prior: tuple[Distribution, ...]
    """p(z_l | z_<l) of each step, each over (B, S)."""
    posterior: tuple[Distribution, ...] | None
    """q(z_l | z_<l, f^x) of each step, each over (B, S); None when generating."""
    canvases: Sequence[Tensor]
    """f_1 ... f_L, each (B, maps * E, G, G): the map after each step."""
    divergence: Tensor | None = None
    """(B, L): KL(q(z_l) || p(z_l)) of each step in nats, where the core has computed all at once; None otherwise."""


@dataclass(frozen=True)
class Rendering:
    """An image and the layers that it was put together from."""

    image: Tensor
    """(B, C, H, W): the whole scene; may exceed 1 where unmasked objects overlap."""
    foreground: Tensor
    """(B, C, H, W): all objects, already weighted by their share of each pixel."""
    alpha: Tensor
    """(B, 1, H, W) in [0, 1]: how much of a pixel the foreground covers; without masks 1, or 0 before a background."""
    background: Tensor
    """(B, C, H, W): what lies behind; zero without a background."""


@dataclass(frozen=True, repr=False)
class Objects(Batched):
    """The objects that a model names in each picture, padded to N."""

    boxes: Tensor
    """(B, N, 4) = (x0, y0, x1, y1) in pixels, x to the right, y down; may reach beyond the image."""
    confidence: Tensor
    """(B, N) in [0, 1]: probability that the object is there; ranks predictions in AP."""
    present: Tensor
    """(B, N) bool: the object counts as there; False also marks padding."""
    what: Tensor
    """(B, N, D): appearance code."""
    depth: Tensor
    """(B, N): smaller is nearer."""

    def __repr__(self) -> str:
        """In a line."""
        there, places = int(self.present.sum()), self.present.numel()
        return f"Objects({several(len(self), 'scene')}: {there} of {places} there)"

    def order(self, scene: int) -> list[int]:
        """The rows of the objects that are there in one scene, the surest first; object i is the i-th of them."""
        return editing.order(self, scene)

    def to_dataframe(self) -> "pandas.DataFrame":
        """A row for each object that is there: scene, object, box in pixels, confidence, depth, appearance code.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("a data frame needs pandas: pip install 'gnm-core[dataframe]'") from error
        codes = [f"what_{i}" for i in range(self.what.shape[2])]
        rows = [
            (
                *(scene, number),
                *self.boxes[scene, row].tolist(),
                *(float(self.confidence[scene, row]), float(self.depth[scene, row])),
                *self.what[scene, row].tolist(),
            )
            for scene in range(len(self))
            for number, row in enumerate(self.order(scene))
        ]
        return pandas.DataFrame(
            rows, columns=["scene", "object", "x0", "y0", "x1", "y1", "confidence", "depth", *codes]
        )


@dataclass(frozen=True)
class Components:
    """A scene taken apart: image = sum_k mask_k * image_k, for models that explain an image by components."""

    images: Tensor
    """(B, K, C, H, W) in [0, 1]: each component's own picture."""
    masks: Tensor
    """(B, K, 1, H, W) in [0, 1]: its share of each pixel."""
    names: tuple[str, ...]
    """K names, such as `object 3` or `background`."""
    shares: Tensor | None = None
    """(B, K, 1, H, W) in [0, 1]: how much of a pixel shows the component, where components are shown by themselves and
    their masks ignore what hides what; None where `masks` says it."""

    @property
    def visible(self) -> Tensor:
        """(B, K, 1, H, W) in [0, 1]: how much of a pixel shows the component, whichever of the two says it."""
        return self.masks if self.shares is None else self.shares


@dataclass(frozen=True, repr=False)
class Scene(Batched):
    """Pictures that a model generated or reconstructed, with what they were made from.

    `scene[3]` is one of them. Its objects can be moved, resized, removed, copied and exchanged; each edit gives a new
    scene. Objects are numbered from 0, the surest first, as in the JSON that `gnm reconstruct` writes.
    """

    image: Tensor
    """(B, C, H, W), clamped to [0, 1]."""
    objects: Objects | None = None
    """What is in it; None for models without objects."""
    code: Tensor | None = None
    """(B, L, S): the scene code z^g; None for models without one."""
    latents: SymbolicLatents | None = None
    """The symbolic map that was rendered; None for models without one."""
    background: Tensor | None = None
    """(B, Z): z^b; None for models without one."""
    rendering: Rendering | None = None
    """The layers; None for models without a renderer."""
    maker: "weakref.ref[Any] | None" = field(default=None, compare=False)
    """The model, which can paint the symbols again; None where that is not known."""

    def by(self, model: Any) -> "Scene":
        """The same scenes, of a model that can paint them again."""
        return replace(self, maker=weakref.ref(model))

    def move(self, number: int, dx: float, dy: float) -> "Scene":
        """An object moved by so many pixels, to the right and down.

        Raises:
            EditError: here and in all edits: there is no such object, this is more than one scene, it has no symbols,
                or the model that made it is not known or gone.
        """
        return editing.move(self, number, dx, dy)

    def resize(self, number: int, width: float, height: float | None = None) -> "Scene":
        """An object made so many times as wide and as high (as wide, if left out), about its centre."""
        return editing.resize(self, number, width, height)

    def remove(self, number: int) -> "Scene":
        """The scene without an object; those after it move up by one number."""
        return editing.remove(self, number)

    def duplicate(self, number: int, dx: float, dy: float) -> "Scene":
        """The scene with a copy of an object, so many pixels aside, in a cell that was empty."""
        return editing.duplicate(self, number, dx, dy)

    def swap(self, number: int, other: int) -> "Scene":
        """Two objects exchange what they look like; their boxes stay."""
        return editing.swap(self, number, other)

    def with_what(self, number: int, other: "int | Tensor") -> "Scene":
        """An object with the appearance of another one, or with a code (D,)."""
        return editing.with_what(self, number, other)

    def with_depth(self, number: int, depth: float) -> "Scene":
        """An object at another depth; smaller is nearer."""
        return editing.with_depth(self, number, depth)

    def paste(self, other: "Scene", number: int) -> "Scene":
        """The scene with an object of another one, box and all, in a cell that was empty."""
        return editing.paste(self, other, number)

    def to_front(self, number: int) -> "Scene":
        """An object before all others."""
        return editing.to_front(self, number)

    def to_dataframe(self) -> "pandas.DataFrame":
        """As `Objects.to_dataframe`.

        Raises:
            EditError: the model names no objects.
        """
        if self.objects is None:
            raise EditError("these scenes have no objects: their model does not name any")
        return self.objects.to_dataframe()

    def __repr__(self) -> str:
        """In a line."""
        count, channels, height, width = self.image.shape
        told = [f"{several(count, 'scene')} of {channels} x {height} x {width}"]
        if self.objects is not None:
            told.append(several(int(self.objects.present.sum()), "object"))
        if self.code is not None:
            told.append(f"code {' x '.join(map(str, self.code.shape[1:]))}")
        return f"Scene({', '.join(told)})"

    def _repr_png_(self) -> bytes | None:
        """The pictures side by side, as a notebook shows them; None of no pictures, where it shows the line."""
        return png(self.image)

    def __getstate__(self) -> dict[str, Any]:
        """Without the model: it is not part of what is saved or copied."""
        return {**self.__dict__, "maker": None}


@dataclass(frozen=True)
class Terms:
    """The named terms of a model's objective, before any weight, each (B,), in nats per image."""

    log_likelihood: Tensor
    """(B,): log p(x | z) of one posterior sample."""
    kl: dict[str, Tensor]
    """Name to (B,): the divergences of the ELBO, such as `scene`, `presence`, `where`."""
    auxiliary: dict[str, Tensor] = field(default_factory=dict)
    """Name to (B,): regularisers outside the ELBO; a name may recur from `kl` (q against a fixed reference)."""
    monitor: dict[str, Tensor] = field(default_factory=dict)
    """Name to (B,) or (): numbers to watch, such as `objects` (mean count); never differentiated."""

    @property
    def elbo(self) -> Tensor:
        """(B,): log-likelihood minus every divergence, unweighted."""
        return self.log_likelihood - sum(self.kl.values())


@dataclass(frozen=True)
class Loss:
    """What an objective makes of terms at one step."""

    total: Tensor
    """(): the scalar to minimise, a mean over the batch."""
    weights: dict[str, float]
    """The weight that each term had at this step, by `kl.<name>` or `auxiliary.<name>`."""


@dataclass(frozen=True)
class Truth:
    """Ground truth of a batch of generated scenes, padded to N objects. Absent parts are None."""

    present: Tensor
    """(B, N) bool: which of the N places hold an object."""
    labels: Tensor
    """(B, N) int64: class of each object; -1 where absent."""
    boxes: Tensor
    """(B, N, 4) = (x0, y0, x1, y1) in pixels: amodal box of each object, whatever hides it; zeros where absent."""
    visible_boxes: Tensor | None = None
    """(B, N, 4): box of the pixels that can be seen; None where nothing is ever hidden (equal to `boxes`)."""
    instances: Tensor | None = None
    """(B, H, W) uint8: 0 background, i + 1 the pixels of object i, the nearest one in front."""
    depth: Tensor | None = None
    """(B, N): distance from the camera; smaller is nearer; None for flat scenes."""
    extra: dict[str, Tensor] = field(default_factory=dict)
    """Whatever else the data set knows: `colour`, `material`, `target`, `rule/...`; each with B first."""


@dataclass(frozen=True)
class Batch:
    """Images and, where the data set knows it, the truth about them."""

    image: Tensor
    """(B, C, H, W) float32 in [0, 1]."""
    truth: Truth | None = None


@dataclass(frozen=True)
class Verdict:
    """What a judge says of one picture."""

    accepted: bool
    """The picture obeys the data set's rule."""
    reason: str
    """Why it fails, in plain words (`bottom-left is 7, expected 6`); empty when accepted."""
    margin: float
    """Log-probability of the best reading that obeys the rule less that of the best reading of any kind, <= 0."""
    judge: str
    """Name and version of the judge, such as `mnist-4/1`."""
    objects: tuple[tuple[str, float, float], ...] = ()
    """(name, x, y) of each object found, in pixels."""


@dataclass(frozen=True)
class Value:
    """One number that a metric found."""

    name: str
    """Such as `S-Acc` or `AP@0.5 (11-point)`."""
    value: float
    """Finite."""
    low: float | None = None
    """Lower end of a 95 % interval; None where there is none."""
    high: float | None = None
    """Upper end of a 95 % interval; None where there is none."""
    unit: str = ""
    """`nats`, `steps`, `scenes/s`; empty for shares and other pure numbers."""
    count: int | None = None
    """How many scenes, pairs or objects it rests on."""
    higher_is_better: bool | None = True
    """None where neither direction is better."""


@dataclass(frozen=True)
class Measurement:
    """What one metric says of a model."""

    values: tuple[Value, ...]
    """The numbers, the most important one first; none when nothing could be measured."""
    details: dict[str, Any] = field(default_factory=dict)
    """Whatever else JSON can hold: settings, reasons counted (`{"reasons": {"no 7": 12}}`), curves."""
    skipped: str = ""
    """Why nothing was measured; empty when something was."""
