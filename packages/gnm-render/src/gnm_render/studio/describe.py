"""A scene as the page is told of it, and as a file that brings it back."""

import base64
import io
import zipfile
from typing import Any

import torch
from gnm_core.errors import EditError
from gnm_core.latents import SymbolicLatents
from gnm_core.results import Objects, Scene, Verdict
from PIL import Image
from torch import Tensor

from gnm_render.cli.describe import objects_as_data
from gnm_render.figures.pixels import to_pixels
from gnm_render.studio.models import Loaded

LATENTS = ("presence", "where", "depth", "what")
OBJECTS = ("boxes", "confidence", "present", "what", "depth")


def png(image: Tensor) -> bytes:
    """(C, H, W) in [0, 1] → a PNG file."""
    file = io.BytesIO()
    Image.fromarray(to_pixels(image)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def as_url(image: Tensor) -> str:
    """(C, H, W) in [0, 1] → an address that holds the picture itself."""
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"


def told(number: int, loaded: Loaded, scene: Scene, verdict: Verdict | None = None) -> dict[str, Any]:
    """One scene, for the page."""
    size = loaded.model.dims.size
    return {
        "scene": number,
        "model": loaded.number,
        "image": as_url(scene.image[0]),
        "objects": None if scene.objects is None else objects_as_data(scene.objects, 0, size),
        "has_code": scene.code is not None,
        "verdict": None if verdict is None else {"accepted": verdict.accepted, "reason": verdict.reason},
    }


def saved(loaded: Loaded, scene: Scene) -> dict[str, Any]:
    """All that brings a scene back: its symbols, its background, its code."""
    if scene.latents is None or scene.objects is None:
        raise EditError("this scene has no symbols to be saved")
    return {
        "gnm-scene": 1,
        "model": loaded.name,
        "latents": {name: getattr(scene.latents, name)[0].tolist() for name in LATENTS},
        "objects": {name: getattr(scene.objects, name)[0].tolist() for name in OBJECTS},
        "background": None if scene.background is None else scene.background[0].tolist(),
        "code": None if scene.code is None else scene.code[0].tolist(),
    }


def restored(loaded: Loaded, data: object) -> Scene:
    """The scene of a saved file, painted anew.

    Raises:
        EditError: the file is none, or of a model of other sizes.
    """
    like = loaded.model.sample(1)
    if like.latents is None or like.objects is None:
        raise EditError("this model has no symbols")
    if not isinstance(data, dict) or data.get("gnm-scene") != 1:
        raise EditError("this is no scene that the studio saved")
    latents = SymbolicLatents(**{n: _tensor(data, "latents", n, getattr(like.latents, n)) for n in LATENTS})
    objects = Objects(**{n: _tensor(data, "objects", n, getattr(like.objects, n)) for n in OBJECTS})
    background = None if like.background is None else _tensor({"": data}, "", "background", like.background)
    code = None if data.get("code") is None or like.code is None else _tensor({"": data}, "", "code", like.code)
    with torch.no_grad():
        rendering = loaded.model.render(latents, background)  # type: ignore[operator]
    image = rendering.image.clamp(0, 1)
    return Scene(image, objects, code, latents, background, rendering).by(loaded.model)


def _tensor(data: dict[str, Any], group: str, name: str, like: Tensor) -> Tensor:
    try:
        tensor = torch.tensor(data[group][name], dtype=like.dtype)[None]
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise EditError(f"the saved scene has no sound '{name}'") from error
    if tensor.shape != like.shape:
        raise EditError(f"the saved scene is of another model: its '{name}' is {tuple(tensor.shape[1:])} numbers")
    if tensor.is_floating_point() and not (tensor.isfinite().all() and tensor.abs().max() < 1e6):
        raise EditError(f"the saved scene's '{name}' holds a number that is not finite, or is very large")
    return tensor


@torch.no_grad()
def layers(loaded: Loaded, scene: Scene) -> bytes:
    """A ZIP file: the whole picture, the background, and each object by itself on a transparent ground.

    Raises:
        EditError: the scene has no symbols.
    """
    if scene.latents is None or scene.objects is None or scene.rendering is None:
        raise EditError("this scene has no layers")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("scene.png", png(scene.image[0]))
        archive.writestr("background.png", png(scene.rendering.background[0]))
        painter: Any = loaded.model
        for number, row in enumerate(scene.objects.order(0)):
            alone = torch.zeros_like(scene.latents.presence.flatten(1))
            alone[0, row] = 1
            latents = SymbolicLatents(
                alone.view_as(scene.latents.presence), scene.latents.where, scene.latents.depth, scene.latents.what
            )
            rendering = painter.render(latents, scene.background)
            archive.writestr(f"object-{number}.png", _transparent(rendering.foreground[0], rendering.alpha[0]))
    return file.getvalue()


def _transparent(foreground: Tensor, alpha: Tensor) -> bytes:
    """What is painted, as far as it covers; without masks, brightness is what covers."""
    cover = alpha if float(alpha.min()) < 1 else foreground.amax(0, keepdim=True)
    look = (foreground / cover.clamp(min=1e-6)).clamp(0, 1)
    colour = to_pixels(look)
    opacity = (cover[0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    picture = Image.fromarray(colour).convert("RGBA")
    picture.putalpha(Image.fromarray(opacity))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
