"""What others build on does not change without a word in the changelog."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from gnm_core.plugins import installed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def surface() -> ModuleType:
    spec = importlib.util.spec_from_file_location("surface", ROOT / "tests" / "surface.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["surface"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


CHANGELOG = "# Changelog\n\n## 0.2.0 (unreleased)\n\n- Old words about `prior`.\n- {}\n\n## 0.1.0\n\n- `colour`.\n"


def test_every_change_is_in_the_changelog(surface: ModuleType) -> None:
    installed.cache_clear()
    then, known = surface.recorded()
    found = surface.changes(surface.surface(), then)
    untold = surface.untold(found, known, surface.CHANGELOG.read_text())
    assert not untold, (
        "these changed, and no new entry of CHANGELOG.md names them (docs/stability.md); then: "
        "python tests/surface.py --write\n" + "\n".join(map(str, untold))
    )


@pytest.mark.parametrize(
    ("then", "now", "said", "told"),
    [
        ("option prior mixture heads: integer; default 4", "", "The option `heads` of `mixture` is gone.", True),
        ("option prior mixture heads: integer; default 4", "", "Something else.", False),
        ("", "name Novelty", "`gnm_core.Novelty` is new.", True),
        ("", "name Novelty", "`NoveltyShop` is new.", False),
        ("hook gnm_step(training)", "hook gnm_step(training, more)", "`gnm_step` is told `more`.", True),
        ("", "part prior colour", "Words about nothing.", False),
        ("contract Core.infer(self, x)", "contract Core.infer(self, x, y)", "`Core.infer` takes `y`.", True),
    ],
)  # fmt: skip
def test_a_change_counts_as_told_where_a_new_entry_names_it(
    surface: ModuleType, then: str, now: str, said: str, told: bool
) -> None:
    known = set(surface.entries(CHANGELOG.format("Not yet.")))
    found = surface.changes([now] if now else [], [then] if then else [])
    assert (surface.untold(found, known, CHANGELOG.format(said)) == []) is told


def test_what_an_old_entry_or_an_old_version_says_counts_for_nothing(surface: ModuleType) -> None:
    changelog = CHANGELOG.format("New words.")
    known = set(surface.entries(CHANGELOG.format("Not yet.")))
    for line in ("part x colour", "part x prior"):  # in 0.1.0, and in an entry that was there before
        assert surface.untold([surface.Change(line, False)], known, changelog)


def test_the_surface_holds_what_is_promised(surface: ModuleType) -> None:
    lines = surface.surface()
    for line in (
        "name part",
        "hook gnm_training_step(training, report)",
        "register prior(name, target)",
        "part core structdraw",
        "option schedule linear from: number; required",
    ):
        assert line in lines, [found for found in lines if found.startswith(line[:20])]
    assert any(line.startswith("contract Core.infer(self, features: ") for line in lines)
    assert any(line.startswith("field Scene.code: ") for line in lines)
