"""Messages are short and can be printed, whatever they quote."""

import pickle

import pytest
from gnm_core.errors import DataError, GnmError, OptionError, Problem, SpecError
from gnm_core.printable import LINES, message, printable, quoted, said_by, short
from gnm_core.spec import load_spec
from hypothesis import given
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@given(ANY_TEXT)
def test_nothing_that_a_terminal_obeys_is_left_and_all_of_it_can_be_encoded(text: str) -> None:
    shown = printable(text)
    assert all(line.isprintable() for line in shown.split("\n"))
    shown.encode()


@given(ANY_TEXT, st.integers(8, 200))
def test_a_short_text_is_one_line_within_bounds(text: str, most: int) -> None:
    cut = short(text * 10, most)
    assert cut.isprintable()
    assert len(cut) <= most + len(" ... [1,000,000 characters] ... ")


@given(ANY_TEXT)
def test_a_message_is_bounded_once_and_then_stays_as_it_is(text: str) -> None:
    assert message(message(text)) == message(text)


def test_a_key_of_200_kilobytes_gives_a_short_error() -> None:
    with pytest.raises(SpecError) as caught:
        load_spec({"model": {"use": "gnm", "x" * 200_000: 1}})
    assert len(str(caught.value)) < 2000
    with pytest.raises(SpecError) as caught:
        load_spec({"model": "y" * 200_000}, ["model." + "z" * 200_000 + "=1"])
    assert len(str(caught.value)) < 4000


def test_ten_thousand_problems_are_counted_and_not_all_told() -> None:
    text = str(SpecError([Problem(f"number {i}") for i in range(10_000)]))
    assert len(text.splitlines()) == LINES + 1
    assert text.endswith("... and 9,900 lines more")


@pytest.mark.parametrize("kind", [GnmError, DataError])
def test_the_colours_in_a_file_name_do_not_reach_the_terminal(kind: type[GnmError]) -> None:
    assert str(kind("\x1b[31mred\x07\udcff.png: broken\nsecond line")) == (
        "\\x1b[31mred\\x07\\udcff.png: broken\nsecond line"
    )


def test_an_option_error_keeps_its_option_and_reason() -> None:
    error = OptionError("steps", "0 is too few")
    assert (error.option, error.reason, str(error)) == ("steps", "0 is too few", "steps: 0 is too few")


def test_errors_travel_between_processes() -> None:
    assert str(pickle.loads(pickle.dumps(DataError("a: broken")))) == "a: broken"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit("no words")


def test_an_exception_without_words_is_told_by_its_kind() -> None:
    wordless = type("Wordless", (Exception,), {"__str__": lambda self: None})()
    assert said_by(Unspeakable()) == "Unspeakable (whose text cannot be had: SystemExit)"
    assert said_by(wordless) == "Wordless (whose text cannot be had: TypeError)"


def test_anothers_error_is_told_on_one_short_line() -> None:
    assert said_by(ValueError("a\n  b")) == "ValueError: a b"
    assert said_by(GeneratorExit()) == "GeneratorExit"
    assert len(said_by(ValueError("x" * 10**6))) < 400


def test_values_stay_on_one_line() -> None:
    assert quoted("a\nb\x1b") == "'a\\nb\\x1b'"
    assert quoted(type("Odd", (), {"__repr__": lambda self: 1 / 0})()) == "<a Odd that cannot be shown>"
