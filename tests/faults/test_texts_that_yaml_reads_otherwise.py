"""A folder may be called 2023, 007 or null: the error says how to write that."""

from pathlib import Path

import pytest
from gnm_core.errors import SpecError
from gnm_core.spec import load_spec
from gnm_core.spec.yaml import read_text

SPEC = {"model": "gnm", "data": {"use": "image-folder", "dir": "x"}}


@pytest.mark.parametrize("text", ["2023", "007", "1e3", "null", "true", "0x10", "~", ""])
def test_the_error_repeats_what_was_typed_and_how_to_quote_it(text: str) -> None:
    with pytest.raises(SpecError, match="expected a path") as caught:
        load_spec(SPEC, [f"data.dir={text}"])
    assert f"if the text '{text}' is meant, put it in quotes: --set 'data.dir=\"{text}\"'" in str(caught.value)
    if text:
        assert load_spec(SPEC, [f'data.dir="{text}"'])


def test_in_a_file_it_is_quoted_as_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("model: gnm\ndata: {use: image-folder, dir: 007}\n")
    with pytest.raises(SpecError, match='put it in quotes: dir: "007"'):
        load_spec(tmp_path / "spec.yaml")


@pytest.mark.parametrize("text", ["h #1", "#1", "h  # 1", "[a] #b", '"a" #b'])
def test_what_would_be_a_comment_is_refused_on_the_command_line(text: str) -> None:
    with pytest.raises(SpecError, match=r"data\.dir: '#.*' would be a comment in YAML"):
        load_spec(SPEC, [f"data.dir={text}"])


@pytest.mark.parametrize(("text", "meant"), [('"h #1"', "h #1"), ("'#1'", "#1"), ("h#1", "h#1")])
def test_marks_inside_of_quotes_or_words_are_no_comments(text: str, meant: str) -> None:
    resolved = load_spec(SPEC, [f"data.dir={text}"]).resolved()
    assert resolved["data"]["dir"] == str(Path.cwd() / meant)  # type: ignore[index]


def test_a_file_may_have_comments() -> None:
    assert read_text("model: gnm #1", "x").nodes["model"].value == "gnm"  # type: ignore[union-attr]


def test_a_text_option_says_so_too() -> None:
    with pytest.raises(SpecError, match=r"put it in quotes: --set 'train.stages\.0\.name=\"7\"'"):
        load_spec({"model": "gnm"}, ["train.stages.0.name=7"])
