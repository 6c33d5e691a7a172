"""Whatever is in a file or on the command line: an error of ours, or the right thing. Thousands with GNM_TESTS=long."""

import gzip
import io
import json
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from gnm_core.dims import Dims
from gnm_core.errors import DataError, GnmError, RunError, SpecError
from gnm_core.parts.data.picture import read_picture
from gnm_core.runs.checkpoint import Checkpoint
from gnm_core.spec import DataSpec, load_spec
from gnm_core.spec.yaml import read_file
from gnm_data.digits.idx import read_idx
from gnm_data.storage.manifest import read_manifest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

ROOT = Path(__file__).parents[2]
many = settings.get_profile("many")

SPEC = """\
dims: {channels: 1, size: 32, grid: 4, features: 8, scene: 4, what: 4}
model:
  use: gnm
  core: {use: structdraw, steps: 2, prior: autoregressive}
  presence_prior: {use: bernoulli, rate: {from: 0.1, to: 0.001, until: 4000}}
objective: {use: elbo, weights: {scene: {from: 0, to: 1, until: 100000}}}
data: {use: mnist-4, digits: embedded}
train: {steps: 10, batch: 2, optimizer: {use: rmsprop, lr: 1e-4}}
"""
TOKENS = [
    *(
        "null",
        "true",
        ".nan",
        "-.inf",
        "1e999",
        "-1",
        "0",
        "999999999999999999999",
        "[]",
        "{}",
        "''",
        "&a",
        "*a",
        "!!x",
    ),
    *(
        "<<:",
        "use:",
        "gnm",
        "vae",
        "model",
        "core",
        "steps",
        "\\n",
        "  ",
        "- ",
        ": ",
        "#",
        "|",
        ">",
        "%",
        "@",
        "`",
        "\0",
    ),
    *("\u202e", "\x1b[31m", "\ud7ff", "x" * 3000, "[" * 80, "{a: " * 80, "~", "=", "2026-11-29", "0x10", "1_000", "'"),
]


def printable_and_short(error: GnmError, named: str = "") -> None:
    assert named in str(error)
    assert all(line.isprintable() for line in str(error).split("\n"))
    assert len(str(error)) < 400_000


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes with up to four places changed, cut out, doubled or filled with something else."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["flip", "cut", "double", "fill", "end"]))
        if kind == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[at : at + length]
        elif kind == "double":
            data[at:at] = data[at : at + length]
        elif kind == "fill":
            data[at : at + length] = draw(st.binary(max_size=40))
        elif kind == "end":
            del data[at:]
    return bytes(data)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """Text with up to four of its pieces replaced or joined by tokens that mean something in a spec."""
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 12))
        text = text[:at] + draw(st.sampled_from(TOKENS)) + text[at + length :]
    return text


@many
@given(text=mutated(SPEC))
def test_a_mutated_spec(text: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        spec = load_spec(path)
    except SpecError as error:
        printable_and_short(error)
        return
    assert load_spec(spec.resolved()).resolved() == spec.resolved()


@many
@given(content=damaged(SPEC.encode()))
def test_a_damaged_spec(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)
    try:
        read_file(path)
    except SpecError as error:
        printable_and_short(error)


PATHS = st.lists(
    st.sampled_from(["model", "core", "steps", "0", "1", "train", "optimizer", "lr", "data", "", "x"]), max_size=5
)


@many
@given(
    path=PATHS, value=st.one_of(st.sampled_from(TOKENS), st.text(max_size=20), mutated("{use: structdraw, steps: 2}"))
)
def test_any_override(path: list[str], value: str) -> None:
    try:
        load_spec({"dims": {"size": 32}, "data": "mnist-4"}, [f"{'.'.join(path)}={value}"], top=DataSpec)
    except SpecError as error:
        printable_and_short(error)


META = {
    "format": 1, "step": 10, "stage": 0, "providers": {"gnm-core": "0.1.0"}, "torch": "2.9", "python": "3.11",
    "seconds": 1.5, "threads": 1, "files": {"model.safetensors": {"bytes": 10, "sha256": "0" * 64}},
}  # fmt: skip


@many
@given(content=damaged(json.dumps(META).encode()))
def test_damaged_metadata_of_a_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_bytes(content)
    try:
        Checkpoint(tmp_path).weights()
    except RunError as error:
        printable_and_short(error)


MANIFEST = b'{"format": 1, "recipe": {"part": "x", "spec": {}, "providers": {}}, "image": [1, 32, 32], "check": "0"}'


@many
@given(content=damaged(MANIFEST))
def test_a_damaged_manifest(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_manifest(tmp_path)
    printable_and_short(caught.value)


IDX = struct.pack(">HBBIII", 0, 8, 3, 2, 28, 28) + bytes(range(256)) * 6 + bytes(32)


@many
@given(content=damaged(IDX), packed=damaged(gzip.compress(IDX, mtime=0)))
def test_damaged_digits(content: bytes, packed: bytes, tmp_path: Path) -> None:
    for name, data in (("plain", content), ("packed.gz", packed), ("inner.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(data)
        try:
            found = read_idx(tmp_path / name, (None, 28, 28))
        except DataError as error:
            printable_and_short(error, name)
        else:
            assert found.shape[1:] == (28, 28)


def encoded(kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 20, 3), np.uint8)
    image = Image.fromarray(pixels).quantize(16) if kind == "GIF" else Image.fromarray(pixels)
    if kind == "16 bits":
        image, kind = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257), "PNG"
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "TIFF") else {}
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "16 bits", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
@settings(many, max_examples=max(20, many.max_examples // 8))
@given(data=st.data())
def test_a_damaged_picture(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(data.draw(damaged(encoded(kind))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of broken files
        try:
            picture = read_picture(path, Dims(size=16, channels=3), max_pixels=1_000_000)
        except DataError as error:
            printable_and_short(error, "picture.png")
        else:
            assert picture.pixels.shape == (3, 16, 16)
