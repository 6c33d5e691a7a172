"""Runs of a study as processes of this machine."""

import signal
import subprocess
import sys
from contextlib import suppress

from gnm_core.errors import RunError
from gnm_core.files import os_errors_as
from gnm_core.plugin_files import executed_files
from gnm_core.studies.folder import StudyFolder
from gnm_core.studies.planned import PlannedRun
from gnm_core.studies.schedule import Ended


class Processes:
    """Each run is a process of its own, `gnm study STUDY --run NAME`; what it says goes to its log."""

    def begin(self, folder: StudyFolder, planned: PlannedRun) -> "_Process":
        """Let a run begin, or go on."""
        log = folder.log(planned)
        command = [sys.executable, "-m", "gnm_core", "study", str(folder.root), "--run", planned.name]
        command += [word for file in executed_files() for word in ("--plugin", file.path)]
        with os_errors_as(RunError, f"{log}: cannot be written"):
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as file:
                # In a session of its own: Ctrl-C reaches it through `stop` alone, once.
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
                )
        return _Process(process)

    def close(self) -> None:
        """Nothing is held."""


class _Process:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def ended(self) -> Ended | None:
        code = self._process.poll()
        if code is None:
            return None
        if code < 0:
            return Ended(code, f"killed by {signal.Signals(-code).name}")
        return Ended(code)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
