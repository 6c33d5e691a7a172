"""Compiles the C files for the wheel, where there is a compiler; an editable install compiles them on first use."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "gnm_core/native/csrc"


class Hook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the files are put together."""
        if version == "editable":
            return
        source = Path(self.root) / "src"
        sys.path.insert(0, str(source))
        from gnm_core.native.wheel import Carried

        self.carried = Carried(source, FOLDER)
        self.app.display_info(self.carried.add_to(build_data))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """When the wheel is there."""
        if version != "editable" and hasattr(self, "carried"):
            self.carried.remove()
