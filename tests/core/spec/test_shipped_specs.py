"""The shipped specs say what they said before they stood on one another."""

import json
from pathlib import Path

import pytest
from gnm_core.plugins import installed
from gnm_core.spec import load_spec

BEFORE = json.loads((Path(__file__).parent / "resolved_at_540b199.json").read_text())
"""Specs of commit 540b199 that have not changed since, resolved by its code: each of them stood by itself."""


@pytest.mark.parametrize("name", BEFORE)
def test_a_spec_resolves_to_what_it_did(name: str) -> None:
    now = load_spec(name).resolved()
    assert not _missing(BEFORE[name], now, "")
    assert now == load_spec(BEFORE[name]).resolved()  # options that came since have their defaults


def _missing(before: object, now: object, path: str) -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        return [found for key in before for found in _missing(before[key], now.get(key), f"{path}.{key}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [found for i, (a, b) in pairs for found in _missing(a, b, f"{path}.{i}")]
    return [] if before == now else [f"{path}: {before!r}, now {now!r}"]


def test_most_of_them_say_only_what_differs() -> None:
    files = [
        entry.path.read_text() for entry in installed().specs.values() if entry.provider.distribution[:4] == "gnm-"
    ]
    children = [text for text in files if "\nbase: " in text]
    short = [text for text in children if len(text.splitlines()) <= 5]
    assert len(short) > len(files) / 2
