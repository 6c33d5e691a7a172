"""The threads of compiled code are torch's own: no second OpenMP library is ever loaded."""

import ctypes
import os
from pathlib import Path

from gnm_core.native.errors import Unavailable

SOURCE = Path(__file__).with_name("openmp.c")
"""Compiled into every library; names the functions of OpenMP that it may call."""


def share_threads(library: ctypes.CDLL) -> None:
    """Give a library that was compiled with `openmp.c` the functions of the OpenMP library that torch has loaded.

    Raises:
        Unavailable: torch's threads are not those of GNU OpenMP, or of one too old.
    """
    loaded = ctypes.CDLL(str(torchs_openmp()), mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    names = ctypes.cast(library.openmp_names, ctypes.POINTER(ctypes.c_char_p))
    functions = ctypes.cast(library.openmp_functions, ctypes.POINTER(ctypes.c_void_p))
    place = 0
    while (name := names[place]) is not None:
        function = getattr(loaded, name.decode(), None)
        if function is None:
            raise Unavailable(f"torch's OpenMP has no function {name.decode()}")
        functions[place] = ctypes.cast(function, ctypes.c_void_p).value
        place += 1


def torchs_openmp() -> Path:
    """The OpenMP library that torch has loaded; scikit-learn, for one, may have loaded another.

    Raises:
        Unavailable: there is none, or it is not GNU's.
    """
    import torch

    lines = Path("/proc/self/maps").read_text().splitlines()
    mapped = {Path(line.split(maxsplit=5)[-1]) for line in lines if "libgomp" in line}
    home = Path(torch.__file__).parent
    ours = [path for path in mapped if path.is_relative_to(home) or path.is_relative_to(home.parent / "torch.libs")]
    candidates = ours or list(mapped)
    if len(candidates) != 1:
        raise Unavailable("torch's threads are not those of GNU OpenMP")
    return candidates[0]
