"""Scenes as plain data, for JSON."""

from gnm_core.errors import FigureError
from gnm_core.parts.data.picture import Frame
from gnm_core.results import Objects, Scene
from torch import Tensor

DIGITS = 4
"""Decimals that numbers are rounded to."""


def objects_as_data(objects: Objects, scene: int, size: int, frame: Frame | None = None) -> list[dict[str, object]]:
    """The objects that are there in one scene, the surest first.

    Args:
        objects: of a batch of scenes.
        scene: which one.
        size: side of the model's square, in pixels.
        frame: where that square lies in a user's picture; adds the boxes in the picture's own pixels.
    """
    listed: list[dict[str, object]] = []
    for i in objects.order(scene):
        boxes: dict[str, object] = {"box": numbers(objects.boxes[scene, i])}
        if frame is not None:
            boxes["box_in_picture"] = numbers(frame.to_original(objects.boxes[scene, i], size))
        listed.append(
            {
                **boxes,
                "confidence": round(float(objects.confidence[scene, i]), DIGITS),
                "depth": round(float(objects.depth[scene, i]), DIGITS),
                "what": numbers(objects.what[scene, i]),
            }
        )
    return listed


def scene_as_data(scene: Scene, index: int, size: int, frame: Frame | None = None) -> dict[str, object]:
    """One scene of a batch: its objects (null for models without objects) and its code z^g (null without one)."""
    return {
        "objects": None if scene.objects is None else objects_as_data(scene.objects, index, size, frame),
        "code": None if scene.code is None else [numbers(step) for step in scene.code[index]],
    }


def numbers(values: Tensor) -> list[float]:
    """(N,) → rounded numbers.

    Raises:
        FigureError: one is not finite, which JSON cannot say.
    """
    if not values.isfinite().all():
        raise FigureError("the model's boxes or codes are not finite")
    return [round(value, DIGITS) for value in values.tolist()]
