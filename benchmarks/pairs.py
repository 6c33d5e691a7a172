"""Two commits against each other: a training step, sampling and memory, or a command, each in its own environment.

    python benchmarks/pairs.py COMMIT_A COMMIT_B [--spec mnist-4 arrow-room] [--pairs 15] [--threads 2] [--batch 32]
    python benchmarks/pairs.py COMMIT_A COMMIT_B --command compose [--spec mnist-4 arrow-room] [--pairs 15]

Each commit is checked out and gets an environment whose third-party packages are those of this one. Their processes
alternate, A B, B A, A B, ...; of each pair the ratio B / A is taken, and the median of the ratios is printed with its
95 % interval (of the order statistics: no distribution is assumed). Nothing else should run; with one thread
the time is the processor's, which says something on a machine that others use as well. So is that of a command: what
its whole process takes, from the interpreter's start.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from scipy.stats import binom

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("gnm-core", "gnm-render", "gnm-data", "gnm-baselines")
MEASURE = """
import json, resource, statistics, sys, time, torch
name, threads, batch, steps, precision = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
torch.set_num_threads(threads)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from gnm_core import compose, load_spec
from gnm_core.parts.optimizers.rmsprop import RMSprop
from gnm_core.parts.schedules.constant import Constant
from gnm_core.training.allocator import keep_freed_memory
keep_freed_memory()
spec = load_spec(name, ["data=null"])
torch.manual_seed(0)
model, objective = compose(spec), spec.objective()
image = torch.rand(batch, spec.dims.channels, spec.dims.size, spec.dims.size)
optimizer = RMSprop(lr=Constant(value=1e-4)).build(model.parameters())
def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = objective(model.terms(image, 1000), 1000).total
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
def sample():
    with torch.no_grad():
        model.sample(50)
clock = time.process_time if threads == 1 else time.perf_counter
def seconds(run):
    start = clock()
    run()
    return clock() - start
for run in (step, step, sample):
    run()
found = {"step": statistics.median(seconds(step) for _ in range(steps))}
found["sample"] = statistics.median(seconds(sample) for _ in range(steps))
found["memory"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps(found))
"""


def environment(commit: str, folder: Path) -> Path:
    """The Python of an environment with the packages of a commit, and this one's third-party packages."""
    subprocess.run(
        ["git", "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", str(folder / "tree"), commit], check=True
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    (site,) = (folder / "env/lib").glob("python*/site-packages")
    for path in next((Path(sys.prefix) / "lib").glob("python*/site-packages")).iterdir():
        if "gnm" not in path.name:
            (site / path.name).symlink_to(path)
    for package in PACKAGES:
        module = package.replace("-", "_")
        info = site / f"{module}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[gnm]\n{package} = {module}.plugin\n")
    sources = (str(folder / "tree/packages" / package / "src") for package in PACKAGES)
    (site / "gnm-sources.pth").write_text("\n".join(sources) + "\n")
    return folder / "env/bin/python"


def spec_of(tree: Path, name: str) -> str:
    """The same spec for both: a file that is named, that of the first commit, or one that ships under the name."""
    found = [Path(name), *sorted(tree.rglob(f"specs/{name}.yaml"))]
    return next((str(file.resolve()) for file in found if file.is_file()), name)


def measured(python: Path, *arguments: object) -> dict[str, float]:
    # a commit whose C could not be compiled warns, and would be measured without
    command = [str(python), "-W", "error::UserWarning", "-c", MEASURE, *map(str, arguments)]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=clean)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def processor_time(python: Path, *arguments: str) -> dict[str, float]:
    """Seconds that `gnm` takes in a process of its own, user's and system's."""
    command = [str(python), "-c", "from gnm_core.cli import main; main(prog_name='gnm')", *arguments]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=clean) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {arguments[0]: used.ru_utime + used.ru_stime}


def interval(ratios: list[float]) -> tuple[float, float]:
    """95 % of the median, of the order statistics."""
    n = len(ratios)
    below = int(binom.ppf(0.025, n, 0.5))
    return sorted(ratios)[max(below - 1, 0)], sorted(ratios)[min(n - below, n - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commits", nargs=2, metavar="COMMIT")
    parser.add_argument("--spec", nargs="+", default=["mnist-4", "arrow-room", "mnist-4-64"])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--command", choices=["compose"], help="time this command instead, with --spec")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5, help="in each process, whose median counts")
    parser.add_argument("--precision", choices=["float32", "bf16"], default="float32")
    options = parser.parse_args()
    how = (options.threads, options.batch, options.steps, options.precision)
    with tempfile.TemporaryDirectory() as work:
        folders = [Path(work) / letter for letter in "ab"]
        try:
            pythons = [environment(c, folder) for c, folder in zip(options.commits, folders, strict=True)]
            for name in options.spec:
                spec = spec_of(folders[0] / "tree", name)
                pairs: list[list[dict[str, float]]] = []
                for number in range(options.pairs + 1):
                    pair: list[dict[str, float]] = [{}, {}]
                    for which in (0, 1) if number % 2 else (1, 0):
                        if options.command:
                            pair[which] = processor_time(pythons[which], options.command, "--spec", spec)
                        else:
                            pair[which] = measured(pythons[which], spec, *how)
                    pairs += [pair] if number else []  # the first may have compiled
                about = f"{name}{'' if options.command else f', {options.precision}'}"
                print(f"{about}: {options.commits[1]} / {options.commits[0]}, {len(pairs)} pairs")
                for what in pairs[0][0]:
                    ratios = [b[what] / a[what] for a, b in pairs]
                    low, high = interval(ratios)
                    one, other = (statistics.median(pair[which][what] for pair in pairs) for which in (0, 1))
                    ratio = f"{statistics.median(ratios):.3f} [{low:.3f}, {high:.3f}]"
                    print(f"  {what:7} {one:9.3f} -> {other:9.3f}   {ratio}", flush=True)
        finally:
            for folder in folders:
                command = ["git", "-C", str(ROOT), "worktree", "remove", "--force", str(folder / "tree")]
                subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
