"""Encoders make a feature map of the grid's size, from any backbone."""

from pathlib import Path

import pytest
import torch
from gnm_core import Dims, OptionError
from gnm_core.parts.encoders.conv import ConvEncoder
from gnm_core.parts.encoders.timm import TimmEncoder


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "grid"), [(8, 4), (32, 4), (48, 3), (64, 8), (128, 4), (96, 12)])
def test_conv_reaches_every_grid_that_halving_reaches(channels: int, size: int, grid: int) -> None:
    encoder = ConvEncoder(Dims(channels=channels, size=size, grid=grid, features=10))
    assert encoder(torch.rand(2, channels, size, size)).shape == (2, 10, grid, grid)


@pytest.mark.parametrize(("size", "grid"), [(100, 4), (64, 3), (8, 8), (8, 16), (30, 5)])
def test_conv_refuses_a_grid_that_halving_misses(size: int, grid: int) -> None:
    with pytest.raises(OptionError, match=f"a {size} px image cannot be halved down to a grid of {grid}"):
        ConvEncoder(Dims(size=size, grid=grid))


def test_conv_refuses_widths_that_do_not_fit() -> None:
    with pytest.raises(OptionError, match="3 widths, but 32 px to a grid of 4 has 2 resolutions in between"):
        ConvEncoder(Dims(size=32, grid=4), widths=(4, 4, 4))


@pytest.mark.parametrize(
    ("channels", "features", "parameters"),
    [(3, 128, 632_608)],
)
def test_conv_is_table_4(channels: int, features: int, parameters: int) -> None:
    encoder = ConvEncoder(Dims(channels=channels, features=features))
    assert sum(p.numel() for p in encoder.parameters()) == parameters


@pytest.mark.parametrize("backbone", ["test_convnext", "test_resnet", "test_efficientnet_gn"])
@pytest.mark.parametrize("grid", [2, 3, 4, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_timm_backbones_are_projected_to_the_grid(backbone: str, grid: int, channels: int) -> None:
    encoder = TimmEncoder(Dims(channels=channels, size=64, grid=grid, features=10), backbone=backbone)
    features = encoder(torch.rand(2, channels, 64, 64))
    assert features.shape == (2, 10, grid, grid)
    assert torch.isfinite(features).all()


def test_a_backbone_that_timm_lacks_is_refused_with_near_ones() -> None:
    with pytest.raises(OptionError, match=r"timm has no model 'resnet19x' \(near: resnet"):
        TimmEncoder(Dims(), backbone="resnet19x")


def test_a_backbone_that_is_too_coarse_is_refused() -> None:
    with pytest.raises(OptionError, match="reduces by 4 at least: a 32 px image gives no 16 x 16 map"):
        TimmEncoder(Dims(size=32, grid=16), backbone="test_convnext")


@pytest.mark.parametrize("backbone", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_backbones_of_a_fixed_size_are_told_ours(backbone: str) -> None:
    encoder = TimmEncoder(Dims(channels=1, size=64, grid=4, features=8), backbone=backbone)
    assert encoder(torch.rand(2, 1, 64, 64)).shape == (2, 8, 4, 4)


def test_weights_that_are_not_there_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    with pytest.raises(OptionError, match=r"weights: .*nowhere\.pth: there is no such file"):
        TimmEncoder(Dims(size=64), weights=tmp_path / "nowhere.pth")
