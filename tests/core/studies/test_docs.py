"""The document on studies says what is so."""

import re
from pathlib import Path

from gnm_core.studies.folder import check_study

DOCUMENT = (Path(__file__).parents[3] / "docs/studies.md").read_text()


def test_the_study_in_the_docs_can_be_begun(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    (tmp_path / "study.yaml").write_text(block)
    folder = check_study(tmp_path / "study.yaml", tmp_path / "out", {})
    assert len(folder.planned) == 3 * (2 * 2 + 2)


def test_the_studies_of_the_reproduction_can_be_begun(tmp_path: Path) -> None:
    for file in (Path(__file__).parents[3] / "docs/reproduction").glob("study-*.yaml"):
        assert check_study(file, tmp_path / "out", {}).planned
