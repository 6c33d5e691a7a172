"""The house rule that a program can check: small files."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 400
SOURCES = (".py", ".pyi", ".c", ".h", ".css", ".js")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if name.endswith(SOURCES) and (ROOT / name).is_file()]


def test_no_source_file_is_longer_than_a_reader_likes() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in tracked()}
    assert lengths
    assert not {str(path): lines for path, lines in lengths.items() if lines > LONGEST}
