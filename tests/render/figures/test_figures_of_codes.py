"""Figures that change a model's latents: what they show is what the model makes of them; what a model lacks is said."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from gnm_core import Batch, Dims, FigureError, Model, Scene, Terms
from gnm_core.gnm.model import GNM
from gnm_core.results import Components, Truth
from gnm_render.figures.components import ComponentsFigure
from gnm_render.figures.drawing_steps import DrawingStepsFigure
from gnm_render.figures.interpolation import InterpolationFigure
from gnm_render.figures.layers_figure import LayersFigure
from gnm_render.figures.palette import NOTHING, object_colour
from gnm_render.figures.pixels import enlarge, to_pixels
from gnm_render.figures.reconstruction import ReconstructionFigure
from gnm_render.figures.resample import ResampleFigure
from gnm_render.figures.sheet import GAP, MARGIN, Group, sheet
from gnm_render.figures.traversal import TraversalFigure
from torch import Tensor

FIGURES = [
    ComponentsFigure(rows=2, cell=32),
    DrawingStepsFigure(rows=2, cell=32),
    InterpolationFigure(rows=2, steps=3, cell=32),
    ResampleFigure(rows=2, samples=3, cell=32),
    TraversalFigure(objects=1, codes=2, steps=3, cell=32),
]
OWN = [*FIGURES, LayersFigure(rows=2)]


class Copy(Model):
    """A model without any latents: it gives back what it sees."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dims = dims

    def terms(self, image: Tensor, step: int) -> Terms:
        return Terms(image.flatten(1).sum(1), {})

    def sample(self, n: int) -> Scene:
        return Scene(torch.rand(n, self.dims.channels, self.dims.size, self.dims.size))

    def reconstruct(self, image: Tensor) -> Scene:
        return Scene(image)

    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        return self.terms(image, 0).log_likelihood


def pictures(model: Model, n: int = 4, truth: Truth | None = None) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.rand(n, model.dims.channels, model.dims.size, model.dims.size), truth)


def holds(drawn: np.ndarray, image: Tensor) -> bool:
    """Whether a picture of a model, not enlarged, stands in a figure."""
    part = to_pixels(image)
    height, width = part.shape[:2]
    places = np.argwhere((drawn[: -height + 1, : -width + 1] == part[0, 0]).all(-1))
    return any(np.array_equal(drawn[y : y + height, x : x + width], part) for y, x in places)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: type(figure).__name__)
@pytest.mark.parametrize("masks", [False, True])
def test_every_figure_draws_every_gnm_and_leaves_it_alone(
    machine: Callable[..., GNM], figure: object, masks: bool
) -> None:
    model = machine(masks=masks, certainty=0.5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = []
    for _ in range(2):
        batch = pictures(model)
        torch.manual_seed(5)
        drawn.append(figure.draw(model, batch))
    assert drawn[0].dtype == np.uint8
    assert np.array_equal(*drawn)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("figure", OWN, ids=lambda figure: type(figure).__name__)
def test_a_model_without_latents_is_refused_with_what_it_lacks(figure: object) -> None:
    model = Copy(Dims(size=16))
    with pytest.raises(FigureError, match=r"Copy lacks what this figure shows: .*(code|symbols|components|objects)"):
        figure.draw(model, pictures(model))


@pytest.mark.parametrize(
    "figure",
    [
        ComponentsFigure(),
        LayersFigure(),
        ReconstructionFigure(),
        TraversalFigure(),
        InterpolationFigure(),
        ResampleFigure(source="pictures"),
        DrawingStepsFigure(source="pictures"),
    ],
    ids=lambda figure: type(figure).__name__,
)
def test_figures_of_pictures_refuse_to_draw_none(machine: Callable[..., GNM], figure: object) -> None:
    model = machine()
    with pytest.raises(FigureError, match=r"needs (a picture|2 pictures at least), and was given none"):
        figure.draw(model, Batch(torch.zeros(0, 1, 32, 32)))


def test_interpolation_needs_two_pictures(machine: Callable[..., GNM]) -> None:
    model = machine()
    with pytest.raises(FigureError, match="2 pictures at least, and was given 1"):
        InterpolationFigure().draw(model, pictures(model, 1))


@pytest.mark.parametrize("masks", [False, True])
def test_resampling_keeps_the_scene_code(machine: Callable[..., GNM], masks: bool) -> None:
    model = machine(masks=masks, certainty=0.5)
    batch = pictures(model, 2)
    torch.manual_seed(2)
    drawn = ResampleFigure(rows=2, samples=3, source="pictures", cell=32).draw(model, batch)
    code = model.reconstruct(batch.image).code
    mode = model.reconstruct_from_scene(batch.image).image
    torch.manual_seed(2)
    again = model.generate(6, code.repeat_interleave(3, 0), symbols="sample").image
    assert all(holds(drawn, image) for image in (*batch.image, *mode, *again))


def test_a_figure_of_both_without_pictures_shows_dreams(machine: Callable[..., GNM]) -> None:
    model, none = machine(), Batch(torch.zeros(0, 1, 32, 32))
    for figure in (ResampleFigure(rows=2, cell=32), DrawingStepsFigure(rows=2, cell=32)):
        torch.manual_seed(3)
        drawn = figure.draw(model, none)
        torch.manual_seed(3)
        alone = type(figure)(rows=2, source="prior", cell=32).draw(model, none)
        assert np.array_equal(drawn, alone)


def test_the_drawing_ends_with_the_scene_of_the_code_and_with_the_sample(machine: Callable[..., GNM]) -> None:
    model = machine(certainty=0.3)
    batch = pictures(model, 2)
    torch.manual_seed(4)
    drawn = DrawingStepsFigure(rows=2, cell=32).draw(model, batch)
    torch.manual_seed(4)
    samples = model.sample(2).image
    assert all(holds(drawn, image) for image in (*model.reconstruct_from_scene(batch.image).image, *samples))
    assert drawn.shape[1] > (1 + 3 + 3) * 32


def test_interpolation_goes_from_one_scene_to_the_other(machine: Callable[..., GNM]) -> None:
    model = machine(certainty=0.5)
    batch = pictures(model, 2)
    drawn = InterpolationFigure(steps=3, cell=32).draw(model, batch)
    code = model.reconstruct(batch.image).code
    middle = model.decode(code.mean(0, keepdim=True)).image
    assert all(holds(drawn, image) for image in (*batch.image, *model.decode(code).image, *middle))


@pytest.mark.parametrize("masks", [False, True])
def test_a_traversal_changes_one_latent_of_one_object(machine: Callable[..., GNM], masks: bool) -> None:
    model = machine(masks=masks, certainty=3.0)
    figure = TraversalFigure(objects=1, codes=0, steps=2, cell=32)
    batch = pictures(model, 1)
    (chosen,) = figure.choose(model, batch.image)
    sweeps = {sweep.name: sweep for sweep in figure.sweeps(model, chosen)}
    assert list(sweeps) == ["size", "width : height", "x", "y", "depth"]
    row, column = chosen.cell
    for name, sweep in sweeps.items():
        for field, own in vars(chosen.latents).items():
            changed = getattr(sweep.latents, field).clone()
            touched = field == ("depth" if name == "depth" else "where")
            assert touched == (not torch.equal(changed, own.expand_as(changed)))
            changed[:, row, column] = own[0, row, column]
            assert torch.equal(changed, own.expand_as(changed)), "all else as it was"
    width, height, x, y = chosen.value("where")
    small, large = sweeps["size"].latents.where[:, row, column]
    torch.testing.assert_close(small, torch.stack([width / 2, height / 2, x, y]))
    torch.testing.assert_close(large, torch.stack([width * 2, height * 2, x, y]))
    assert sweeps["size"].values[1] == f"{64 * width:.0f} x {64 * height:.0f} px"
    assert sweeps["depth"].values == ("-3.0", "3.0")
    flat = sweeps["width : height"].latents.where[1, row, column]
    torch.testing.assert_close(flat[0] / flat[1], 2 * width / height)
    torch.testing.assert_close(flat[0] * flat[1], width * height)


def test_the_strongest_codes_come_first(machine: Callable[..., GNM]) -> None:
    model = machine(certainty=3.0)
    with torch.no_grad():
        first = next(model.renderer.glimpse.parameters())
        first[:, 2] *= 50
        first[:, 0] = 0
    figure = TraversalFigure(codes=4, cell=32)
    (chosen, *_) = figure.choose(model, pictures(model, 1).image)
    order = figure.strongest(model, chosen)
    assert (order[0], order[-1]) == (2, 0)


def test_a_traversal_looks_for_a_picture_with_an_object(machine: Callable[..., GNM]) -> None:
    model = machine(certainty=-9.0)
    with pytest.raises(FigureError, match="finds no object in any of 4 pictures"):
        TraversalFigure().draw(model, pictures(model))


class Halves(Copy):
    """Takes pictures apart into a left and a right half, and a third component without a share."""

    def components(self, image: Tensor) -> Components:
        masks = torch.zeros(len(image), 3, 1, *image.shape[-2:])
        masks[:, 0, ..., :8], masks[:, 2, ..., 8:] = 1, 1
        return Components(torch.stack([image, image, 1 - image], 1), masks, ("left", "none", "right"))


def test_components_show_pictures_masks_and_segments() -> None:
    model = Halves(Dims(size=16))
    instances = torch.zeros(1, 16, 16, dtype=torch.uint8)
    instances[:, :4] = 1
    truth = Truth(torch.ones(1, 1) > 0, torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, 4), None, instances)
    batch = pictures(model, 1, truth)
    drawn = ComponentsFigure(cell=16).draw(model, batch)
    top = drawn.shape[0] - MARGIN - 16
    place = MARGIN
    true, found = (drawn[top : top + 16, x : x + 16] for x in (place, place + 16 + 18))
    assert (true[:4] == object_colour(0)).all()
    assert (true[4:] == NOTHING).all()
    assert (found[:, :8] == object_colour(0)).all()
    assert (found[:, 8:] == object_colour(1)).all()
    assert drawn.shape[1] == 2 * MARGIN + 2 * (16 + 18) + 2 * 16 + GAP, "the empty component is left out"
    assert holds(drawn, batch.image[0])


def test_segments_are_those_of_all_components_however_few_stand_one_by_one() -> None:
    model = Halves(Dims(size=16))
    batch = pictures(model, 1)
    every, one = (ComponentsFigure(cell=16, components=count).draw(model, batch) for count in (2, 1))
    assert one.shape[1] == every.shape[1] - 16 - GAP, "one of two stands by itself"
    place = MARGIN + 16 + 18
    for drawn in (every, one):
        found = drawn[-MARGIN - 16 : -MARGIN, place : place + 16]
        assert (found[:, :8] == object_colour(0)).all()
        assert (found[:, 8:] == object_colour(1)).all()


def test_labels_stand_before_their_rows() -> None:
    cells = [np.full((40, 40, 3), value, np.uint8) for value in (50, 90)]
    plain, labelled = sheet([Group("", [cells])]), sheet([Group("", [cells])], ["one", "a longer label"])
    gutter = labelled.shape[1] - plain.shape[1]
    assert np.array_equal(labelled[:, gutter + MARGIN :], plain[:, MARGIN:])
    for row in range(2):
        y = MARGIN + row * (40 + GAP)
        assert (labelled[y : y + 40, : gutter + MARGIN] < 255).any()


def test_cells_are_enlarged_evenly(machine: Callable[..., GNM]) -> None:
    model = machine(certainty=0.5)
    batch = pictures(model, 2)
    drawn = InterpolationFigure(steps=2, cell=64).draw(model, batch)
    part = enlarge(to_pixels(batch.image[0]), 2)
    assert np.array_equal(drawn[-MARGIN - 64 : -MARGIN, MARGIN : MARGIN + 64], part)
