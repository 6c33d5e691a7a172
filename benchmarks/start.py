"""How long the commands that need no model take to answer: whole processes, in turn, from the interpreter's start.

python benchmarks/start.py [--repeats 15]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

COMMANDS = ("--help", "--version", "parts", "parts core structdraw", "plugins", "specs")


def taken(command: str) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    start = time.perf_counter()
    line = [sys.executable, "-c", "from gnm_core.cli import main; main(prog_name='gnm')", *command.split()]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, line)
    return time.perf_counter() - start, used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    taken("--help")  # writes the bytecode where nobody has run it yet
    found: dict[str, list[tuple[float, float]]] = {command: [] for command in COMMANDS}
    for _ in range(options.repeats):
        for command, times in found.items():
            times.append(taken(command))
    print(f"median (fastest) of {options.repeats}, in seconds: by the clock; of the processor")
    for command, times in found.items():
        wall, core = zip(*times, strict=True)
        shown = "; ".join(f"{statistics.median(t):.3f} ({min(t):.3f})" for t in (wall, core))
        print(f"  gnm {command:24} {shown}")


if __name__ == "__main__":
    main()
