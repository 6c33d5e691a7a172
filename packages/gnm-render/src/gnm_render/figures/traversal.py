"""What each latent of an object does to the picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from annotated_types import Ge, Le
from einops import repeat
from gnm_core.contracts import Figure, Model
from gnm_core.errors import FigureError
from gnm_core.latents import SymbolicLatents
from gnm_core.results import Batch, Objects, Scene
from torch import Tensor

from gnm_render.figures.abilities import RendersSymbols, lacking, require_pictures
from gnm_render.figures.boxes import Box, draw_boxes
from gnm_render.figures.layers import framed
from gnm_render.figures.palette import object_colour
from gnm_render.figures.pixels import Pixels, enlarge, enlargement, to_pixels
from gnm_render.figures.sheet import Group, sheet
from gnm_render.figures.tags import noted

AT_ONCE = 64
"""Scenes that are painted together."""
LARGEST = 3.0
"""How far depth and what go to either side: their reference is N(0, 1)."""
VISIBLE = 1 / 255
"""A smaller change of every pixel is none."""


@dataclass(frozen=True)
class Sweep:
    """One latent of one object set to one value after the other, all else as it was."""

    name: str
    own: str
    """The value that it had, in words."""
    values: tuple[str, ...]
    """The values that it takes, in words."""
    latents: SymbolicLatents
    """A batch of symbolic maps, one a value."""


@dataclass(frozen=True)
class Chosen:
    """One object of one scene."""

    scene: Scene
    """Of one picture."""
    index: int
    """Which of its objects."""
    size: int
    """Side of the picture, in pixels."""

    @property
    def latents(self) -> SymbolicLatents:
        """The scene's symbolic map."""
        assert self.scene.latents is not None
        return self.scene.latents

    @property
    def cell(self) -> tuple[int, int]:
        """Row and column of the object in the grid."""
        return divmod(self.index, self.latents.where.shape[2])

    def with_values(self, field: str, values: Tensor) -> SymbolicLatents:
        """(N, D) → N scenes in which the object's latent has these values."""
        changed = {
            name: repeat(value[0], "h w d -> n h w d", n=len(values)) for name, value in vars(self.latents).items()
        }
        changed[field] = changed[field].clone()
        row, column = self.cell
        changed[field][:, row, column] = values
        return SymbolicLatents(**changed)

    def value(self, field: str) -> Tensor:
        """(D,): one of the object's latents."""
        row, column = self.cell
        value: Tensor = getattr(self.latents, field)[0, row, column]
        return value


class TraversalFigure(Figure):
    """One latent of an object after the other, changed step by step: size, proportions, place, depth, appearance.

    Of the appearance code, the numbers with the largest effect are shown.

    Args:
        picture: which picture of the batch; if nothing is found in it, the next in which there is.
        objects: objects of it that are shown, at most, the surest first.
        codes: numbers of the appearance code of each, at most.
        steps: values of each latent.
        cell: least side of a picture, in pixels.
    """

    def __init__(
        self,
        *,
        picture: Annotated[int, Ge(0), Le(10**9)] = 0,
        objects: Annotated[int, Ge(1), Le(1024)] = 2,
        codes: Annotated[int, Ge(0), Le(1024)] = 4,
        steps: Annotated[int, Ge(2), Le(1024)] = 7,
        cell: Annotated[int, Ge(1), Le(4096)] = 112,
    ) -> None:
        self.picture, self.objects, self.codes = picture, objects, codes
        self.steps, self.cell = steps, cell

    @torch.no_grad()
    def draw(self, model: Model, batch: Batch) -> Pixels:
        """→ (height, width, 3) uint8 RGB.

        Raises:
            FigureError: the model has no symbols, or finds no object in any picture.
        """
        if not isinstance(model, RendersSymbols):
            raise lacking(model, "symbols that can be changed and painted again")
        require_pictures(batch, least=self.picture + 1)
        factor = enlargement(model.dims.size, self.cell)
        found: list[Pixels | None] = []
        own: list[Pixels] = []
        columns: list[list[Pixels]] = [[] for _ in range(self.steps)]
        labels: list[str] = []
        for chosen in self.choose(model, batch.image):
            colour = object_colour(chosen.index)
            objects = chosen.scene.objects
            assert objects is not None
            box = Box(tuple(objects.boxes[0, chosen.index].tolist()), f"object {chosen.index + 1}", colour)
            plain = enlarge(to_pixels(chosen.scene.image[0]), factor)
            for i, sweep in enumerate(self.sweeps(model, chosen)):
                images = _paint(model, sweep.latents, chosen.scene.background)
                still = (images - chosen.scene.image).abs().max() < VISIBLE
                labels.append(f"{sweep.name} (no effect here)" if still else sweep.name)
                found.append(draw_boxes(plain, [box], factor) if i == 0 else None)
                own.append(framed(noted(plain, sweep.own), colour))
                for column, image, value in zip(columns, images, sweep.values, strict=True):
                    column.append(noted(enlarge(to_pixels(image), factor), value))
        groups = [Group("object", [found]), Group("as inferred", [own]), Group("set to", columns)]
        return sheet(groups, labels)

    def choose(self, model: Model, image: Tensor) -> list[Chosen]:
        """The objects that are shown: the surest of the first picture, from `picture` on, that has any."""
        for i in range(self.picture, len(image)):
            scene = model.reconstruct(image[i : i + 1])
            objects = scene.objects
            if objects is None or scene.latents is None:
                raise lacking(model, "objects with latents of their own")
            if objects.present.any():
                return [Chosen(scene, index, model.dims.size) for index in _surest(objects)[: self.objects]]
        raise FigureError(f"the model finds no object in any of {len(image)} pictures")

    def sweeps(self, model: RendersSymbols, chosen: Chosen) -> Iterator[Sweep]:
        """Every latent of an object, set to one value after the other."""
        device = chosen.latents.where.device
        factors = torch.logspace(-1, 1, self.steps, base=2, device=device)
        places = torch.linspace(-0.8, 0.8, self.steps, device=device)
        width, height, x, y = chosen.value("where")
        size = chosen.size

        def boxes(**changed: Tensor) -> Tensor:
            sides = {"width": width, "height": height, "x": x, "y": y} | changed
            return torch.stack([side.expand(self.steps) for side in sides.values()], dim=-1)

        def where(name: str, values: Tensor, words: str) -> Sweep:
            def say(box: Tensor) -> str:
                w, h, across, down = box.tolist()
                return words.format(
                    w=w * size, h=h * size, ratio=w / h, x=(across + 1) * size / 2, y=(down + 1) * size / 2
                )

            return Sweep(
                name,
                say(chosen.value("where")),
                tuple(map(say, values)),
                chosen.with_values("where", values),
            )

        yield where("size", boxes(width=width * factors, height=height * factors), "{w:.0f} x {h:.0f} px")
        stretched = boxes(width=width * factors.sqrt(), height=height / factors.sqrt())
        yield where("width : height", stretched, "{ratio:.2f}")
        yield where("x", boxes(x=places), "{x:.0f} px")
        yield where("y", boxes(y=places), "{y:.0f} px")
        values = torch.linspace(-LARGEST, LARGEST, self.steps, device=device)
        depth = float(chosen.value("depth"))
        yield Sweep("depth", f"{depth:.1f}", _words(values), chosen.with_values("depth", values[:, None]))
        own = chosen.value("what")
        for k in self.strongest(model, chosen):
            codes = repeat(own, "d -> n d", n=self.steps).clone()
            codes[:, k] = values
            yield Sweep(f"what {k + 1}", f"{own[k]:.1f}", _words(values), chosen.with_values("what", codes))

    def strongest(self, model: RendersSymbols, chosen: Chosen) -> list[int]:
        """The numbers of the appearance code that change the picture most, the strongest first."""
        own = chosen.value("what")
        both = repeat(own, "d -> sign k d", sign=2, k=len(own)).clone()
        both.diagonal(dim1=1, dim2=2).copy_(own.new_tensor([[-LARGEST], [LARGEST]]))
        latents = chosen.with_values("what", both.flatten(0, 1))
        low, high = _paint(model, latents, chosen.scene.background).chunk(2)
        effect = (high - low).abs().flatten(1).mean(1)
        return effect.argsort(descending=True, stable=True)[: self.codes].tolist()


def _surest(objects: Objects) -> list[int]:
    there: list[int] = objects.present[0].nonzero()[:, 0].tolist()
    return sorted(there, key=lambda i: -float(objects.confidence[0, i]))


def _paint(model: RendersSymbols, latents: SymbolicLatents, background: Tensor | None) -> Tensor:
    """(N, C, H, W) in [0, 1]: the pictures of N symbolic maps in front of the background of one."""
    images = []
    for start in range(0, latents.batch, AT_ONCE):
        some = replace(latents, **{name: value[start : start + AT_ONCE] for name, value in vars(latents).items()})
        behind = None if background is None else background.expand(some.batch, -1)
        images.append(model.render(some, behind).image.clamp(0, 1))
    return torch.cat(images)


def _words(values: Tensor) -> tuple[str, ...]:
    return tuple(f"{value:.1f}" for value in values.tolist())
