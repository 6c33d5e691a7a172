"""What is written about gnm holds: links lead somewhere, commands are understood, examples run."""

import re
import shlex
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from gnm_core import load_spec
from readme_renderer import markdown

sys.path.insert(0, str(Path(__file__).parent / "cli"))
from commands import misunderstood

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
DOCUMENTS = [
    *(path for pattern in ("*.md", "docs/*.md", "docs/*/*.md", "examples/*/README.md") for path in ROOT.glob(pattern)),
    *(package / "README.md" for package in PACKAGES),
]
DOCUMENTS = sorted(path for path in DOCUMENTS if "reference" not in path.parts)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def told(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", DOCUMENTS, ids=told)
def test_every_link_leads_to_something(path: Path) -> None:
    targets = [target for target in LINK.findall(path.read_text()) if "://" not in target]
    site = (ROOT / "docs" / "reference").as_posix()  # made with the site, from the registry
    places = {target: (path.parent / target).resolve() for target in targets}
    assert [t for t, place in places.items() if not (place.exists() or place.as_posix().startswith(site))] == []


def commands(text: str) -> list[str]:
    """The lines of code that call gnm, put together where a backslash ends them."""
    blocks = re.findall(r"^```(?:\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if re.match(r"gnm [a-z-]", line)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=told)
def test_every_command_in_a_document_is_understood(path: Path) -> None:
    wrong = {}
    for line in commands(path.read_text()):
        if re.search(r"\.\.\.$|…", line):
            continue
        words = shlex.split(line, comments=True)
        ends = [words.index(sign) for sign in (">", "|", "&&", ";") if sign in words]
        if problem := misunderstood(words[: min(ends, default=None)]):
            wrong[line] = problem
    assert wrong == {}


def values_of(words: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(words) if name == option]


def specified(path: Path) -> list[tuple[str, list[str]]]:
    """(spec, `--set` texts) of each command that takes a spec by its name; `gnm evaluate` sets metrics."""
    lines = [shlex.split(line, comments=True) for line in commands(path.read_text()) if "…" not in line]
    named = [(spec, words) for words in lines for spec in values_of(words, "--spec") if "." not in spec]
    return [(spec, values_of(words, "--set")) for spec, words in named]


@pytest.mark.parametrize("path", list(filter(specified, DOCUMENTS)), ids=told)
def test_every_spec_in_a_command_can_be_changed_as_it_says(path: Path) -> None:
    for spec, changes in specified(path):
        load_spec(spec, changes)


def shown(path: Path) -> list[str]:
    """The specs in a document that stand on a base."""
    return re.findall(r"^```yaml\n((?:#[^\n]*\n)?base: .*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", list(filter(shown, DOCUMENTS)), ids=told)
def test_every_spec_shown_that_stands_on_a_base_can_be_read(path: Path, tmp_path: Path) -> None:
    for number, text in enumerate(shown(path)):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        load_spec(file)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_says_by_itself_what_it_is(package: Path) -> None:
    text = (package / "README.md").read_text()
    assert text.startswith(f"# {package.name}\n")
    assert re.search(rf"^pip install .*{package.name}", text, re.MULTILINE)
    assert [target for target in LINK.findall(text) if "://" not in target] == []  # an index has no other files
    assert commands(text)
    assert markdown.render(text)  # as an index does
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(compile(example, told(package / "README.md"), "exec"), {})


def test_the_citation_is_of_this_version() -> None:
    (version,) = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    said = tomllib.loads((ROOT / "packages/gnm-core/pyproject.toml").read_text())["project"]["version"]
    assert version == said
