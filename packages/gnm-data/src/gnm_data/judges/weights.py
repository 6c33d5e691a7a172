"""The trained weights that ship with the package."""

from collections.abc import Mapping
from pathlib import Path

import torch
from gnm_core.errors import DataError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gnm_data.judges.networks import fuse

FOLDER = Path(__file__).parent / "weights"


def load(networks: nn.ModuleDict, file: Path) -> None:
    """Fill networks with trained weights and ready them for use.

    Raises:
        DataError: the file is missing, broken or of other networks.
    """
    try:
        tensors = load_file(file)
        for name, network in networks.items():
            fuse(network)
            own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
            network.load_state_dict({key: value.to(torch.float32) for key, value in own.items()})
            network.to(memory_format=torch.channels_last)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{file}: not the weights of this judge: {error}") from error


def save(networks: Mapping[str, nn.Module], file: Path, provenance: Mapping[str, str]) -> None:
    """Write trained networks in half precision, with a few words on where they come from.

    Args:
        networks: by name; batch norms go into the convolutions.
        file: `.safetensors`.
        provenance: text by key, kept in the file's metadata.
    """
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        fuse(network)
        tensors |= {f"{name}.{key}": value.half().contiguous() for key, value in network.state_dict().items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, dict(provenance))


def provenance(file: Path) -> dict[str, str]:
    """Text by key, as given to `save`."""
    with safe_open(file, "pt") as opened:
        return dict(opened.metadata() or {})
