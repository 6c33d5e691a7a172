"""The painter `cycles`: Blender as a module, in a process and an environment of its own."""

import base64
import binascii
import io
import json
import os
import queue
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le
from gnm_core.errors import DataError
from PIL import Image

from gnm_data.arrow_room.painter import Painter
from gnm_data.arrow_room.room import (
    Body,
    Room,
)

WORKER = Path(__file__).with_name("cycles_worker.py")


class Cycles(Painter):
    """Paints with Blender's path tracer: slower than `tracer`, and the nearest to how CLEVR was made.

    The interpreter is one of another environment, made with `python3.11 -m venv blender` and
    `blender/bin/pip install bpy==4.5.*`. Its process starts with the first picture and stays for the next ones.

    Args:
        python: the interpreter that has `bpy`.
        samples: light paths per pixel, before Blender's denoiser.
        threads: of the process.
        timeout: seconds to wait for one picture, or for the process to start.
    """

    def __init__(
        self,
        *,
        python: Path,
        samples: Annotated[int, Ge(1), Le(10**6)] = 16,
        threads: Annotated[int, Ge(1), Le(1024)] = 1,
        timeout: Annotated[float, Gt(0)] = 300.0,
    ) -> None:
        self.python = python
        self.samples = samples
        self.threads = threads
        self.timeout = timeout
        self._worker: Worker | None = None

    def paint(self, rooms: Sequence[Room], size: int) -> np.ndarray:
        """→ (B, size, size, 3) uint8 sRGB.

        Raises:
            DataError: no such interpreter, no `bpy` in it, or its process died, hung or answered nonsense.
        """
        pictures = np.empty((len(rooms), size, size, 3), np.uint8)
        for picture, room in zip(pictures, rooms, strict=True):
            scene = describe(room) | {"size": size, "samples": self.samples, "threads": self.threads, "denoise": True}
            picture[:] = self._picture(scene, size)
        return pictures

    def _picture(self, scene: dict[str, Any], size: int) -> np.ndarray:
        if self._worker is None or not self._worker.usable():
            self._worker = Worker(self.python, WORKER, self.timeout)
        answer = self._worker.ask(scene)
        try:
            with Image.open(io.BytesIO(base64.b64decode(answer["png"], validate=True)), formats=("PNG",)) as image:
                picture = np.asarray(image.convert("RGB"))
        except (KeyError, TypeError, binascii.Error, OSError) as error:
            raise DataError(f"{self.python}: the answer of the Blender process holds no picture ({error})") from error
        if picture.shape != (size, size, 3):
            raise DataError(f"{self.python}: Blender painted {picture.shape[:2]} pixels, not {(size, size)}")
        return picture

    def close(self) -> None:
        """End the process; the next picture starts another."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process starts a process of its own."""
        return self.__dict__ | {"_worker": None}


class Worker:
    """A child process that answers each line of JSON with another.

    Args:
        python: interpreter to run.
        script: what it runs.
        timeout: seconds to wait for each answer.

    Raises:
        DataError: the interpreter is missing or the script does not start.
    """

    def __init__(self, python: Path, script: Path, timeout: float) -> None:
        self.python = python
        self.timeout = timeout
        self._owner = os.getpid()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        # -I: the other environment must not see this one's PYTHONPATH.
        command = [str(python), "-I", str(script)]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, encoding="utf-8"
            )
        except OSError as error:
            self._log.close()
            raise DataError(f"{python}: cannot run this interpreter ({error.strerror}); {_HOW}") from error
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=_read, args=(self._process.stdout, self._answers), daemon=True).start()
        self._stop = weakref.finalize(self, _end, self._process, self._log)
        self.version = str(self._answer("start").get("ready"))

    def usable(self) -> bool:
        """The process runs, and this process is the one that started it (a fork has none of its threads)."""
        return self._owner == os.getpid() and self._process.poll() is None and self._stop.alive

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one message and wait for its answer.

        Raises:
            DataError: the process died, hung, reported an error or answered nonsense.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._died("render") from error
        answer = self._answer("render")
        if "error" in answer:
            raise DataError(f"{self.python}: Blender could not render the scene: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        self._stop()

    def _answer(self, task: str) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=self.timeout)
        except queue.Empty:
            self.close()
            raise DataError(
                f"{self.python}: the Blender process did not {task} within {self.timeout:g} s and was ended; "
                "raise `timeout` or lower `samples`"
            ) from None
        if not line:
            raise self._died(task)
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict):
            self.close()
            raise DataError(f"{self.python}: the Blender process answered {line.strip()[:80]!r}, which is not JSON")
        return answer

    def _died(self, task: str) -> DataError:
        code = self._process.wait()
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        self.close()
        if any("No module named 'bpy'" in line for line in said[-3:]):
            return DataError(f"{self.python}: this interpreter has no module bpy; {_HOW}")
        last = said[-1] if said else "nothing"
        return DataError(f"{self.python}: the Blender process ended (exit status {code}) and did not {task}: {last}")


_HOW = (
    "make one with `python3.11 -m venv blender && blender/bin/pip install 'bpy==4.5.*'` "
    "and give `python: blender/bin/python`, or use the painter `tracer`, which needs nothing"
)


def _read(pipe: IO[str], answers: queue.SimpleQueue[str]) -> None:
    for line in pipe:
        answers.put(line)
    answers.put("")  # the process closed its output


def _end(process: subprocess.Popen[str], log: IO[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, log):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue  # what was still to be sent has nobody to read it


def describe(room: Room) -> dict[str, Any]:
    """A room as plain numbers, for the other side of the pipe."""
    finish, look = room.finish, room.look
    camera, cove = look.camera, look.cove
    return {
        "camera": {"position": camera.position, "pitch": camera.pitch, "focal": camera.focal},
        "world": look.light.world,
        "room": {
            "cove_start": cove.start,
            "cove_radius": cove.radius,
            "albedo": cove.albedo,
            "width": 60.0,
            "height": min(cove.height, 40.0),
        },
        "lamps": [
            {
                "position": lamp.position,
                "half": lamp.half,
                "radiance": look.light.radiance * lamp.power,
                "tint": lamp.tint,
                "across": lamp.axes()[0].tolist(),
                "up": lamp.axes()[1].tolist(),
            }
            for lamp in room.lamps
        ],
        "material": {"metallic": float(finish.metallic), "roughness": finish.roughness, "specular": finish.specular},
        "bodies": [_body(body, room) for body in room.bodies],
    }


def _body(body: Body, room: Room) -> dict[str, Any]:
    sizes = room.look.sizes
    a = sizes.arrow
    neck, half_shaft, half_head = a.length / 2 - a.head_length, a.shaft_width / 2, a.head_width / 2
    outline = [
        (-a.length / 2, -half_shaft),
        (neck, -half_shaft),
        (neck, -half_head),
        (a.length / 2, 0.0),
        (neck, half_head),
        (neck, half_shaft),
        (-a.length / 2, half_shaft),
    ]
    kinds: dict[str, dict[str, Any]] = {
        "sphere": {"radius": sizes.sphere, "height": sizes.sphere},
        "cube": {"half": sizes.cube, "height": sizes.cube, "bevel": sizes.bevel * sizes.cube},
        "cylinder": {
            "radius": sizes.cylinder,
            "half_height": sizes.cylinder_half,
            "height": sizes.cylinder_half,
            "bevel": sizes.bevel * sizes.cylinder,
        },
        "arrow": {"outline": outline, "half_height": a.thickness / 2, "height": a.thickness / 2, "bevel": a.bevel},
    }
    size = kinds[body.shape]
    return {
        **size,
        "kind": body.shape,
        "colour": room.albedo(body),
        "position": (body.x, body.y, size["height"]),
        "angle": body.angle,
    }
