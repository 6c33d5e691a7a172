"""Watches the terms of the objective and says in plain words what goes wrong."""

import math
from collections.abc import Mapping

from gnm_core.dims import Dims

PATIENCE = 1000
"""Steps that a symptom must last before it is named."""
FEW = 0.02
"""Objects per cell below which presence counts as unused."""
ALL = 0.98
"""Objects per cell above which presence counts as always on."""
SILENT = 0.01
"""Nats per image below which a latent counts as adding nothing to its prior."""


def nonfinite(values: Mapping[str, float]) -> list[str]:
    """The names of the values that are not finite; what follows from others only where none of them is at fault."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    return [name for name in bad if name not in ("loss", "elbo", "gradient")] or bad


class CollapseMonitor:
    """Names each symptom once when it has lasted, and once when it has passed.

    Args:
        dims: the model's sizes; there is one object a cell at most.
        patience: steps that a symptom must last.
    """

    def __init__(self, dims: Dims, patience: int = PATIENCE) -> None:
        self.cells, self.patience = dims.grid**2, patience
        self._since: dict[str, int] = {}
        self._named: set[str] = set()

    def watch(self, step: int, values: Mapping[str, float]) -> list[str]:
        """What there is to say after `step`.

        Args:
            step: steps made so far.
            values: means over the batch: `kl.<name>`, `objects` and the rest.
        """
        symptoms = self._symptoms(values)
        for key in [key for key in self._since if key not in symptoms]:
            del self._since[key]
        said = []
        for key, text in symptoms.items():
            since = self._since.setdefault(key, step)
            if step - since >= self.patience and key not in self._named:
                self._named.add(key)
                said.append(f"{text} (since step {since:,})")
        for key in sorted(self._named - symptoms.keys()):
            self._named.remove(key)
            said.append(f"{key}: recovered")
        return said

    def _symptoms(self, values: Mapping[str, float]) -> dict[str, str]:
        symptoms = {}
        if "objects" in values:
            share = values["objects"] / self.cells
            if share < FEW:
                symptoms["objects"] = (
                    "objects: hardly any cell holds an object; the background or the blank canvas explains the images"
                )
            elif share > ALL:
                symptoms["objects"] = (
                    "objects: every cell holds an object; presence tells nothing, and scenes are cut into tiles"
                )
        for name, value in values.items():
            if name.startswith("kl.") and value < SILENT:
                latent = name.removeprefix("kl.")
                symptoms[name] = (
                    f"{name}: near zero; the latent '{latent}' learns no more from the image than its prior says"
                )
        return symptoms
