"""What the source document reports (supplement, Tables 1-3), to put beside what is measured."""

from gnm_core.spec import CheckedSpec

_STRUCTURE: dict[str, tuple[float, float, float]] = {
    "GNM": (0.692, 5279, 10693),
    "GNM-8": (0.852, 6639, 10692),
    "GNM-β-2": (0.916, 1719, 10684),
    "GNM-8-β-2": (0.960, 3599, 10693),
    "GENESIS": (0.016, 199, 10084),
    "ConvDRAW": (0.000, 959, 10756),
    "ConvDRAW-8": (0.004, 1759, 10775),
    "ConvDRAW-β-10": (0.560, 2399, 10429),
    "ConvDRAW-8-β-10": (0.880, 1759, 10479),
}
"""Table 1, MNIST-4-10: S-Acc, D-Steps, LL."""

_OBJECTS: dict[tuple[str, str], tuple[float, float, float]] = {
    ("GNM", "mnist-10"): (0.905, 0.459, 0.984),
    ("GNM", "mnist-4"): (0.905, 0.487, 0.983),
    ("SPACE", "mnist-10"): (0.905, 0.453, 0.980),
    ("SPACE", "mnist-4"): (0.906, 0.464, 0.979),
}
"""Table 2: AP at IoU 0.5, AP at 0.5:0.05:0.95, accuracy of the classification of z^what."""

PARAMETERS: dict[str, dict[str, str]] = {
    "GNM": {"arrow-room": "8.6M", "mnist-10": "2.9M", "mnist-4": "2.9M"},
    "GENESIS": {"arrow-room": "13.9M", "mnist-10": "13.9M", "mnist-4": "13.9M"},
    "ConvDRAW": {"arrow-room": "4.7M", "mnist-10": "1.5M", "mnist-4": "1.5M"},
    "VAE": {"arrow-room": "1.5M", "mnist-10": "1.5M", "mnist-4": "1.5M"},
}
"""Table 3: size of each model."""

_SIZE = 128
"""Side of the published images, in pixels. A likelihood is comparable between images of one size only."""

_NAMES = {"gnm": "GNM", "convdraw": "ConvDRAW", "vae": "VAE", "genesis": "GENESIS", "space": "SPACE"}
_STEPS = 4
"""Drawing steps of a model whose label does not say."""


def published(label: str, data: str, name: str, size: int) -> float | None:
    """The reported value; None where there is none, or none for images of this size.

    Args:
        label: the model, such as `GNM-8-β-2`.
        data: registered name of the data set.
        name: name of the value.
        size: side of the images, in pixels.
    """
    found: dict[str, float] = {}
    if data == "mnist-4-10" and label in _STRUCTURE:
        found |= dict(zip(("S-Acc", "D-Steps", "LL"), _STRUCTURE[label], strict=True))
        found["LL (relaxed, as published)"] = found["LL"]
    if (label, data) in _OBJECTS:
        names = ("AP@0.5 (11-point)", "AP@0.5:0.95 (11-point)", "z^what accuracy")
        found |= dict(zip(names, _OBJECTS[label, data], strict=True))
    return None if name.startswith("LL") and size != _SIZE else found.get(name)


def label_of(spec: CheckedSpec) -> str:
    """The model of a spec as the source document would call it: `GNM-8-β-2` has 8 drawing steps and a final beta of 2.

    Models that it does not have go by their registered names.
    """
    resolved = spec.resolved()
    model = resolved["model"]
    assert isinstance(model, dict)
    use = str(model["use"])
    label = _NAMES.get(use, use)
    if use not in ("gnm", "convdraw"):
        return label
    core = model["core"]
    steps = core.get("steps", _STEPS) if isinstance(core, dict) else _STEPS
    beta = _beta(spec)
    return label + (f"-{steps}" if steps != _STEPS else "") + (f"-β-{beta:g}" if beta != 1 else "")


def _beta(spec: CheckedSpec) -> float:
    """Weight of the scene code's divergence when training ends."""
    last = spec.training().schedule()[-1].objective or spec.objective()
    schedule = getattr(last, "weights", {}).get("scene")
    return 1.0 if schedule is None else float(schedule(10**9))
