"""A metric: how many shapes a reconstruction keeps."""

from collections.abc import Sequence

from gnm_core import EvaluationBatch, EvaluationContext, Measurement, Metric, Skip, Value

from gnm_shapes.judge import ShapesJudge

Kept = tuple[int, int, int]
"""Of some shapes: how many keep their colour, how many their kind, how many there are."""


class KeptShapes(Metric):
    """Of the shapes in the test pictures, the shares whose colour, and whose kind, can be read off the reconstruction.

    Args:
        images: how many pictures it looks at.
    """

    def __init__(self, *, images: int = 256) -> None:
        self.images = images

    def update(self, batch: EvaluationBatch) -> Kept:
        """One batch → what is kept of it."""
        judge = ShapesJudge()
        if batch.image.shape[1] != 3:
            raise Skip("its pictures have no colours")
        colours = kinds = count = 0
        for picture, seen in zip(batch.image, batch.reconstruction, strict=True):
            for there, kept in zip(judge.read(picture), judge.read(seen), strict=True):
                if there is not None:
                    count += 1
                    kinds += kept is not None and kept[0] == there[0]
                    colours += kept is not None and kept[1] == there[1]
        return colours, kinds, count

    def measure(self, context: EvaluationContext, updates: Sequence[Kept]) -> Measurement:
        """What was kept of all batches → two shares."""
        colours, kinds, count = (sum(column) for column in zip(*updates, strict=True))
        if not count:
            raise Skip("there is no shape in its pictures")
        return Measurement(
            (
                Value("shapes of the right colour", colours / count, count=count),
                Value("shapes of the right kind", kinds / count, count=count),
            )
        )
