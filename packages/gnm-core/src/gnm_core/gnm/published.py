"""Reads weights of the published implementation: its parameter names onto ours, strictly."""

import io
import pickle
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnm_core.errors import RunError
from gnm_core.gnm.model import GNM
from gnm_core.layers.celu_norm import CeluNorm1d, CeluNorm2d
from gnm_core.layers.convlstm import ConvLSTM
from gnm_core.layers.subpixel import SubpixelConv
from gnm_core.parts.cores.structdraw import StructDRAW
from gnm_core.parts.encoders.conv import ConvEncoder
from gnm_core.parts.priors.autoregressive import AutoregressivePrior
from gnm_core.printable import short
from gnm_core.regular_files import read_file
from gnm_core.tensors import kind_of, oddity

DEEPEST = 4
"""Levels of nesting in a checkpoint file above its weights."""

HEAD = ("p_z_given_x_or_g_net", "p_z_given_g_net")
"""The published head is one network under two names."""

CONSTANTS = (
    *(f"aux_p_{latent}_{moment}" for latent in ("what", "bg", "depth", "where") for moment in ("mean", "std")),
    "aux_p_pres_probs",
    "background",
    "global_struct_draw.dec_step_0",
    "local_latent_sampler.offset",
)
"""What the published implementation stores beside its weights; our spec says the same."""


def read_published(path: Path) -> dict[str, Tensor]:
    """Tensors of a published checkpoint by name, without running any code that it may hold.

    Raises:
        RunError: no such file, no checkpoint, nothing in it that looks like weights, or weights that are no plain,
            finite float32.
    """
    try:
        content = read_file(path)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise RunError(f"{path}: {reason}") from None
    try:
        with warnings.catch_warnings(action="ignore"):  # of torch's about the pickle protocol, before it refuses
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise RunError(f"{path}: refused: it is no checkpoint, or holds code instead of plain weights") from error
    except Exception as error:  # torch raises many kinds for a broken file
        raise RunError(f"{path}: not a checkpoint that can be read: {type(error).__name__}") from error
    weights = {str(k).removeprefix("module."): v for k, v in _weights(found, path).items() if isinstance(v, Tensor)}
    problems = [f"{short(name, 80)} {why}" for name, tensor in weights.items() if (why := _fault(tensor))]
    if problems:
        more = [f"and {len(problems) - 20} more"] if len(problems) > 20 else []
        raise RunError(f"{path}: these are no weights:\n  " + "\n  ".join(problems[:20] + more))
    return weights


def _weights(content: Any, path: Path) -> Mapping[Any, Any]:
    """The mapping that holds tensors, at the top or further down under the usual names."""
    for _ in range(DEEPEST):
        if not isinstance(content, Mapping):
            raise RunError(f"{path}: holds a {type(content).__name__}, expected tensors by name")
        if any(isinstance(value, Tensor) for value in content.values()):
            return content
        inner = [content[key] for key in ("model", "state_dict", "model_state_dict") if key in content]
        if not inner:
            keys = short(", ".join(map(str, content))) or "nothing"
            raise RunError(f"{path}: holds no weights (found: {keys})")
        content = inner[0]
    raise RunError(f"{path}: holds no weights within {DEEPEST} levels of nesting")


def _fault(tensor: Tensor) -> str | None:
    """Why this is no weight; None for those that are."""
    if odd := oddity(tensor):
        return f"is {odd}"
    if tensor.dtype != torch.float32:
        return f"is of {kind_of(tensor)}, expected float32"
    bad = int((~tensor.isfinite()).sum())
    return f"has {bad:,} numbers that are not finite" if bad else None


def load_published(model: GNM, weights: Mapping[str, Tensor]) -> None:
    """Copy published weights into a model of the same sizes.

    Args:
        model: a GNM of the paper's own parts (`conv`, `structdraw` with prior `autoregressive`, `subpixel` decoders).
        weights: tensors by published name.

    Raises:
        RunError: some are missing, unknown or of another shape (all are named), or the model has parts of another kind.
    """
    names = dict(published_names(model))
    ours = dict(model.named_parameters())
    problems = [f"our parameter {name} has no published counterpart" for name in ours if name not in names]
    known = {theirs for them in names.values() for theirs in them}
    known |= {*CONSTANTS}
    problems += [f"unknown: {name} {tuple(weights[name].shape)}" for name in weights if name not in known]
    for name, them in names.items():
        for theirs in them:
            if theirs not in weights:
                problems.append(f"missing: {theirs} {tuple(ours[name].shape)}")
            elif weights[theirs].shape != ours[name].shape:
                problems.append(
                    f"shape of {theirs}: {tuple(weights[theirs].shape)}, the spec makes {tuple(ours[name].shape)}"
                )
            elif not torch.equal(weights[theirs], weights.get(them[0], weights[theirs])):
                problems.append(f"{theirs} differs from {them[0]}; the two must be one network")
    if problems:
        raise RunError("the checkpoint does not fit the spec:\n  " + "\n  ".join(problems))
    with torch.no_grad():
        for name, them in names.items():
            ours[name].copy_(weights[them[0]])


def published_names(model: GNM) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Pairs of (our parameter, its published names); several where the published code lists one parameter twice."""
    core, encoder, renderer = model.core, model.encoder, model.renderer
    if not (isinstance(core, StructDRAW) and isinstance(core.prior, AutoregressivePrior)):
        raise RunError("model.core: published weights fit `structdraw` with the prior `autoregressive` only")
    if not isinstance(encoder, ConvEncoder):
        raise RunError("model.encoder: published weights fit `conv` only")
    yield from _one("encoder.layers", "img_encoder.enc.conv", encoder.layers)
    draw = "global_struct_draw"
    yield from _lstm("core.encoder", f"{draw}.rnn_enc", core.encoder)
    yield from _lstm("core.decoder", f"{draw}.rnn_dec", core.decoder)
    yield from _one("core.prior.net", f"{draw}.p_global_net.mlp", core.prior.net)
    yield from _one("core.posterior", f"{draw}.q_global_net.mlp", core.posterior)
    yield from _one("core.decode", f"{draw}.p_global_decoder_net.mlp", core.decode)
    yield from _leaf("core.write", (f"{draw}.hid_to_dec_net.conv.0",))
    for ours, theirs in _stack("head.trunk", "pwdw_net.conv", model.head.trunk):
        yield ours, tuple(f"{head}.{theirs}" for head in HEAD)
    for ours, theirs in (("presence", "pres"), ("where", "where"), ("depth", "depth"), ("what", "what")):
        yield from _leaf(f"head.{ours}", tuple(f"{head}.q_{theirs}_net" for head in HEAD))
    glimpse = getattr(renderer.glimpse, "layers", None)
    yield from _one("renderer.glimpse.layers", "local_latent_sampler.z_what_decoder_net.conv", glimpse)
    if renderer.background is not None:
        assert isinstance(model.background_posterior, nn.Sequential)
        assert isinstance(model.background_generator, nn.Sequential)
        behind = getattr(renderer.background, "layers", None)
        yield from _one("renderer.background.layers", "p_bg_decoder.p_bg_decoder.conv", behind)
        yield from _one("background_posterior", "q_bg_given_x_net.p_bg_encoder.mlp", model.background_posterior)
        yield from _one("background_generator", "p_bg_given_g_net.p_bg_generator.mlp", model.background_generator)


def _leaf(ours: str, theirs: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for kind in ("weight", "bias"):
        yield f"{ours}.{kind}", tuple(f"{name}.{kind}" for name in theirs)


def _lstm(ours: str, theirs: str, lstm: ConvLSTM) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield from _leaf(f"{ours}.gates", (f"{theirs}.conv",))
    yield f"{ours}.initial_hidden", (f"{theirs}.h_0",)
    yield f"{ours}.initial_cell", (f"{theirs}.c_0",)


def _one(ours: str, theirs: str, layers: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, them in _stack(ours, theirs, layers):
        yield name, (them,)


def _stack(ours: str, theirs: str, layers: object) -> Iterator[tuple[str, str]]:
    """Parameters of a stack; theirs counts convolution, shuffle, CELU and norm as separate entries."""
    if not isinstance(layers, nn.Sequential):
        raise RunError(f"{ours}: published weights fit the paper's own stack of layers only")
    place = 0
    for i, layer in enumerate(layers):
        if isinstance(layer, CeluNorm1d | CeluNorm2d):
            place += 1  # the activation before the norm
            name = f"{ours}.{i}"
        elif isinstance(layer, SubpixelConv):
            name = f"{ours}.{i}.conv"
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            name = f"{ours}.{i}"
        else:
            continue  # the sigmoid at the end
        for kind in ("weight", "bias"):
            yield f"{name}.{kind}", f"{theirs}.{place}.{kind}"
        place += 1 + (isinstance(layer, SubpixelConv) and layer.upscale > 1)
