"""How long the studio's picture takes to answer a drag: the median of many, at published sizes, random weights.

    python benchmarks/studio.py [--spec mnist-4 arrow-room] [--drags 40] [--threads 2]

The whole way is timed that the server has: request, edit, painting, PNG, answer. Every object of the grid is there.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from gnm_core import load_spec
from gnm_core.gnm.model import GNM
from gnm_core.runs.checkpoint import Run
from gnm_render.studio.app import studio
from gnm_render.studio.models import Loaded
from starlette.testclient import TestClient


def drag_seconds(name: str, drags: int) -> list[float]:
    """Seconds of each drag of one object."""
    spec = load_spec(name, ["data=null"])
    torch.manual_seed(0)
    model = spec.model().eval()
    assert isinstance(model, GNM)
    with torch.no_grad():
        model.head.presence.bias += 8  # every cell holds an object
    app = studio([Loaded(0, name, Run(model, spec, 0, Path()))], "token", 80)
    with TestClient(app, base_url="http://127.0.0.1:80", headers={"host": "127.0.0.1:80"}) as client:
        scene = client.post("/token/api/sample", json={"model": 0, "count": 1, "seed": 0}).json()[0]
        x0, y0, x1, y1 = scene["objects"][0]["box"]
        seconds = []
        for i in range(drags + 3):
            edit = {"do": "box", "number": 0, "box": [x0 + i % 9, y0, x1 + i % 9, y1]}
            start = time.perf_counter()
            answer = client.post("/token/api/edit", json={"scene": scene["scene"], "edit": edit, "drag": "d"})
            seconds.append(time.perf_counter() - start)
            assert answer.status_code == 200, answer.text
    return seconds[3:]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", nargs="+", default=["mnist-4", "arrow-room"])
    parser.add_argument("--drags", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in given.spec:
        seconds = drag_seconds(name, given.drags)
        middle, low, high = (1000 * f(seconds) for f in (statistics.median, min, max))
        print(f"{name}: {middle:.0f} ms ({low:.0f} to {high:.0f}), {len(seconds)} drags")


if __name__ == "__main__":
    main()
