"""Figures show what the model says, where it says it, for any model."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from gnm_core import Batch, Dims, Model, Objects, Scene, Terms
from gnm_core.errors import FigureError
from gnm_core.gnm.model import GNM
from gnm_core.results import Components
from gnm_render.figures.abilities import DrawsInSteps
from gnm_render.figures.boxes import Box, boxes_of, draw_boxes
from gnm_render.figures.layers import layers_of, on_plain_ground, surest
from gnm_render.figures.layers_figure import LayersFigure
from gnm_render.figures.palette import NOTHING, OBJECTS, object_colour
from gnm_render.figures.pixels import enlarge, enlargement, to_pixels
from gnm_render.figures.reconstruction import ReconstructionFigure
from gnm_render.figures.samples import SamplesFigure, contact_sheet
from gnm_render.figures.sheet import GAP, MARGIN, Group, sheet
from gnm_render.figures.steps import scenes_in_steps, steps_sheet
from gnm_render.figures.text import font, wrap
from gnm_render.figures.training import TrainingFigure
from gnm_render.figures.views import Views
from torch import Tensor

FOR_ALL = [TrainingFigure(rows=3, cell=40), SamplesFigure(count=7), ReconstructionFigure(rows=2)]
FIGURES = [*FOR_ALL, LayersFigure(rows=2)]


class Blur(Model):
    """A model that knows nothing of objects: it sees and samples blurred pictures."""

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.dims = dims

    def terms(self, image: Tensor, step: int) -> Terms:
        return Terms(-(image - self.reconstruct(image).image).square().flatten(1).sum(1), {})

    def sample(self, n: int) -> Scene:
        return self.reconstruct(torch.rand(n, self.dims.channels, self.dims.size, self.dims.size))

    def reconstruct(self, image: Tensor) -> Scene:
        return Scene(torch.nn.functional.avg_pool2d(image, 3, 1, 1))

    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        return self.terms(image, 0).log_likelihood


def pictures(model: Model, n: int = 4) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.rand(n, model.dims.channels, model.dims.size, model.dims.size))


def place_of(part: np.ndarray, whole: np.ndarray) -> tuple[int, int] | None:
    """Row and column where a picture stands in a figure."""
    height, width = part.shape[:2]
    for y, x in np.argwhere((whole == part[0, 0]).all(-1)):
        if np.array_equal(whole[y : y + height, x : x + width], part):
            return int(y), int(x)
    return None


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: type(figure).__name__)
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("certainty", [-3.0, 0.0, 3.0])
def test_every_figure_draws_every_gnm(
    machine: Callable[..., GNM], figure: object, masks: bool, certainty: float
) -> None:
    model = machine(masks=masks, certainty=certainty)
    drawn = figure.draw(model, pictures(model))
    assert drawn.dtype == np.uint8
    assert drawn.ndim == 3
    assert drawn.shape[2] == 3
    assert (drawn < 255).any(), "more than paper"


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("figure", FOR_ALL, ids=lambda figure: type(figure).__name__)
def test_figures_of_whole_pictures_draw_models_without_objects(figure: object, channels: int) -> None:
    model = Blur(Dims(size=16, channels=channels))
    assert figure.draw(model, pictures(model)).dtype == np.uint8


def test_columns_that_a_model_cannot_fill_are_left_out(machine: Callable[..., GNM]) -> None:
    figure = ReconstructionFigure(rows=2, cell=32)
    full, less = machine(), Blur(Dims(size=32))
    wide, narrow = (figure.draw(model, pictures(model)).shape[1] for model in (full, less))
    assert narrow < wide
    for model, headings in ((full, 4), (less, 2)):
        views = Views(model, pictures(model).image, 32)
        groups = [views.inputs(), views.boxes(), views.reconstructions(), views.from_scene()]
        assert sum(group is not None for group in groups) == headings
    views = Views(less, pictures(less).image, 32)
    assert views.layers(4) is None
    assert views.layers_of_one(4) is None
    assert views.background() is None


def test_inputs_and_reconstructions_stand_in_the_figure_enlarged(machine: Callable[..., GNM]) -> None:
    model = machine()
    batch = pictures(model, 2)
    drawn = ReconstructionFigure(rows=2, cell=60).draw(model, batch)
    for i in range(2):
        seen = place_of(enlarge(to_pixels(batch.image[i]), 2), drawn)
        made = place_of(enlarge(to_pixels(model.reconstruct(batch.image).image[i]), 2), drawn)
        assert seen is not None
        assert made is not None
        assert seen[0] == made[0]
        assert seen[1] < made[1]


def test_figures_leave_the_model_and_the_random_state_alone(machine: Callable[..., GNM]) -> None:
    model = machine(masks=True)
    batch = pictures(model)
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    for figure in (ReconstructionFigure(), LayersFigure(), TrainingFigure(samples=0)):
        first, second = figure.draw(model, batch), figure.draw(model, batch)
        assert np.array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_pixels_are_clipped_and_what_is_no_number_is_refused() -> None:
    image = torch.tensor([[[0.0, 1.0, -1.0, 2.0, 0.5]]])
    assert to_pixels(image)[0, :, 0].tolist() == [0, 255, 0, 255, 128]
    for wrong in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(FigureError, match="an image of the model is not finite: 1 of 2 numbers"):
            to_pixels(torch.tensor([[[0.5, wrong]]]))
    assert to_pixels(torch.rand(3, 4, 5)).shape == (4, 5, 3)
    grey = to_pixels(torch.tensor([0.2, 0.4])[:, None, None])
    assert grey.tolist() == [[[76, 76, 76]]] or grey.tolist() == [[[77, 77, 77]]]


@pytest.mark.parametrize(
    ("size", "least", "factor"), [(64, 144, 3), (128, 144, 2), (144, 144, 1), (512, 144, 1), (8, 9, 2)]
)
def test_small_images_are_enlarged_by_a_whole_factor(size: int, least: int, factor: int) -> None:
    assert enlargement(size, least) == factor
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    assert np.array_equal(enlarge(pixels, factor)[::factor, ::factor], pixels)


def test_a_box_is_drawn_where_it_is_in_its_objects_colour() -> None:
    objects = Objects(
        boxes=torch.tensor([[[2.0, 4, 12, 20], [8, 8, 16, 16], [20, 2, 40, 12]]]),
        confidence=torch.tensor([[0.9, 0.2, 0.7]]),
        present=torch.tensor([[True, False, True]]),
        what=torch.zeros(1, 3, 1),
        depth=torch.zeros(1, 3),
    )
    boxes = boxes_of(objects, 0)
    assert [(box.label, box.colour) for box in boxes] == [("70%", object_colour(2)), ("90%", object_colour(0))]
    drawn = draw_boxes(np.zeros((128, 128, 3), np.uint8), boxes, 4)
    rows, columns = np.nonzero((drawn[17:] == object_colour(0)).all(-1))
    assert (columns.min(), columns.max() + 1) == (8, 48)
    assert rows.max() + 1 + 17 == 80
    assert (drawn == object_colour(2)).all(-1).any()
    assert not (drawn == object_colour(1)).all(-1).any()
    assert not drawn[30:70, 12:44].any(), "the inside of a box stays as it was"


@pytest.mark.parametrize("corners", [(-50.0, -50, -40, -40), (-9, -9, 99, 99), (100, 3, 140, 9), (5, 5, 5, 5)])
def test_boxes_outside_the_picture_do_no_harm(corners: tuple[float, float, float, float]) -> None:
    objects = Objects(
        boxes=torch.tensor([[corners]]),
        confidence=torch.ones(1, 1),
        present=torch.ones(1, 1, dtype=torch.bool),
        what=torch.zeros(1, 1, 1),
        depth=torch.zeros(1, 1),
    )
    assert draw_boxes(np.zeros((64, 64, 3), np.uint8), boxes_of(objects, 0), 2).shape == (64, 64, 3)


def test_tags_cover_no_other_tag_while_there_is_room() -> None:
    corners = [(10.0, 20, 25, 50), (26, 20, 41, 50), (42, 20, 57, 50)]
    boxes = [Box(c, "100%", object_colour(i)) for i, c in enumerate(corners)]
    drawn = draw_boxes(np.zeros((128, 128, 3), np.uint8), boxes, 2)
    patches = [(drawn == object_colour(i)).all(-1).sum() for i in range(3)]
    alone = [(draw_boxes(np.zeros((128, 128, 3), np.uint8), [box], 2) == box.colour).all(-1).sum() for box in boxes]
    assert patches == alone


def test_layers_are_the_present_objects_in_their_boxes_colours(machine: Callable[..., GNM]) -> None:
    model = machine(certainty=0.0)
    image = pictures(model, 6).image
    objects, components = model.objects(image), model.components(image)
    counts = set()
    for i in range(6):
        layers = layers_of(components, objects, i)
        there = objects.present[i].nonzero()[:, 0].tolist()
        assert [layer.colour for layer in layers] == [object_colour(k) for k in there]
        counts.add(len(there))
    assert counts - {0}, "the test needs a picture with an object"


def test_components_of_models_without_objects_are_shown_too() -> None:
    images, masks = torch.rand(1, 3, 3, 8, 8), torch.zeros(1, 3, 1, 8, 8)
    masks[:, 0, :, :4], masks[:, 2, :, 4:] = 1, 1
    layers = layers_of(Components(images, masks, ("component 1", "component 2", "background")), None, 0)
    assert [layer.colour for layer in layers] == [None, None]
    assert np.array_equal(layers[0].pixels[:4], to_pixels(images[0, 0, :, :4]))
    assert (layers[0].pixels[4:] == NOTHING).all()


def test_a_tag_goes_where_it_covers_no_other_box() -> None:
    boxes = [Box((20.0, 20, 44, 40), "80%", object_colour(0)), Box((20.0, 41, 44, 60), "90%", object_colour(1))]
    drawn = draw_boxes(np.full((256, 256, 3), 9, np.uint8), boxes, 3)
    assert (drawn[63:117, 63:129] == 9).all(), "the inside of the upper box"


class Halves(Blur):
    """Names one object, but takes pictures apart into two halves."""

    def objects(self, image: Tensor) -> Objects:
        n = len(image)
        box = torch.tensor([[[0.0, 0, 8, 8]]]).expand(n, 1, 4)
        return Objects(box, torch.ones(n, 1), torch.ones(n, 1) > 0, torch.zeros(n, 1, 1), torch.zeros(n, 1))

    def components(self, image: Tensor) -> Components:
        masks = torch.zeros(len(image), 2, 1, *image.shape[-2:])
        masks[:, 0, :, :8], masks[:, 1, :, 8:] = 1, 1
        return Components(torch.stack([image, image], 1), masks, ("foreground", "background"))


@pytest.mark.parametrize("most", [1, 2])
def test_components_that_are_no_single_objects_are_not_called_objects(most: int) -> None:
    model = Halves(Dims(size=16))
    group = Views(model, pictures(model).image, 16).layers(most)
    assert group is not None
    assert group.caption == "components one by one" + (" (the 1 surest)" if most == 1 else "")
    assert len(group.columns) == most


def test_the_surest_layers_stay_in_order() -> None:
    ground = on_plain_ground(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4))
    assert (ground == NOTHING).all()
    boxes = torch.zeros(1, 4, 4)
    objects = Objects(boxes, torch.tensor([[0.9, 0.6, 0.8, 0.7]]), torch.ones(1, 4) > 0, boxes, torch.zeros(1, 4))
    names = tuple(f"object {i + 1}" for i in range(4))
    components = Components(torch.zeros(1, 4, 1, 4, 4), torch.ones(1, 4, 1, 4, 4), names)
    kept = surest(layers_of(components, objects, 0), 3)
    assert [round(layer.confidence, 1) for layer in kept] == [0.9, 0.8, 0.7]


def test_colours_tell_neighbours_apart() -> None:
    assert len(set(OBJECTS)) == len(OBJECTS) >= 10
    assert object_colour(0) != object_colour(1)
    assert object_colour(len(OBJECTS)) == object_colour(0)


def test_a_caption_is_never_wider_than_its_column() -> None:
    text = "objects found in the picture, and how sure the model is of each"
    lines = wrap(text, 120, 16)
    assert " ".join(lines) == text
    assert all(font(16).getlength(line) <= 120 for line in lines)
    assert wrap("", 50, 16) == []


def test_a_sheet_holds_every_picture_in_its_place() -> None:
    cells = [np.full((10, 10, 3), 10 * i, np.uint8) for i in range(1, 6)]
    drawn = sheet([Group("", [cells[:3], cells[3:]])])
    assert drawn.shape == (2 * MARGIN + 30 + 2 * GAP, 2 * MARGIN + 20 + GAP, 3)
    for i, cell in enumerate(cells):
        column, row = divmod(i, 3)
        assert place_of(cell, drawn) == (MARGIN + row * (10 + GAP), MARGIN + column * (10 + GAP))


@pytest.mark.parametrize("n", [1, 4, 10, 11])
def test_a_contact_sheet_shows_all_samples_in_reading_order(n: int) -> None:
    images = torch.rand(n, 1, 16, 16)
    drawn = contact_sheet(images, columns=4, cell=16)
    places = [place_of(to_pixels(image), drawn) for image in images]
    assert None not in places
    assert places == sorted(places)
    assert len({y for y, _ in places}) == -(-n // 4)


@pytest.mark.parametrize("masks", [False, True])
def test_the_last_drawing_step_is_the_sample(machine: Callable[..., GNM], masks: bool) -> None:
    model = machine(masks=masks)
    assert isinstance(model, DrawsInSteps)
    assert not isinstance(Blur(Dims()), DrawsInSteps)
    torch.manual_seed(4)
    scenes = scenes_in_steps(model, 3)
    torch.manual_seed(4)
    assert torch.equal(scenes[-1].image, model.sample(3).image)
    assert len(scenes) == 3
    assert steps_sheet([scene.image for scene in scenes], 32).ndim == 3
