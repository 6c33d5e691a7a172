"""What differs between two specs is told by paths that `--set` takes, and is all that differs."""

import json
from typing import Any

import pytest
from gnm_core import load_spec
from gnm_core.spec.differences import differences


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("mnist-4-10-64", "mnist-10-64"),
        ("mnist-4-64-cells", "mnist-4-10-64"),
        ("mnist-4-64", "vae-mnist-4-64"),
        ("own-pictures-64", "gnm-masks-64"),
        ("genesis-mnist-4-64", "genesis-mnist-10-64"),
    ],
)
def test_set_to_what_is_there_one_spec_is_the_other(ours: str, theirs: str) -> None:
    here, there = load_spec(ours).resolved(), load_spec(theirs).resolved()
    found = list(differences(here, there))
    assert found
    assert list(differences(here, here)) == []
    assert {path: (b, a) for path, a, b in found} == {path: (a, b) for path, a, b in differences(there, here)}
    changed = load_spec(here, [f"{path}={json.dumps(value)}" for path, _, value in found]).resolved()
    assert list(differences(changed, there)) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "paths"),
    [
        ([{"name": "a", "steps": 1}, {"name": "b"}], [{"name": "a", "steps": 2}, {"name": "b"}], ["x.a.steps"]),
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}], ["x.a"]),
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}], ["x"]),
        ([{"name": "a"}, {"name": "b"}], [{"name": "a"}, {"name": "c"}], ["x.1.name"]),
        ([{"name": "a", "steps": 1}, {"steps": 1}], [{"name": "a", "steps": 2}, {"steps": 1}], ["x.0.steps"]),
        ([{"steps": 1}], [{"steps": 1}, {"steps": 2}], ["x"]),
        ([1, 2], [1, 3], ["x"]),
        ([], [{"name": "a"}], ["x"]),
        ({"use": "linear", "to": 1}, {"use": "linear", "to": 2}, ["x.to"]),
        ({"use": "linear", "to": 1}, {"use": "constant", "value": 2}, ["x"]),
        ({"what": 1}, {"what": 1, "where": 1}, ["x"]),
        (1, 1.0, ["x"]),
        (True, 1, ["x"]),
    ],
)
def test_elements_of_lists_go_by_name_by_number_or_together(ours: Any, theirs: Any, paths: list[str]) -> None:
    assert [path for path, _, _ in differences({"x": ours}, {"x": theirs})] == paths
