"""What a model makes of pictures, as groups of a figure's columns."""

from collections.abc import Sequence
from functools import cached_property

from gnm_core.contracts import Model
from gnm_core.results import Components, Objects, Scene
from torch import Tensor

from gnm_render.figures.abilities import DescribesScenes
from gnm_render.figures.boxes import boxes_of, draw_boxes
from gnm_render.figures.layers import Layer, framed, layers_of, object_number, surest
from gnm_render.figures.pixels import Pixels, enlarge, enlargement, to_cells
from gnm_render.figures.sheet import Group


class Views:
    """One model, one batch of pictures; each method makes a group of columns, one row a picture.

    Methods whose group the model cannot fill return None.

    Args:
        model: any model.
        image: (B, C, H, W).
        cell: least side of a picture, in pixels; small ones are enlarged by a whole factor.
    """

    def __init__(self, model: Model, image: Tensor, cell: int) -> None:
        self.model, self.image = model, image
        self.factor = enlargement(image.shape[-1], cell)

    @cached_property
    def reconstruction(self) -> Scene:
        """The model's reconstructions."""
        return self.model.reconstruct(self.image)

    @cached_property
    def named(self) -> Objects | None:
        """The objects that it names."""
        return self.model.objects(self.image)

    @cached_property
    def components(self) -> Components | None:
        """The pictures taken apart."""
        return self.model.components(self.image)

    def inputs(self) -> Group:
        """The pictures themselves."""
        return Group("input", [self._column(self.image)])

    def boxes(self) -> Group | None:
        """The pictures with the boxes of the objects found."""
        objects = self.named
        if objects is None:
            return None
        cells = [
            draw_boxes(pixels, boxes_of(objects, i), self.factor) for i, pixels in enumerate(self._column(self.image))
        ]
        return Group("objects found", [cells])

    def reconstructions(self) -> Group:
        """What the latents of each picture decode to."""
        return Group("reconstruction", [self._column(self.reconstruction.image)])

    def from_scene(self) -> Group | None:
        """What the scene code alone decodes to."""
        if not isinstance(self.model, DescribesScenes):
            return None
        scene = self.model.reconstruct_from_scene(self.image)
        return Group("from the scene code alone", [self._column(scene.image)])

    def layers(self, most: int) -> Group | None:
        """The components one by one, `most` at most: each in a column of its own."""
        rows = self._layers()
        if rows is None or most == 0:
            return None
        fullest = max(map(len, rows))
        shown = [[self._tile(layer) for layer in surest(row, most)] for row in rows]
        width = max(1, *map(len, shown))
        columns = [[row[i] if i < len(row) else None for row in shown] for i in range(width)]
        return Group(f"{self._kind()} one by one" + (f" (the {most} surest)" if fullest > most else ""), columns)

    def layers_of_one(self, across: int) -> Group | None:
        """The components of the first picture, all of them, `across` in a row."""
        rows = self._layers()
        if rows is None or not rows[0]:
            return None
        tiles = [self._tile(layer) for layer in rows[0]]
        return Group(f"{self._kind()} one by one", [tiles[i::across] for i in range(min(across, len(tiles)))])

    def background(self) -> Group | None:
        """What lies behind the objects."""
        rendering = self.reconstruction.rendering
        if rendering is None or not rendering.background.any():
            return None
        return Group("background", [self._column(rendering.background)])

    def samples(self, rows: int, columns: int) -> Group | None:
        """Fresh dreams of the model."""
        if columns == 0:
            return None
        dreams = self._column(self.model.sample(rows * columns).image)
        return Group("samples, dreamt by the model", [dreams[i::columns] for i in range(columns)], apart=True)

    def _kind(self) -> str:
        assert self.components is not None
        single = self.named is not None and all(map(object_number, self.components.names))
        return "objects" if single else "components"

    def _layers(self) -> list[list[Layer]] | None:
        if self.components is None:
            return None
        return [layers_of(self.components, self.named, i) for i in range(len(self.image))]

    def _tile(self, layer: Layer) -> Pixels:
        return framed(enlarge(layer.pixels, self.factor), layer.colour)

    def _column(self, images: Tensor) -> Sequence[Pixels]:
        return to_cells(images, self.factor)


def present(*groups: Group | None) -> list[Group]:
    """The groups that could be filled."""
    return [group for group in groups if group is not None]
