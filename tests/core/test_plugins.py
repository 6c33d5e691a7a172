"""Discovery through real entry points: whatever a plugin does, everything else works."""

import json
import subprocess
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from gnm_core.offers import our_packages
from gnm_core.plugins import installed, load_plugins

Distribution = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]

HOOK = """
from gnm_core import hookimpl

@hookimpl
def gnm_register(register):
    {body}
"""


def plugins_of(gnm: Run, site: Path) -> dict[str, dict[str, object]]:
    result = gnm("plugins", "--json", site=site)
    assert result.returncode == 0, result.stderr
    return {plugin["package"]: plugin for plugin in json.loads(result.stdout)}


def test_the_installed_packages_all_work() -> None:
    registry = installed()
    assert registry.failed == []
    assert [plugin.provider.distribution for plugin in registry.plugins][:4] == list(our_packages())


def test_a_plugin_adds_a_part_and_a_command(distribution: Distribution, gnm: Run) -> None:
    site = distribution(
        "acme",
        {
            "acme.py": HOOK.format(
                body="register.prior('lucky', 'acme_parts:Lucky'); register.command('hi', 'acme_parts:hi', 'say hi')"
            ),
            "acme_parts.py": '''
                import click
                from gnm_core.parts.priors.standard_normal import StandardNormal

                class Lucky(StandardNormal):
                    """Always lucky."""

                @click.command()
                def hi():
                    print("hello from acme")
            ''',
        },
    )
    assert plugins_of(gnm, site)["acme"]["parts"] == {"prior": ["lucky"]}
    assert "say hi" in gnm("--help", site=site).stdout
    assert gnm("hi", site=site).stdout == "hello from acme\n"
    (site / "spec.yaml").write_text("dims: {size: 32}\nmodel: {use: gnm, core: {use: structdraw, prior: lucky}}\n")
    result = gnm("compose", "--spec", site / "spec.yaml", site=site)
    assert result.returncode == 0, result.stderr
    assert "prior: lucky" in result.stdout
    assert "acme 1.0" in result.stdout


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_thing\n", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("raise RuntimeError('two\\nlines')\n", "RuntimeError: two lines"),
        ("import sys; sys.exit(3)\n", "SystemExit: 3"),
        ("def broken(:\n", "SyntaxError"),
        (HOOK.format(body="raise ValueError('no luck')"), "ValueError: no luck"),
        (HOOK.format(body="register.core('a', 'x:Y'); register.core('a', 'x:Z')"), "core 'a' is registered twice"),
        (HOOK.format(body="register.encoder('mine', 42)"), "encoder 'mine': 42 is not a part"),
        (HOOK.format(body="register.encoder('mine', 'nonsense')"), "'nonsense' is not of the form 'module:Class'"),
        (HOOK.format(body="register.encodr('mine', 'x:Y')"), "has no attribute 'encodr'"),
        (HOOK.replace("gnm_register", "gnm_regster").format(body="pass"), "unknown hook 'gnm_regster'"),
        (HOOK.replace("(register)", "(registry)").format(body="pass"), "registry"),
        ("GNM_API = 99\n" + HOOK.format(body="pass"), "needs plugin API 99, and this gnm-core has 1"),
        ("GNM_API = 'new'\n" + HOOK.format(body="pass"), "GNM_API must be a whole number, not 'new'"),
        ("def gnm_register(register): pass\n", "no function 'gnm_register' marked with @hookimpl"),
    ],
)
def test_a_broken_plugin_is_set_aside_with_its_cause(
    source: str, cause: str, distribution: Distribution, gnm: Run
) -> None:
    site = distribution("acme", {"acme.py": source})
    plugin = plugins_of(gnm, site)["acme"]
    assert cause in str(plugin["failure"])
    assert plugin["parts"] == {}
    assert "Traceback" in str(plugin["traceback"])
    others = gnm("parts", "core", "structdraw", site=site)
    assert others.returncode == 0
    warnings = others.stderr.splitlines()
    assert len(warnings) == 1
    assert warnings[0].startswith("gnm: plugin acme 1.0 is disabled: ")


def test_a_missing_module_is_set_aside(distribution: Distribution, gnm: Run) -> None:
    site = distribution("acme", {}, entry="not_there.plugin")
    assert "No module named 'not_there'" in str(plugins_of(gnm, site)["acme"]["failure"])


def test_two_strangers_with_one_name_go_in_alphabetical_order(distribution: Distribution, gnm: Run) -> None:
    site = distribution("zeta", {"zeta.py": HOOK.format(body="register.prior('both', 'zeta:Z')")})
    distribution("acme", {"acme.py": HOOK.format(body="register.prior('both', 'acme:A')")})
    found = plugins_of(gnm, site)
    assert (found["acme"]["notes"], found["zeta"]["failure"]) == ([], None)
    assert found["zeta"]["notes"] == ["prior 'both' is already provided by acme 1.0; this one goes by 'zeta:both'"]


CLASH = """
import click
from gnm_core import hookimpl

@hookimpl
def gnm_register(register):
    register.prior("standard-normal", "gnm_core.parts.priors.normal:NormalPrior")
    register.prior("own", "gnm_core.parts.priors.normal:NormalPrior")
    register.command("specs", "acme:specs", "mine")

@click.command()
def specs():
    print("specs of acme")
"""


def test_a_name_that_is_taken_costs_a_plugin_nothing_but_the_name(distribution: Distribution, gnm: Run) -> None:
    site = distribution("acme", {"acme.py": CLASH})
    acme = plugins_of(gnm, site)["acme"]
    assert acme["failure"] is None
    assert acme["parts"] == {"prior": ["acme:standard-normal", "own"]}
    ours = gnm("specs", site=site)
    assert "mnist-4" in ours.stdout
    assert ours.stderr.splitlines() == [
        f"gnm: plugin acme 1.0: {what} is already provided by gnm-core 0.1.0; this one goes by 'acme:{name}'"
        for what, name in (("prior 'standard-normal'", "standard-normal"), ("command 'specs'", "specs"))
    ]
    assert gnm("acme:specs", site=site).stdout == "specs of acme\n"
    assert "acme:specs" in gnm("--help", site=site).stdout
    spec = {"use": "gnm", "what_prior": "standard-normal", "depth_prior": {"use": "acme:standard-normal", "mean": [0]}}
    (site / "spec.yaml").write_text(json.dumps({"dims": {"size": 32}, "model": {**spec, "where_prior": "own"}}))
    resolved = json.loads(gnm("compose", "--spec", site / "spec.yaml", "--json", site=site).stdout)["spec"]["model"]
    assert [resolved[name]["use"] for name in ("what_prior", "depth_prior")] == [
        "standard-normal",
        "acme:standard-normal",
    ]


def test_the_plugins_command_shows_the_cause_and_on_request_the_place(distribution: Distribution, gnm: Run) -> None:
    site = distribution("acme", {"acme.py": "raise RuntimeError('no luck')\n"})
    shown = gnm("plugins", site=site).stdout
    assert "acme 1.0  (acme)\n  disabled: RuntimeError: no luck\n" in shown
    assert "acme.py" not in shown
    assert 'acme.py", line 1' in gnm("plugins", "--traceback", site=site).stdout


def test_a_broken_address_harms_only_its_user(distribution: Distribution, gnm: Run) -> None:
    site = distribution("acme", {"acme.py": HOOK.format(body="register.prior('ghost', 'acme:Ghost')")})
    assert plugins_of(gnm, site)["acme"]["failure"] is None
    listed = gnm("parts", "prior", site=site)
    assert listed.returncode == 0
    assert "cannot be read: module acme has no class Ghost" in listed.stdout
    (site / "spec.yaml").write_text("model: {use: gnm, core: {use: structdraw, prior: ghost}}\n")
    used = gnm("compose", "--spec", site / "spec.yaml", site=site)
    assert used.returncode == 2
    assert "model.core.prior: prior 'ghost' of acme 1.0: acme:Ghost cannot be loaded" in used.stderr
    assert "Traceback" not in used.stderr


def test_an_unknown_part_names_the_plugins_that_might_have_had_it(distribution: Distribution, gnm: Run) -> None:
    site = distribution("acme", {"acme.py": "import no_such_thing\n"})
    (site / "spec.yaml").write_text("model: {use: gnm, core: {use: structdraw, prior: lucky}}\n")
    result = gnm("compose", "--spec", site / "spec.yaml", site=site)
    assert result.returncode == 2
    assert "disabled, and might have had it: acme 1.0 (ModuleNotFoundError: No module named 'no_such_thing')" in (
        result.stderr
    )


def test_order_does_not_depend_on_the_order_of_discovery() -> None:
    points = list(entry_points(group="gnm"))
    forwards, backwards = load_plugins(points), load_plugins(reversed(points))
    assert list(forwards.parts) == list(backwards.parts)


def test_metadata_that_is_broken_spoils_nothing(distribution: Distribution, gnm: Run) -> None:
    site = distribution("acme", {"acme.py": HOOK.format(body="register.prior('lucky', 'acme:Lucky')")})
    distribution("bare", {"bare.py": HOOK.format(body="register.prior('plain', 'bare:Plain')")})
    (site / "bare-1.0.dist-info" / "METADATA").unlink()
    distribution("torn", {})
    (site / "torn-1.0.dist-info" / "entry_points.txt").write_text("[gnm]\nno equals sign\n")
    found = plugins_of(gnm, site)
    assert found["acme"]["parts"] == {"prior": ["lucky"]}
    assert found["unknown"]["parts"] == {"prior": ["plain"]}
    assert str(found["torn"]["failure"]).startswith("its entry_points.txt cannot be read: ")


def test_a_shadowed_distribution_is_not_asked(distribution: Distribution, gnm: Run) -> None:
    site = distribution("acme", {"acme.py": HOOK.format(body="register.prior('lucky', 'acme:Lucky')")}, version="2.0")
    distribution("acme", {}, entry="gone", version="1.0")
    result = gnm("plugins", "--json", site=site)
    assert [p["package"] for p in json.loads(result.stdout)].count("acme") == 1


def test_a_command_that_is_not_there_harms_only_its_user(distribution: Distribution, gnm: Run) -> None:
    site = distribution("acme", {"acme.py": HOOK.format(body="register.command('hi', 'acme:hi', 'say hi')")})
    assert "say hi" in gnm("--help", site=site).stdout
    result = gnm("hi", site=site)
    assert result.returncode == 2
    assert result.stderr.startswith("command 'hi' of acme 1.0: acme:hi cannot be loaded: AttributeError")
