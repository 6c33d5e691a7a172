"""A training killed at any moment ends, once resumed, with the same weights to the last bit."""

import json
import signal
import subprocess
import sys
from pathlib import Path


def test_a_killed_training_ends_like_one_that_was_not(tmp_path: Path) -> None:
    script = Path(__file__).with_name("kills.py")
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert len(outcomes) > 30
    for moment, outcome in outcomes.items():
        assert outcome == {"killed": -signal.SIGKILL, "resumed": 0, "differing": []}, moment
    assert any("write training.pt" in moment for moment in outcomes)
