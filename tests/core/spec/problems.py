"""What is wrong with a spec."""

from pathlib import Path

import pytest
from gnm_core.errors import SpecError
from gnm_core.spec import load_spec

HEAD = "dims: {size: 32}\nmodel:\n"


def problems_of(tmp_path: Path, text: str | bytes, overrides: tuple[str, ...] = (), **options: object) -> list[str]:
    """What is wrong with a spec, without the folder."""
    file = tmp_path / "spec.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SpecError) as caught:
        load_spec(file, overrides, **options)  # type: ignore[arg-type]
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]
