"""Killed at any moment, a training, a build and an evaluation go on to what they would have been."""

import json
import os
import subprocess
import sys
from pathlib import Path

KILLS = 200 if os.environ.get("GNM_TESTS") == "long" else 10


def test_whatever_is_killed_goes_on_exactly(tmp_path: Path) -> None:
    script, toys = Path(__file__).with_name("random_kills.py"), Path(__file__).parent.parent / "core/training"
    environment = os.environ | {"PYTHONPATH": str(toys)}
    command = [sys.executable, script, tmp_path, str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout.splitlines()[-1])
    assert sum(outcome["killed"] for outcome in outcomes.values()) == KILLS
    assert {name: outcome["differing"] for name, outcome in outcomes.items()} == dict.fromkeys(outcomes, 0)
