"""The models that the packages ship are what their cards say."""

import re
from math import sqrt

import gnm_core
import pytest
import torch
from gnm_core.evaluation import judge_of
from gnm_core.plugins import installed
from gnm_core.registry import Shipped

SCENES = 250
OURS = {"gnm-data", "gnm-baselines"}
SHIPPED = [found for found in installed().pretrained.values() if found.provider.distribution in OURS]
TOGETHER, EACH = 40 * 2**20, 12 * 2**20
"""Bytes at most."""


def by_name(found: Shipped) -> str:
    return found.name


@pytest.mark.parametrize("found", SHIPPED, ids=by_name)
def test_a_shipped_model_obeys_its_rule_as_often_as_its_card_says(found: Shipped) -> None:
    row = re.search(r"^\| S-Acc \| ([\d.]+) of ([\d,]+) ", (found.path / "README.md").read_text(), re.M)
    assert row is not None
    told, of = float(row[1]), int(row[2].replace(",", ""))
    run = gnm_core.pretrained(found.name)
    judge = judge_of(run.spec.resolved()["data"]["use"], run.spec.dims)
    assert judge is not None
    torch.manual_seed(7)
    with torch.no_grad():
        images = torch.cat([run.model.sample(50).image for _ in range(SCENES // 50)])
    share = sum(verdict.accepted for verdict in judge.judge(images)) / SCENES
    # 3.3 standard errors of the difference: one seed in a thousand is farther away
    assert abs(share - told) < 3.3 * sqrt(told * (1 - told) * (1 / SCENES + 1 / of)) + 1 / SCENES


def test_they_are_small() -> None:
    sizes = [sum(file.stat().st_size for file in found.path.rglob("*") if file.is_file()) for found in SHIPPED]
    assert SHIPPED
    assert max(sizes) < EACH
    assert sum(sizes) < TOGETHER
