"""`gnm check`."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]

MODULES = {
    "rain/__init__.py": "",
    "rain/plugin.py": """
        from gnm_core import hookimpl
        @hookimpl
        def gnm_register(register):
            register.schedule("good", "rain.parts:Good")
            register.schedule("bad", "rain.parts:Bad")
            register.schedule("needy", "rain.parts:Needy")
            register.part("weather", "wet", "rain.parts:Wet")
            register.laws("rain.laws")
    """,
    "rain/parts.py": """
        from gnm_core import Contract, Schedule
        class Good(Schedule):
            def __call__(self, step: int) -> float:
                return 1.0
        class Bad(Schedule):
            def __init__(self) -> None:
                self.calls = 0
            def __call__(self, step: int) -> float:
                self.calls += 1
                return float(self.calls)
        class Needy(Schedule):
            def __init__(self, *, value: float) -> None:
                self.value = value
            def __call__(self, step: int) -> float:
                return self.value
        class Weather(Contract):
            kind, describes = "weather", "tomorrow"
        class Wet(Weather):
            rain = 2.0
    """,
    "rain/laws.py": """
        from gnm_core.testing import Bench, law, require
        from rain.parts import Weather
        @law(Weather)
        def rain_is_a_share(bench: Bench) -> None:
            rain = bench.build().rain
            require(0 <= rain <= 1, f"rain is {rain:g}; expected a share")
    """,
}


def test_broken_laws_are_told_with_their_numbers(gnm: Run, distribution: Callable[..., Path]) -> None:
    site = distribution("rain", MODULES, entry="rain.plugin")
    shown = gnm("check", "rain", site=site)
    assert shown.returncode == 1, shown.stderr
    told = " ".join(shown.stdout.split())
    assert "schedule bad as Schedule: a-function-of-the-step: at step 1000000000 it says 9, then 10, and" in told
    assert "weather wet as Weather: rain-is-a-share: rain is 2; expected a share\n" in shown.stdout
    assert "schedule needy as Schedule: schedule.value: is missing; expected a number\n" in shown.stdout
    rows = {line.split()[1]: line.split()[-1] for line in shown.stdout.splitlines()[-4:]}
    assert rows == {"good": "0", "bad": "1", "needy": "built", "wet": "1"}


def test_a_part_that_keeps_its_contract_ends_well(gnm: Run, distribution: Callable[..., Path]) -> None:
    site = distribution("rain", MODULES, entry="rain.plugin")
    assert gnm("check", "rain", "--name", "good", site=site).returncode == 0
    needy = gnm("check", "rain", "--name", "needy", "--set", "value=0.5", "--json", site=site)
    assert needy.returncode == 0, needy.stdout
    assert {finding["outcome"] for finding in json.loads(needy.stdout)} == {"kept", "silent"}


def test_a_package_without_parts_is_named(gnm: Run, distribution: Callable[..., Path]) -> None:
    site = distribution("rain", MODULES, entry="rain.plugin")
    wrong = gnm("check", "rian", site=site)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("no plugin comes from a package 'rian'; did you mean 'rain'")
