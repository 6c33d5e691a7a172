"""Laws of renderers: scenes of one white square at a known place. x points right, y down; places are in [-1, 1]."""

from typing import Any

import torch
from torch import Tensor

from gnm_core.contracts import BackgroundDecoder, GlimpseDecoder, Renderer
from gnm_core.dims import Dims
from gnm_core.latents import SymbolicLatents
from gnm_core.results import Rendering
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.require import require

WHITE, BLACK = 1.0, 0.0


class Square(GlimpseDecoder):
    """Fills its glimpse with one brightness, the first number of z^what; its mask is full."""

    def __init__(self, like: GlimpseDecoder, channels: int) -> None:
        super().__init__()
        self.size, self.masks, self.channels = like.size, like.masks, channels

    def forward(self, what: Tensor) -> Tensor:
        """(N, D) → (N, C or C + 1, size, size)."""
        colour = what[:, :1, None, None].expand(-1, self.channels, self.size, self.size)
        return torch.cat([colour, torch.ones_like(colour[:, :1])], 1) if self.masks else colour


class Corner(Square):
    """Bright in the upper half of its left quarter alone: it shows which way round it lies."""

    left, above = -0.75, -0.5
    """Its centre, in the glimpse's frame [-1, 1]."""

    def forward(self, what: Tensor) -> Tensor:
        """(N, D) → (N, C or C + 1, size, size)."""
        glimpse = super().forward(what)
        places = (2 * torch.arange(self.size, device=what.device) + 1) / self.size - 1
        bright = (places < 0)[:, None] & (places < -0.5)[None]
        return torch.cat([glimpse[:, : self.channels] * bright, glimpse[:, self.channels :]], 1)


class Sky(BackgroundDecoder):
    """One brightness everywhere: by default black."""

    def __init__(self, dims: Dims, level: float = BLACK) -> None:
        super().__init__()
        self.dims, self.level = dims, level

    def forward(self, code: Tensor) -> Tensor:
        """(B, Z) → (B, C, H, W)."""
        return code.new_full((len(code), self.dims.channels, self.dims.size, self.dims.size), self.level)


def _with_squares(bench: Bench, sky: float = BLACK, glimpse: type[Square] = Square) -> Any:
    """The renderer, its decoders exchanged for white squares before a sky."""
    renderer = bench.part()
    found = 0
    for module in list(renderer.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, GlimpseDecoder):
                setattr(module, name, glimpse(child, bench.dims.channels))
                found += 1
            elif isinstance(child, BackgroundDecoder):
                setattr(module, name, Sky(bench.dims, sky))
    if not found:
        raise NotHere("it has no glimpse decoder among its modules")
    return renderer


def _scene(bench: Bench, *objects: tuple[tuple[float, float, float, float], float, float, float]) -> SymbolicLatents:
    """A scene of (where, presence, depth, brightness), one a cell; all other cells are empty."""
    dims = bench.dims
    cells = (1, dims.grid, dims.grid)
    presence, depth = torch.zeros(*cells, 1), torch.zeros(*cells, 1)
    where = torch.tensor([0.3, 0.3, 0.0, 0.0]).expand(*cells, 4).clone()
    what = torch.zeros(*cells, dims.what)
    for i, (box, there, far, colour) in enumerate(objects):
        cell = (0, i // dims.grid, i % dims.grid)
        presence[cell], where[cell], depth[cell] = there, torch.tensor(box), far
        what[(*cell, 0)] = colour
    return SymbolicLatents(presence, where, depth, what)


def _painted(renderer: Any, bench: Bench, *objects: Any, **curriculum: float) -> Tensor:
    code = None if renderer.background is None else torch.zeros(1, bench.dims.background)
    image: Tensor = renderer(_scene(bench, *objects), code, **curriculum).image.detach()
    return image[0].mean(0)


def _measure(light: Tensor) -> dict[str, float]:
    """Where light lies: its amount, its centre and its spread, in the frame [-1, 1]."""
    size = light.shape[-1]
    places = (2 * torch.arange(size) + 1) / size - 1
    mass = float(light.sum())
    column, row = light.sum(0) / max(mass, 1e-9), light.sum(1) / max(mass, 1e-9)
    x, y = float((column * places).sum()), float((row * places).sum())
    return {
        "light": mass / size**2,
        "x": x,
        "y": y,
        "width": (3 * float((column * (places - x).square()).sum())) ** 0.5,
        "height": (3 * float((row * (places - y).square()).sum())) ** 0.5,
    }


BOXES = ((0.5, 0.25, 0.3, -0.4), (0.25, 0.5, -0.4, 0.2), (0.3, 0.3, 0.5, 0.5))


def _require_at(name: str, light: Tensor, box: tuple[float, float, float, float]) -> None:
    width, height, x, y = box
    found, pixel = _measure(light), 2 / light.shape[-1]
    expected = {"light": width * height, "x": x, "y": y, "width": width, "height": height}
    for what, value in expected.items():
        slack = 0.25 * value + pixel**2 if what == "light" else 1.5 * pixel
        require(
            abs(found[what] - value) <= slack,
            f"{name} of a white square at (width, height, x, y) = {box}, x right and y down, has {what} "
            f"{found[what]:.2f}; expected {value:.2f}",
        )


@law(Renderer)
def a_white_square_at_its_place(bench: Bench) -> None:
    """One object of a known box is painted there, as large and as bright."""
    renderer = _with_squares(bench)
    for box in BOXES:
        _require_at("the image", _painted(renderer, bench, (box, 1.0, 0.0, WHITE)), box)


@law(Renderer)
def places_are_exact(bench: Bench) -> None:
    """An object's centre is where its box says, to a fraction of a pixel, in the middle and at the edges alike."""
    renderer, half = _with_squares(bench), bench.dims.size / 2
    wanted = torch.tensor([-0.65, -0.4, -0.1, 0.2, 0.45, 0.65])
    boxes = [((0.3, 0.3, float(place), float(-place)), 1.0, 0.0, WHITE) for place in wanted]
    found = [_measure(_painted(renderer, bench, box)) for box in boxes]
    for axis, sign in (("x", 1.0), ("y", -1.0)):
        off = half * (torch.tensor([each[axis] for each in found]) - sign * wanted)
        spread = wanted - wanted.mean()
        shift, growth = float(off.mean()), sign * float((off * spread).sum() / spread.square().sum())
        require(abs(shift) <= 0.2, f"objects lie {shift:+.2f} px from where their boxes' {axis} says")
        require(
            abs(growth) <= 0.25,
            f"objects lie {growth:+.2f} px too far out in {axis} at the image's edge, and right in its middle: "
            "pixels have their places at their middles",
        )


@law(Renderer)
def a_glimpse_lies_the_right_way_round(bench: Bench) -> None:
    """What a glimpse has at its upper left is painted at the upper left of its box."""
    renderer = _with_squares(bench, glimpse=Corner)
    for box in BOXES:
        found, (width, height, x, y) = _measure(_painted(renderer, bench, (box, 1.0, 0.0, WHITE))), box
        expected = (x + Corner.left * width, y + Corner.above * height)
        off = max(abs(found["x"] - expected[0]), abs(found["y"] - expected[1])) * bench.dims.size / 2
        require(
            off <= 1,
            f"what is bright at the upper left of a glimpse lies at (x, y) = ({found['x']:.2f}, {found['y']:.2f}) in "
            f"the image of a box (width, height, x, y) = {box}; expected ({expected[0]:.2f}, {expected[1]:.2f})",
        )


@law(Renderer)
def presence_is_linear(bench: Bench) -> None:
    """An object that is half there is half as bright on black."""
    renderer, box = _with_squares(bench), BOXES[0]
    full = _painted(renderer, bench, (box, 1.0, 0.0, WHITE)).sum()
    for presence in (0.0, 0.25, 0.5):
        share = float(_painted(renderer, bench, (box, presence, 0.0, WHITE)).sum() / full)
        require(
            abs(share - presence) < 0.02, f"an object of presence {presence} is {share:.2f} as bright as a whole one"
        )


@law(Renderer)
def the_nearer_hides_the_farther(bench: Bench) -> None:
    """Of two objects in one box with masks, the one of smaller depth is seen."""
    renderer, box = _with_squares(bench), BOXES[2]
    if not renderer.masks:
        raise NotHere("without masks nothing hides anything")
    middle = tuple(int((place + 1) / 2 * bench.dims.size) for place in (box[3], box[2]))
    for near, far, expected in ((WHITE, BLACK, 1.0), (BLACK, WHITE, 0.0)):
        for order in (((-5.0, near), (5.0, far)), ((5.0, far), (-5.0, near))):
            seen = float(_painted(renderer, bench, *((box, 1.0, depth, colour) for depth, colour in order))[middle])
            require(
                abs(seen - expected) < 0.1,
                f"where an object of brightness {near:g} at depth -5 lies over one of {far:g} at depth 5, the image "
                f"has {seen:.2f}; smaller is nearer",
            )


def _at(bench: Bench, light: Tensor, x: float, y: float) -> float:
    column, row = (min(int((place + 1) / 2 * bench.dims.size), bench.dims.size - 1) for place in (x, y))
    return float(light[row, column])


@law(Renderer)
def what_lies_behind_is_seen_beside_objects(bench: Bench) -> None:
    """Where no object is, there is the background; an object with a full mask hides it."""
    grey, box = 0.5, BOXES[2]
    renderer = _with_squares(bench, grey)
    if renderer.background is None:
        raise NotHere("it paints on black")
    for colour in (WHITE, BLACK):
        image = _painted(renderer, bench, (box, 1.0, 0.0, colour))
        beside = _at(bench, image, -box[2], -box[3])
        require(abs(beside - grey) < 0.02, f"beside the object the image has {beside:.2f}; the background has {grey}")
        inside = _at(bench, image, box[2], box[3])
        if renderer.masks:
            require(abs(inside - colour) < 0.1, f"an opaque object of {colour:g} before {grey} has {inside:.2f}")


@law(Renderer)
def curricula_are_obeyed(bench: Bench) -> None:
    """`box_mask` fills every mask with its value; `alpha` is how much the foreground covers, everywhere."""
    renderer, box = _with_squares(bench), BOXES[2]
    if not renderer.masks:
        raise NotHere("without masks there is nothing to fill")
    for share in (0.25, 0.75):
        light = _at(bench, _painted(renderer, bench, (box, 1.0, 0.0, WHITE), box_mask=share), box[2], box[3])
        require(abs(light - share) < 0.1, f"with box_mask={share} a white object on black has {light:.2f} inside")
    renderer = _with_squares(bench, 0.5)
    if renderer.background is None:
        return
    scene, code = _scene(bench, (box, 1.0, 0.0, WHITE)), torch.zeros(1, bench.dims.background)
    for share in (0.0, 0.3, 1.0):
        with torch.no_grad():
            painted = renderer(scene, code, alpha=share)
        off = float((painted.alpha - share).abs().max())
        require(off < 0.01, f"with alpha={share} the foreground covers another share of some pixel, by {off:.2f}")
        _require_put_together(f"with alpha={share}", painted)


@law(Renderer)
def an_image_is_its_layers_put_together(bench: Bench) -> None:
    """image = foreground + (1 - alpha) * background, as `Rendering` has them."""
    renderer = _with_squares(bench, 0.5)
    code = None if renderer.background is None else torch.zeros(1, bench.dims.background)
    with torch.no_grad():
        _require_put_together("of one object", renderer(_scene(bench, (BOXES[0], 0.8, 0.0, WHITE)), code))


def _require_put_together(what: str, painted: Rendering) -> None:
    expected = painted.foreground + (1 - painted.alpha) * painted.background
    off = float((painted.image - expected).abs().max())
    require(off < 0.01, f"the image {what} is up to {off:.2f} from foreground + (1 - alpha) * background")


@law(Renderer)
def layers_are_what_is_painted(bench: Bench) -> None:
    """The layers of a scene of one object, under their masks, add up to its picture, and lie where its box does."""
    renderer = _with_squares(bench)
    for box in BOXES:
        layers = renderer.layers(_scene(bench, (box, 1.0, 0.0, WHITE)))
        _require_at("the layers", (layers.images * layers.masks)[0].sum(0).mean(0).detach(), box)


@law(Renderer)
def layers_stand_row_by_row(bench: Bench) -> None:
    """Layer k is the object of cell k, row by row: beside the first cell is the second of its row."""
    renderer = _with_squares(bench)
    layers = renderer.layers(_scene(bench, *((box, 1.0, 0.0, WHITE) for box in BOXES[:2])))
    for i, box in enumerate(BOXES[:2]):
        _require_at(f"layer {i}", (layers.images * layers.masks)[0, i].mean(0).detach(), box)


@law(Renderer)
def masks_are_its_decoders(bench: Bench) -> None:
    """`masks` is a truth value and says what the decoder's does."""
    renderer = bench.build()
    require(isinstance(renderer.masks, bool), f"`masks` is {renderer.masks!r}; expected True or False")
    decoders = [child for child in renderer.modules() if isinstance(child, GlimpseDecoder)]
    if decoders:
        found = decoders[0].masks
        require(found == renderer.masks, f"`masks` is {renderer.masks}, and its decoder's is {found}")


@law(GlimpseDecoder)
def its_size_is_a_number_of_pixels(bench: Bench) -> None:
    """`size` is a whole number, `masks` a truth value."""
    decoder = bench.build()
    require(type(decoder.size) is int, f"`size` is {decoder.size!r}; expected a whole number of pixels")
    require(isinstance(decoder.masks, bool), f"`masks` is {decoder.masks!r}; expected True or False")
