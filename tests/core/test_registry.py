"""The registry: what a plugin may register, and what it answers."""

import pytest
from gnm_core.contracts import Encoder
from gnm_core.errors import PluginError
from gnm_core.registry import Provider, Register, Registry

ACME = Provider("acme", "1.0")
OTHER = Provider("other", "2.0")
CONV = "gnm_core.parts.encoders.conv:ConvEncoder"


def registry_of(*registers: Register) -> Registry:
    registry = Registry()
    for register in registers:
        registry.add(register)
    return registry


def test_a_part_is_found_by_kind_and_name_with_its_provider() -> None:
    register = Register(ACME)
    register.encoder("conv", CONV)
    entry = registry_of(register).find("encoder", "conv")
    assert entry is not None
    assert entry.provider == ACME
    assert issubclass(entry.load(), Encoder)


def test_a_class_may_be_registered_instead_of_its_address() -> None:
    from gnm_core.parts.encoders.conv import ConvEncoder

    register = Register(ACME)
    register.encoder("conv", ConvEncoder)
    entry = registry_of(register).find("encoder", "conv")
    assert entry is not None
    assert entry.load() is ConvEncoder


@pytest.mark.parametrize(
    "kind",
    [
        "encoder",
        "core",
        "prior",
        "renderer",
        "decoder",
        "schedule",
        "objective",
        "optimizer",
        "model",
        "data",
        "judge",
        "figure",
        "metric",
    ],
)
def test_every_kind_has_its_own_method(kind: str) -> None:
    register = Register(ACME)
    getattr(register, kind)("x", "module:X")
    assert list(register.parts) == [(kind, "x")]


def test_a_package_may_have_a_kind_of_its_own() -> None:
    register = Register(ACME)
    register.part("weather", "rain", "acme.weather:Rain")
    assert registry_of(register).kinds == ["weather"]


def test_names_are_refused_twice_within_a_plugin() -> None:
    register = Register(ACME)
    register.encoder("conv", CONV)
    with pytest.raises(PluginError, match="encoder 'conv' is registered twice"):
        register.encoder("conv", "acme:Conv")
    register.command("x", "acme:x", "help")
    with pytest.raises(PluginError, match="command 'x' is registered twice"):
        register.command("x", "acme:x", "help")


def test_what_has_a_taken_name_goes_by_its_packages_name_as_well() -> None:
    first, second = Register(ACME), Register(OTHER)
    first.encoder("conv", CONV)
    second.encoder("fine", CONV)
    second.encoder("conv", CONV)
    registry = registry_of(first)
    added = registry.add(second)
    assert [entry.name for entry in added.parts] == ["fine", "other:conv"]
    assert added.notes == ("encoder 'conv' is already provided by acme 1.0; this one goes by 'other:conv'",)
    both = registry.find("encoder", "conv"), registry.find("encoder", "other:conv")
    assert [entry.provider for entry in both if entry] == [ACME, OTHER]


def test_a_package_that_takes_a_name_twice_is_refused_as_a_whole() -> None:
    first, second = Register(ACME), Register(ACME)
    first.encoder("conv", CONV)
    second.encoder("fine", CONV)
    second.encoder("conv", CONV)
    registry = registry_of(first)
    registry.add(second)
    third = Register(ACME)
    third.encoder("also", CONV)
    third.encoder("conv", CONV)
    with pytest.raises(PluginError, match=r"encoder 'acme:conv' is already provided by acme 1\.0"):
        registry.add(third)
    assert registry.find("encoder", "also") is None


@pytest.mark.parametrize("name", ["", "has space", "9lives", "true", "null", "a:b", 3, None])
def test_names_that_a_spec_cannot_say_are_refused(name: object) -> None:
    with pytest.raises(PluginError, match="cannot be the name of a part"):
        Register(ACME).encoder(name, CONV)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["no_colon", "a:b:c", ":X", "m:", "m:X()", "a b:C"])
def test_addresses_must_have_the_form_module_class(target: str) -> None:
    with pytest.raises(PluginError, match="not of the form 'module:Class'"):
        Register(ACME).encoder("x", target)


@pytest.mark.parametrize("target", [42, dict, lambda: None, None])
def test_what_is_no_part_is_refused(target: object) -> None:
    with pytest.raises(PluginError, match="is not a part"):
        Register(ACME).encoder("x", target)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "target", "message"),
    [
        ("encoder", "no_such_module:X", r"encoder 'x' of acme 1\.0: no_such_module:X cannot be loaded: ModuleNotFound"),
        ("encoder", "gnm_core.dims:Nothing", "cannot be loaded: AttributeError"),
        ("encoder", "gnm_core.dims:Dims", "is not a part"),
        ("core", CONV, "ConvEncoder is of kind 'encoder', registered as 'core'"),
    ],
)
def test_a_broken_address_is_an_error_only_when_used(kind: str, target: str, message: str) -> None:
    register = Register(ACME)
    register.part(kind, "x", target)
    entry = registry_of(register).find(kind, "x")
    assert entry is not None
    with pytest.raises(PluginError, match=message):
        entry.load()


def test_a_command_that_is_none_is_an_error_when_used() -> None:
    register = Register(ACME)
    register.command("x", "gnm_core.dims:Dims", "help")
    with pytest.raises(PluginError, match=r"command 'x' of acme 1\.0: gnm_core.dims:Dims is not a click command"):
        register.commands["x"].load()
