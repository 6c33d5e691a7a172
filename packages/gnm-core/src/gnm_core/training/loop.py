"""Trains a model in a folder: steps, records, pictures, checkpoints, until done or stopped."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gnm_core import failures
from gnm_core.errors import DataError, GnmError
from gnm_core.evaluation import Skip
from gnm_core.parts.loggers.tensorboard import TensorBoard
from gnm_core.plugin_files import KEY, files_of
from gnm_core.spec.checked import CheckedSpec, load_spec
from gnm_core.training.allocator import keep_freed_memory
from gnm_core.training.beginning import new_learner
from gnm_core.training.best import BestWatch, best_watch, value_of
from gnm_core.training.by_heart import bounds_of
from gnm_core.training.clock import Clock
from gnm_core.training.device import Settings, choose_device
from gnm_core.training.diagnosis import Diagnosis
from gnm_core.training.folder import RunFolder
from gnm_core.training.initial_weights import Origin, begin_from, write_origin
from gnm_core.training.interrupts import Interrupts, UnpreparedError
from gnm_core.training.learner import Learner, Report
from gnm_core.training.listeners import Listener, Listeners, listeners
from gnm_core.training.log import Averages, Metrics
from gnm_core.training.logs import Loggers
from gnm_core.training.ongoing import OngoingTraining
from gnm_core.training.outcome import Outcome
from gnm_core.training.pace import Pace
from gnm_core.training.pictures import Pictures, examples, training_figure
from gnm_core.training.progress import Display, Silent
from gnm_core.training.ranks import Ranks
from gnm_core.training.resume import find_saved, kernels_in_use
from gnm_core.training.structure import StructureWatch, structure_watch, told


def start(
    spec: CheckedSpec,
    out: Path,
    settings: Settings,
    display: Display,
    origin: Origin | None = None,
    callbacks: Iterable[object] = (),
) -> Outcome:
    """Train a model from its beginning.

    Args:
        spec: what and how.
        out: folder for the run; new or empty.
        settings: where and how long.
        display: shows how it goes.
        origin: weights to begin with; None for fresh ones.
        callbacks: told how it goes, as `listeners` says.

    Raises:
        RunError: the folder cannot be had, there is no such device, nothing of `origin` fits, or training fails.
        PluginError: a callback has no hook, or one that does not exist.
        SpecError: the spec does not fit the model.
        DataError: the data cannot be read.
    """
    keep_freed_memory()
    those = listeners(callbacks)
    device = choose_device(settings.device)
    ranks = Ranks.join(device)
    display = display if ranks.leads else Silent()
    folder = RunFolder(out)
    with ExitStack() as stack:
        stack.callback(ranks.leave)
        stack.callback(folder.release)
        if ranks.leads:
            folder.create()
        learner = new_learner(spec, settings, device, ranks, display)
        stack.callback(learner.close)
        if origin is not None:
            taken = begin_from(learner.model, origin)
            display.say(taken.summary(origin))
            if ranks.leads:
                write_origin(folder.root, origin, taken)
                folder.checkpoints.save(learner.state(), spec, learner.training.keep, **settings.remembered())
        learner.origins.fetch(learner.step, folder.root if ranks.leads else None)
        if ranks.leads:
            folder.write_settings(settings.remembered() | {KEY: files_of(spec.providers())})
            folder.write_spec(spec.to_yaml())  # last: from here on the folder is a run
        return _Loop(spec, folder, settings, display, learner, Clock(), those).run()


def resume(
    out: Path,
    settings: Settings,
    display: Display,
    overrides: Iterable[str] = (),
    at: int | None = None,
    callbacks: Iterable[object] = (),
) -> Outcome:
    """Go on with a run where its newest checkpoint stopped, bit for bit as if it never had.

    Args:
        out: the run's folder.
        settings: where and how long.
        display: shows how it goes.
        overrides: `path=value` texts that change the spec; sizes and model cannot change.
        at: step of the checkpoint to go on from; later ones are set aside.
        callbacks: told how it goes, as `listeners` says.

    Raises:
        RunError: not a run, no such checkpoint, a damaged one, one of another spec, or training fails.
        PluginError: a callback has no hook, or one that does not exist.
        SpecError: the spec does not fit the model.
        DataError: the data cannot be read.
    """
    keep_freed_memory()
    those = listeners(callbacks)
    device = choose_device(settings.device)
    ranks = Ranks.join(device)
    display = display if ranks.leads else Silent()
    folder = RunFolder(out)
    with ExitStack() as stack:
        stack.callback(ranks.leave)
        stack.callback(folder.release)
        if ranks.leads:
            folder.open()
        spec = load_spec(folder.spec, overrides, recorded=True)
        saved = find_saved(folder.checkpoints, spec, at)
        ranks.require_same({"step of the checkpoint to go on from": saved and saved.checkpoint.step})
        learner = new_learner(spec, settings, device, ranks, display)
        stack.callback(learner.close)
        if saved is not None:
            saved.hand_over(spec, learner, display)
            saved.warn(settings, learner, display)
        learner.origins.fetch(learner.step, folder.root if ranks.leads else None)
        ranks.wait()  # nobody reads any more what the first process changes now
        if ranks.leads:
            if at is not None:
                for moved in folder.checkpoints.set_aside(at):
                    display.say(f"set aside: {moved}")
            folder.write_settings(settings.remembered() | {KEY: files_of(spec.providers())})
            folder.write_spec(spec.to_yaml())
        before = saved.checkpoint.meta if saved else {}
        clock = Clock(before.get("seconds", 0.0), before.get("core_seconds", 0.0))
        return _Loop(spec, folder, settings, display, learner, clock, those).run()


def remembered_settings(out: Path) -> dict[str, Any]:
    """The settings that a resumed training takes over from the last one, by name."""
    settings = RunFolder(out).read_settings()
    return {name: value for name, value in settings.items() if name != KEY}


class _Loop:
    """One training from its first step, or the first after a checkpoint, to its end."""

    def __init__(
        self,
        spec: CheckedSpec,
        folder: RunFolder,
        settings: Settings,
        display: Display,
        learner: Learner,
        clock: Clock,
        those: list[Listener],
    ) -> None:
        self.clock = clock
        self.spec, self.folder, self.settings, self.learner = spec, folder, settings, learner
        self.training, self.ranks = learner.training, learner.ranks
        self.display = display
        total = learner.plan.total
        self.until = total if settings.steps is None else min(settings.steps, total)
        self.saved = learner.step if learner.step in folder.checkpoints.steps() else -1
        self.drawn: Path | None = None
        self.averages = Averages()
        self.pace = Pace(learner.step)
        self.metrics: Metrics | None = None
        self.pictures: Pictures | None = None
        self.structure: StructureWatch | None = None
        self.best: BestWatch | None = None
        own = self.training.loggers
        board = [TensorBoard()] if settings.tensorboard and not any(isinstance(o, TensorBoard) for o in own) else []
        self.loggers = Loggers([*board, *own], lambda text: self._warn(learner.step, text))
        self.ongoing = OngoingTraining(spec, folder.root, learner, display.say)
        heard = those if self.ranks.leads else ()
        self.listeners = Listeners(self.ongoing, heard, lambda text: self._warn(learner.step, text))
        self.diagnosis: Diagnosis | None = None

    def run(self) -> Outcome:
        """Make the steps that are left."""
        with ExitStack() as stack:
            self._open(stack)
            interrupts = stack.enter_context(Interrupts())
            stack.callback(self.display.stop)
            seconds = self.settings.seconds
            left = None if seconds is None else seconds - self.clock.since
            self.display.start(self.learner.step, max(self.until, self.learner.step), left)
            outcome: Outcome | None = None
            failed: BaseException | None = None
            self.listeners.tell("gnm_training_started")
            try:
                outcome = self._train(interrupts)
                return outcome
            except BaseException as error:
                failed = error
                raise
            finally:
                self.listeners.tell("gnm_training_ended", outcome=outcome, error=failed)

    def _train(self, interrupts: Interrupts) -> Outcome:
        between_steps = True
        try:
            while self.learner.step < self.until and not self._must_stop(interrupts):
                between_steps = False
                report = self.learner.advance(interrupts.asked)
                between_steps = True
                self._after(report)
        except UnpreparedError:  # no step was begun
            pass
        except DataError as error:
            self._save()
            raise DataError(f"{error}\nThe training is saved; mend this and go on with --resume") from error
        except KeyboardInterrupt:
            if between_steps and interrupts.received is None:  # a callback's; whoever asks a second time cannot wait
                self._save()
            raise
        except BaseException as error:  # a part that calls sys.exit() ends no training without a word
            raise failures.told(error, f"step {self.learner.step}", self._intact()) from error
        self._save()
        if interrupts.received is None:
            self._draw()
        findings = [] if self.diagnosis is None or interrupts.received is not None else self.diagnosis.at_the_end()
        return Outcome(
            step=self.learner.step,
            total=self.learner.plan.total,
            checkpoint=self.folder.checkpoints.path(self.learner.step),
            picture=self.drawn,
            received=interrupts.received,
            leads=self.ranks.leads,
            stopped=self.ongoing.stop_reason,
            findings=tuple(findings),
        )

    def _intact(self) -> str:
        """What a training that ends in an error can be gone on with."""
        try:
            steps = self.folder.checkpoints.steps()
        except OSError:
            return ""
        return f"the checkpoint of step {steps[-1]} is intact" if steps else "there is no checkpoint"

    def _open(self, stack: ExitStack) -> None:
        if not self.ranks.leads:
            return
        step = self.learner.step
        self.folder.checkpoints.prune(self.training.keep)
        self.metrics = Metrics(self.folder.metrics, step)
        stack.callback(self.metrics.close)
        data = self.learner.data
        self.best = best_watch(self.spec, self.training, self.learner.model, data, self.folder.metrics)
        self.folder.best.forget(step)
        self.loggers.open(self.folder.root, step, self.spec)
        stack.callback(self.loggers.close)
        if self.training.picture_every:
            figure = training_figure(self.spec.dims, self.display.say)
            if figure is not None:
                self.pictures = Pictures(self.folder.pictures, figure, examples(data), self.training.seed)
        self.diagnosis = Diagnosis(self.learner, self._warn)
        if self.training.levels_every:
            say, model = self.display.say, self.learner.model
            self.structure = structure_watch(self.spec, model, data, self.training.seed, say)

    def _must_stop(self, interrupts: Interrupts) -> bool:
        seconds, minutes = self.settings.seconds, self.settings.core_minutes
        late = seconds is not None and self.clock.since >= seconds
        spent = minutes is not None and self.clock.core_seconds >= 60 * minutes
        asked = self.ongoing.stop_reason is not None or interrupts.received is not None
        own = self.clock.core_since
        wanted, core = self.ranks.total(float(late or spent or asked), own, device=self.learner.device)
        self.clock.elsewhere = core - own
        return wanted > 0

    def _after(self, report: Report) -> None:
        done, training = self.learner.step, self.training
        self.display.update(report)
        self.pace.add(report.waited)
        if report.trouble is None:
            self.averages.add(report.values)
        else:
            self._warn(done, report.trouble)
        self.listeners.tell("gnm_training_step", report=report)
        if done % training.log_every == 0 or done == self.until:
            self._record(report)
        if self.diagnosis is not None:
            self.diagnosis.tell()
        if done % training.checkpoint_every == 0:
            self._save()
        if training.picture_every and done % training.picture_every == 0:
            self._draw()
        if training.levels_every and done % training.levels_every == 0:
            self._judge(report)
        if done % training.measure_every == 0 or done == self.learner.plan.total:
            self._measure()
        if done == self.learner.plan.end(self.learner.plan.at(report.step).index):
            self.listeners.tell("gnm_training_stage", stage=report.stage)

    def _record(self, report: Report) -> None:
        means = self.averages.take()
        if self.metrics is None or not means:
            return
        done = self.learner.step
        record: dict[str, object] = {
            "step": done,
            "stage": report.stage,
            **self._spent(),
            **asdict(self.pace.take(done)),
            **means,
            "weights": report.weights,
            "rates": list(report.rates),
        }
        self.metrics.add(record)
        self.loggers.record(record)
        self.display.record(record)
        self.listeners.tell("gnm_training_record", record=record)
        if self.diagnosis is not None:
            self.diagnosis.record(done, means, report.weights)

    def _warn(self, step: int, text: str, **more: object) -> None:
        self.display.say(f"warning: {text}")
        if self.metrics is not None:
            self.metrics.add({"step": step, "warning": text, **more})

    def _save(self) -> None:
        step = self.learner.step
        if self.metrics is None or step == self.saved:
            return
        self.metrics.sync()
        self.folder.checkpoints.save(self.learner.state(), self.spec, self.training.keep, **self._about())
        self.saved = step
        self.listeners.tell("gnm_training_checkpoint", checkpoint=self.folder.checkpoints.path(step))

    def _spent(self) -> dict[str, float]:
        return {"seconds": self.clock.seconds, "core_seconds": self.clock.core_seconds}

    def _about(self) -> dict[str, Any]:
        """What a checkpoint says of its circumstances."""
        more = {"kernels": kernels_in_use(self.settings, self.learner.device), "images": len(self.learner.data)}
        return self.settings.remembered() | self._spent() | more

    def _judge(self, report: Report) -> None:
        if self.structure is None or self.metrics is None:
            return
        step, level = self.learner.step, self.learner.plan.at(report.step).stage.level
        try:
            with self.learner.looking() as model:
                shares = self.structure.shares(step)
                bounds = bounds_of(model, level, self.learner.data, step)
        except (GnmError, Skip) as error:  # nor must a judge
            self._warn(step, f"no structure of step {step}: {error}")
            return
        self.display.say(f"step {step}: {told(shares)}{f'; {level}: {bounds}' if bounds else ''}")
        more = {"bounds": asdict(bounds)} if bounds else {}
        self.metrics.add({"step": step, "stage": report.stage, **self._spent(), "structure": shares, **more})
        self.loggers.numbers(step, {f"structure.{level}": share for level, share in shares.items()})

    def _measure(self) -> None:
        """Measure `keep_best`, keep the checkpoint if it is the best, and stop where none was for long."""
        if self.best is None or self.metrics is None:
            return
        step = self.learner.step
        try:
            with self.learner.looking():
                judged = self.best.measure(step)
        except (GnmError, Skip) as error:
            self._warn(step, f"no measurement of step {step}: {error}")
            return
        value, about = judged.value, value_of(judged.value)
        self.display.say(f"step {step}: {judged.told()}")
        self.metrics.add({"step": step, **self._spent(), "measured": about})
        self.loggers.numbers(step, {value.name: value.value})
        if judged.is_best:
            self.folder.best.save(self.learner.state(), self.spec, 1, **self._about(), measured=about)
        if 0 < self.training.patience <= judged.in_vain:
            self.ongoing.stop(f"{value.name} has been no better than before for {judged.in_vain} measurements")

    def _draw(self) -> None:
        step = self.learner.step
        path = self.folder.pictures / f"step-{step:08d}.png"
        if self.pictures is None or path == self.drawn:
            return
        try:
            caption = "" if self.diagnosis is None else self.diagnosis.caption()
            with self.learner.looking() as model:
                pixels: np.ndarray = self.pictures.draw(model, step, caption)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a picture that fails must not cost the training
            self._warn(step, f"no picture of step {step}: {failures.told(error)}")
            return
        self.drawn = path
        self.loggers.picture(step, pixels)
