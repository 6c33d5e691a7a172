"""What can be wrong with a model: one rule each, a name, what was seen, and what to change."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from gnm_core.diagnosis.signs import Signs


@dataclass(frozen=True)
class Finding:
    """What one rule has to say."""

    name: str
    """The fault, in a few words: `no objects`."""
    seen: str
    """What was seen of it, in numbers."""
    change: str
    """What to change."""

    def __str__(self) -> str:
        """In a sentence or two."""
        return f"{self.name}: {self.seen}. {self.change}"


class Rule(ABC):
    """Looks at signs for one fault."""

    name: str
    """The fault, in a few words."""
    change: str
    """What to change; options by their paths in a spec of `gnm`."""

    @abstractmethod
    def seen(self, signs: Signs) -> str | None:
        """What is seen of the fault, in numbers; None where it is not there, or cannot be told."""

    def look(self, signs: Signs) -> Finding | None:
        """The fault, if it is there."""
        seen = self.seen(signs)
        return None if seen is None else Finding(self.name, seen, self.change)


class TooFewSteps(Rule):
    """Nothing can be said yet."""

    name = "too few steps yet"
    change = "Train on before judging it: gnm train --resume, with more steps by --set where all are made"
    least = 200
    """Steps before which no model has learnt anything."""
    half = 0.5
    """Share of the cells above which objects are still many."""

    def seen(self, signs: Signs) -> str | None:
        """A step below `least`, or one at which the training still leads the model by the hand."""
        of = "" if signs.total is None else f" of {signs.total:,}"
        if signs.step < self.least:
            return f"{signs.step:,}{of} steps; what it draws is as good as chance"
        if signs.asked.present or signs.asked.opaque:
            return f"{signs.step:,}{of} steps; objects are still asked to be there, wherever the pictures have none"
        if signs.asked.many and signs.objects is not None and signs.objects > self.half * (signs.cells or 0):
            return f"{signs.step:,}{of} steps; objects have only begun to be asked to be few"
        return None


class NoObjects(Rule):
    """Presence has died."""

    name = "no objects"
    change = (
        "Ask for objects first and for few of them later: base gnm-masks-64 does; or raise model.presence_prior.rate "
        "at the start, lower the weight of auxiliary.presence, lower model.sigma so that faint objects count"
    )
    fewest = 0.05
    """Objects a picture below which there are none."""

    def seen(self, signs: Signs) -> str | None:
        """Fewer than one object in twenty pictures."""
        if signs.objects is None or signs.objects >= self.fewest or signs.asked.present:
            return None
        return f"{signs.objects:.2f} objects a picture, {signs.pictures:,} looked at"


class EveryCellAnObject(Rule):
    """Presence tells nothing."""

    name = "every cell an object"
    change = (
        "Ask for fewer: a smaller last value of model.presence_prior.rate, or a larger weight of auxiliary.presence; "
        "and see that model.where_prior.mean is the size of an object"
    )
    share = 0.95
    """Share of the cells above which all count as full."""

    def seen(self, signs: Signs) -> str | None:
        """Nearly all places are taken, and nobody asked for it."""
        if signs.objects is None or signs.cells is None or signs.asked.many:
            return None
        if signs.objects < self.share * signs.cells:
            return None
        return f"{signs.objects:.1f} of {signs.cells} places hold one in every picture, so presence tells nothing"


class Tiles(Rule):
    """Objects paint the ground."""

    name = "objects tile the picture"
    change = (
        "Give the background more to paint with (dims.background, model.renderer.background.side), a larger "
        "model.sigma, or a larger weight of auxiliary.what so that ground is dear to paint"
    )
    share = 0.85
    """Share of the pixels above which objects are the ground."""
    fewest = 3.0
    """Objects a picture below which one large object is just that."""

    def seen(self, signs: Signs) -> str | None:
        """Objects hide nearly everything, and nobody filled their masks."""
        if signs.covered is None or signs.objects is None or signs.asked.many or signs.asked.opaque:
            return None
        if signs.covered < self.share or signs.objects < self.fewest:
            return None
        return f"{signs.objects:.1f} objects hide {signs.covered:.0%} of the picture"


class BoxesAtThePrior(Rule):
    """Boxes are not found, they stand where they began."""

    name = "boxes at the prior's mean"
    change = (
        "Lower the weight of auxiliary.where, or widen model.where_prior.std; if objects are found all the same, "
        "they may all be of one size and stand on a grid"
    )
    spread = 0.03
    """Below this (a thirtieth of a side, of a cell) all boxes are alike."""
    least = 500
    """Steps before which they may still stand where they begin: of digits that were found well, they left at 400."""

    def seen(self, signs: Signs) -> str | None:
        """All boxes are of one size, in the middle of their cells, and nobody holds them there."""
        size, place = signs.size_spread, signs.place_spread
        if size is None or place is None or signs.step < self.least or signs.asked.boxes_held:
            return None
        if max(size, place) >= self.spread:
            return None
        return f"boxes differ by {size:.1%} in size and by {place:.3f} of a cell in place, whatever the picture"


class BackgroundExplainsObjects(Rule):
    """The background leaves nothing to the objects."""

    name = "the background explains objects"
    change = (
        "Make it poorer or dearer: a smaller dims.background or model.renderer.background.side, a larger weight of "
        "auxiliary.background at first; read it past the objects (model.background_encoder: surroundings)"
    )
    gain = 0.05
    """Share of the background's error that objects must take away."""
    explained = 0.5
    """Share of what differs from the mean colour that the background must paint before it is to blame."""

    def seen(self, signs: Signs) -> str | None:
        """Pictures are as good without their objects, and good."""
        alone, both, plain = signs.error_of_background, signs.error, signs.error_of_colour
        if alone is None or both is None or plain is None or signs.asked.present or signs.asked.opaque:
            return None
        if both < (1 - self.gain) * alone or alone > (1 - self.explained) * plain:
            return None
        return f"the error is {both:.4f} with the objects and {alone:.4f} without them"


class UnusedLatent(Rule):
    """A latent says no more than its prior."""

    name = "a latent unused"
    change = (
        "Lower the weight of its divergence at first (objective.weights or objective.auxiliary, with a schedule), "
        "or leave it out: it learns no more from the image than its prior says"
    )
    silent = 0.01
    """Nats per picture below which it says nothing."""

    def seen(self, signs: Signs) -> str | None:
        """A divergence near zero that is no good sign; of the auxiliary ones, those of what and background."""
        names = [name for name, nats in signs.divergences.items() if nats < self.silent and self._tells(name, signs)]
        if not names:
            return None
        return ", ".join(f"{name.partition('.')[2]} says {signs.divergences[name]:.4f} nats" for name in names)

    def _tells(self, name: str, signs: Signs) -> bool:
        if name == "kl.depth":  # objects that do not overlap need no order
            return False
        if name == "kl.presence":  # where the scene code has told it all, nothing is left to say
            return signs.divergences.get("kl.scene", 0.0) < self.silent
        if name.startswith("kl."):
            return True
        there = signs.objects is not None and signs.objects > NoObjects.fewest
        return name == "auxiliary.background" or (name == "auxiliary.what" and there)


class LossFlat(Rule):
    """Nothing more is learnt."""

    name = "loss flat"
    change = "It has learnt what it can at this rate: stop, or change train.optimizer.lr or the schedules"

    def seen(self, signs: Signs) -> str | None:
        """The likelihood has not risen for long."""
        if signs.flat_since is None:
            return None
        return f"no better since step {signs.flat_since:,}, although nothing else changed"


RULES: tuple[Rule, ...] = (
    TooFewSteps(),
    NoObjects(),
    EveryCellAnObject(),
    Tiles(),
    BoxesAtThePrior(),
    BackgroundExplainsObjects(),
    UnusedLatent(),
    LossFlat(),
)


def diagnose(signs: Signs) -> list[Finding]:
    """What is wrong. After very few steps nothing else is; where every cell holds an object, tiles are no wonder."""
    findings = [finding for rule in RULES if (finding := rule.look(signs)) is not None]
    if signs.step < TooFewSteps.least:
        return findings[:1]
    names = {finding.name for finding in findings}
    hidden = {Tiles.name} if EveryCellAnObject.name in names else set()
    return [finding for finding in findings if finding.name not in hidden]
