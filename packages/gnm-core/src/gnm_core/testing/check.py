"""Checks: the laws of a contract, tried on one part, one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gnm_core.contract import Contract
from gnm_core.dims import Dims
from gnm_core.randomness import borrowed_random_state
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import Law, laws_of
from gnm_core.testing.require import ConformanceError


@dataclass(frozen=True)
class Check:
    """One law, to be tried on one part."""

    law: Law
    bench: Bench

    @property
    def name(self) -> str:
        """The law's, such as `each-image-alone`."""
        return self.law.name

    def try_it(self) -> None:
        """Try the law.

        Raises:
            ConformanceError: the part breaks it; the text begins with the law's name.
            NotHere: the law says nothing about this part.
        """
        with borrowed_random_state(seed=0):
            try:
                self.law.rule(self.bench)
            except (ConformanceError, NotHere) as found:
                if isinstance(found, NotHere):
                    raise
                raise ConformanceError(f"{self.name}: {found}") from found
            except Exception as error:
                raise ConformanceError(f"{self.name}: {type(error).__name__}: {error}") from error

    def __call__(self) -> None:
        """Try the law under pytest: what it says nothing about is skipped."""
        try:
            self.try_it()
        except NotHere as why:
            import pytest

            pytest.skip(str(why))


def checks_of(
    contract: type[Contract],
    part: str | type[Contract],
    dims: Dims | None = None,
    options: Mapping[str, object] | None = None,
) -> Iterator[Check]:
    """The checks of one part; arguments as of `check_part`."""
    bench = Bench(contract, part, dims, options)
    yield from (Check(law, bench) for law in laws_of(contract))


def check_part(
    contract: type[Contract],
    part: str | type[Contract],
    dims: Dims | None = None,
    **options: object,
) -> None:
    """Try every law of a contract on one part.

    Args:
        contract: the slot that the part is for, such as `ScenePrior`.
        part: a registered name, or the class itself.
        dims: sizes; small ones by default.
        options: the part's options, as a spec would give them.

    Raises:
        ConformanceError: a law is broken; the text says which and how.
        SpecError: the options do not fit.
    """
    with borrowed_random_state(), torch.device("meta"):
        Bench(contract, part, dims, options).build()  # what does not fit is the composer's error
    for check in checks_of(contract, part, dims, options):
        try:
            check.try_it()
        except NotHere:
            continue


def parametrize_checks(
    contract: type[Contract],
    part: str | type[Contract],
    dims: Dims | None = None,
    *,
    expected_failures: Mapping[str, str] | None = None,
    **options: object,
) -> Any:
    """A pytest mark that gives a test, as `check`, every law of a contract for one part: one test id each.

    Args:
        contract: the slot that the part is for.
        part: a registered name, or the class itself.
        dims: sizes; small ones by default.
        expected_failures: law to why the part breaks it; where it no longer does, the test fails.
        options: the part's options, as a spec would give them.

    Raises:
        ValueError: there is no such law to be broken.
    """
    import pytest

    why = dict(expected_failures or {})
    checks = list(checks_of(contract, part, dims, options))
    unknown = why.keys() - {check.name for check in checks}
    if unknown:
        known = ", ".join(check.name for check in checks)
        raise ValueError(f"no law of {contract.__name__} is named {', '.join(sorted(unknown))}; laws: {known}")
    cases = [
        pytest.param(
            check,
            id=check.name,
            marks=[pytest.mark.xfail(reason=why[check.name], strict=True, raises=ConformanceError)]
            if check.name in why
            else [],
        )
        for check in checks
    ]
    return pytest.mark.parametrize("check", cases)
