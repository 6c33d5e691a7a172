"""Runs of a study as jobs of a cluster, through submitit."""

from collections.abc import Mapping, Sequence
from typing import Any

from gnm_core.errors import RunError
from gnm_core.plugin_files import executed_files
from gnm_core.studies.folder import StudyFolder
from gnm_core.studies.planned import PlannedRun
from gnm_core.studies.schedule import STOPPED, Ended


class Cluster:
    """Each run is a job; what it says goes to `STUDY/cluster`.

    Args:
        kind: `slurm`; `local` for processes of this machine, handled as jobs; `auto` for whatever there is.
        options: submitit's parameters, such as `{"timeout_min": 600, "slurm_partition": "cpu"}`.

    Raises:
        RunError: submitit is not installed.
    """

    def __init__(self, kind: str = "auto", options: Mapping[str, Any] | None = None) -> None:
        try:
            import submitit
        except ImportError as error:
            raise RunError(
                "a cluster needs submitit, which is not installed: pip install 'gnm-core[cluster]'"
            ) from error
        self._submitit, self._kind = submitit, kind
        self._options = {"name": "gnm", "timeout_min": 24 * 60, **(options or {})}
        self._executor: Any = None

    def begin(self, folder: StudyFolder, planned: PlannedRun) -> "_ClusterJob":
        """Submit a run."""
        if self._executor is None:
            self._executor = self._made(folder)
        files = tuple(file.path for file in executed_files())
        return _ClusterJob(self._executor.submit(Work(str(folder.root.resolve()), planned.name, files)))

    def close(self) -> None:
        """Nothing is held: jobs go on by themselves."""

    def _made(self, folder: StudyFolder) -> Any:
        try:
            executor = self._submitit.AutoExecutor(folder=folder.root / "cluster", cluster=self._kind)
            executor.update_parameters(cpus_per_task=folder.study.threads, **self._options)
        except Exception as error:  # submitit raises several kinds of what a cluster does not have
            raise RunError(f"the cluster cannot be used: {error}") from error
        return executor


class Work:
    """What a job does; sent again by itself when the cluster takes the machine away.

    Args:
        root: the study's folder, as every machine sees it.
        name: the run's.
        files: to execute for their parts, as every machine sees them.
    """

    def __init__(self, root: str, name: str, files: Sequence[str] = ()) -> None:
        self.root, self.name, self.files = root, name, files

    def __call__(self) -> int:
        """Do what is left of the run: 0 when it is done, 128 + N where signal N stopped it."""
        from pathlib import Path

        from gnm_core.plugin_files import load_plugin_file
        from gnm_core.studies.work import work

        for file in self.files:
            load_plugin_file(Path(file))
        return work(Path(self.root), self.name)

    def checkpoint(self) -> Any:
        """The same once more: a run goes on from its newest checkpoint."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


class _ClusterJob:
    def __init__(self, job: Any) -> None:
        self._job, self._stopped = job, False

    def ended(self) -> Ended | None:
        if not self._job.done():
            return None
        if self._stopped:
            return Ended(STOPPED[1])
        error = self._job.exception()
        if error is None:
            return Ended(int(self._job.result()))
        return Ended(2, f"the job ended before it could say why; see {self._job.paths.stderr}")

    def stop(self) -> None:
        self._stopped = True
        self._job.cancel()
