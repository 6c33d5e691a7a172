"""Compiles the C files for the wheel, where there is a compiler; an editable install compiles them on first use."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "gnm_render/native/csrc"


class Hook(BuildHookInterface):  # type: ignore[type-arg]
    """Called by hatchling."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the files are put together."""
        if version == "editable":
            return
        source = Path(self.root) / "src"
        try:
            from gnm_core.native.wheel import Carried
        except ImportError:
            self.app.display_warning("the wheel carries no compiled libraries: gnm-core is not there to compile them")
            return
        self.carried = Carried(source, FOLDER)
        self.app.display_info(self.carried.add_to(build_data))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """When the wheel is there."""
        if version != "editable" and hasattr(self, "carried"):
            self.carried.remove()
