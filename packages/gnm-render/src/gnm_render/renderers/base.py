"""What both renderers share: decoding, compositing (supplement, Algorithm 2), layers."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from gnm_core.contracts import BackgroundDecoder, GlimpseDecoder, Renderer
from gnm_core.dims import Dims
from gnm_core.latents import SymbolicLatents
from gnm_core.results import Components, Rendering
from torch import Tensor

GLIMPSES_AT_ONCE = 128
"""Glimpses that a CPU decodes together: all of them at once would be a tenth faster and take a fifth more memory."""
MORE_AT_ONCE = 512
"""The same in bf16 and where nothing is kept for a backward pass: where there is less between the layers."""


@dataclass(frozen=True)
class Cells:
    """The symbolic map, row by row, or the cells of it that are to be painted."""

    presence: Tensor
    """(B, N, 1)."""
    where: Tensor
    """(B, N, 4)."""
    depth: Tensor
    """(B, N, 1)."""
    what: Tensor
    """(B, N, D)."""

    @property
    def count(self) -> int:
        """N."""
        return self.where.shape[1]

    def fields(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The four of them, in the order of the constructor."""
        return self.presence, self.where, self.depth, self.what

    def split(self, scenes: int) -> list["Cells"]:
        """A few scenes at a time."""
        return [Cells(*few) for few in zip(*(torch.split(x, scenes) for x in self.fields()), strict=True)]


@dataclass(frozen=True)
class Glimpses:
    """The decoded objects of a batch of scenes, N = G * G or, when some were left out, fewer."""

    decoded: Tensor
    """(B, N, C, s, s): what each object looks like; with masks (B, N, C + 1, s, s), its shape behind it."""
    masks: bool
    """Whether there are masks."""
    presence: Tensor
    """(B, N, 1, 1, 1)."""
    depth: Tensor
    """(B, N, 1, 1, 1)."""
    where: Tensor
    """(B, N, 4) = (width, height, x, y) in the image frame."""

    @property
    def appearance(self) -> Tensor:
        """(B, N, C, s, s): what each object looks like."""
        return self.decoded[:, :, :-1] if self.masks else self.decoded

    @property
    def mask(self) -> Tensor | None:
        """(B, N, 1, s, s): its shape; None without masks."""
        return self.decoded[:, :, -1:] if self.masks else None


@dataclass(frozen=True)
class Foreground:
    """All objects of each scene, painted."""

    image: Tensor
    """(B, C, H, W)."""
    alpha: Tensor | None
    """(B, 1, H, W): sum of the objects' masks, not clamped; None without masks."""


class ObjectRenderer(Renderer):
    """Decodes the glimpses, has a subclass paint them, and lays them over the background.

    With masks: a = mask * presence; foreground = sum of STN(a o) weighted by STN(a sigmoid(-depth)), normalised over
    objects; image = foreground + (1 - alpha) * background, alpha = sum of STN(a), clamped. Without: the sum of
    presence * STN(o), not clamped, on black or added to the background.

    Args:
        dims: sizes.
        glimpse: decoder of z^what; decides whether there are masks.
        background: decoder of z^b; None paints on black.
    """

    def __init__(self, dims: Dims, *, glimpse: GlimpseDecoder, background: BackgroundDecoder | None) -> None:
        super().__init__()
        self.size, self.channels = dims.size, dims.channels
        self.glimpse, self.background, self.masks = glimpse, background, glimpse.masks

    @abstractmethod
    def paint(self, glimpses: Glimpses) -> Foreground:
        """Place every object and sum them up."""

    @abstractmethod
    def place(self, glimpses: Tensor, where: Tensor) -> Tensor:
        """(B, N, c, s, s) and (B, N, 4) → (B, N, c, H, W): each glimpse on its own canvas."""

    def forward(
        self,
        latents: SymbolicLatents,
        background: Tensor | None = None,
        *,
        box_mask: float | None = None,
        alpha: float | None = None,
    ) -> Rendering:
        """Paint a batch of scenes; see the contract."""
        foreground = self._foreground(latents, box_mask)
        image = foreground.image
        if foreground.alpha is None:
            covered = image.new_full((image.shape[0], 1, self.size, self.size), float(self.background is None))
        else:
            covered = clamp_straight_through(foreground.alpha, 1e-15, 1 - 1e-15)
            if alpha is not None:
                covered = torch.full_like(covered, alpha)
        if self.background is None:
            return Rendering(image, image, covered, torch.zeros_like(image))
        if background is None:
            raise ValueError("this renderer has a background decoder: it needs z^b")
        behind = self.background(background)
        return Rendering(image + (1 - covered) * behind, image, covered, behind)

    def _foreground(self, latents: SymbolicLatents, box_mask: float | None) -> Foreground:
        """The objects of all scenes; without gradients absent ones are left out."""
        cells = _rows(latents)
        if not torch.is_grad_enabled():
            cells = _only_present(cells)
        return self.paint_all(cells, box_mask)

    def paint_all(self, cells: Cells, box_mask: float | None) -> Foreground:
        """Decode the objects of all scenes and paint them; `box_mask` as for `decode`."""
        return joined([self.paint_cells(few, box_mask) for few in cells.split(_scenes_at_once(cells))])

    def paint_cells(self, cells: Cells, box_mask: float | None) -> Foreground:
        """Decode a few scenes' objects and paint them; `box_mask` as for `decode`."""
        return self.paint(self.decode(cells, box_mask))

    def decode(self, cells: Cells, box_mask: float | None = None) -> Glimpses:
        """The glimpse of every cell; with `box_mask`, every mask fills its box with that value."""
        what, where, presence, depth = cells.what, cells.where, cells.presence, cells.depth
        batch, count = what.shape[:2]
        if count == 0:
            size = self.glimpse.size
            decoded = what.new_zeros(batch, 0, self.channels + self.masks, size, size)
        else:
            decoded = rearrange(self.glimpse(rearrange(what, "b n d -> (b n) d")), "(b n) c h w -> b n c h w", n=count)
        if self.masks and box_mask is not None:
            decoded = torch.cat([decoded[:, :, :-1], torch.full_like(decoded[:, :, -1:], box_mask)], dim=2)
        presence, depth = (x[..., None, None].to(decoded.dtype) for x in (presence, depth))
        return Glimpses(decoded, self.masks, presence, depth, where)

    def layers(self, latents: SymbolicLatents) -> Components:
        """Every cell's object on its own canvas, by itself (K = G * G, row by row)."""
        glimpses = self.decode(_rows(latents))
        where, presence = glimpses.where.detach(), glimpses.presence.detach()
        mask = torch.ones_like(glimpses.appearance[:, :, :1]) if glimpses.mask is None else glimpses.mask.detach()
        images = self.place(glimpses.appearance.detach(), where)
        masks = self.place(mask * presence, where)
        names = tuple(f"object {i + 1}" for i in range(images.shape[1]))
        return Components(images, masks, names)


def clamp_straight_through(x: Tensor, low: float, high: float) -> Tensor:
    """Clamp whose gradient is that of the identity."""
    return x + (x.clamp(low, high) - x).detach()


def joined(few: Sequence[Foreground]) -> Foreground:
    """The scenes of all, one after the other."""
    alphas = [painted.alpha for painted in few if painted.alpha is not None]
    return Foreground(torch.cat([painted.image for painted in few]), torch.cat(alphas) if alphas else None)


def _scenes_at_once(cells: Cells) -> int:
    """A few on a processor, so that what lies between the layers stays small; a GPU paints all at once."""
    if cells.what.device.type != "cpu":
        return max(1, len(cells.what))
    roomy = torch.is_autocast_enabled("cpu") or not torch.is_grad_enabled()
    return max(1, (MORE_AT_ONCE if roomy else GLIMPSES_AT_ONCE) // max(1, cells.count))


def _rows(latents: SymbolicLatents) -> Cells:
    fields = (latents.presence, latents.where, latents.depth, latents.what)
    return Cells(*(rearrange(x, "b h w d -> b (h w) d") for x in fields))


def _only_present(cells: Cells) -> Cells:
    """Leave out absent objects, keeping as many places as the fullest scene needs; relaxed presence keeps them all."""
    there = cells.presence[..., 0] > 0
    most = int(there.sum(1).max()) if there.numel() else 0
    if most == cells.count:
        return cells
    first = there.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most, None]
    return Cells(*(x.gather(1, first.expand(-1, -1, x.shape[-1])) for x in cells.fields()))
