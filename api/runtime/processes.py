"""What the operating system knows about processes: who is alive, where, and how to end one."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)  # Loaded now: nothing may be imported between fork and exec.
_TICK_S: Final = 0.01  # Ends and starts take tens of milliseconds; finer looks only burn CPU.


def signal_when_parent_ends(signum: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends the signal to the child when its parent is gone.

    It watches the *thread* that started the child, so servers are started by main threads only.
    """
    number = int(signum)

    def ask_the_kernel() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)

    return ask_the_kernel


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not merely waiting to be reaped."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def command_line(pid: int) -> list[str]:
    """The arguments a process was started with; empty if it is gone or not ours to see."""
    try:
        return (_PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far, children that it has seen end included; 0 if gone."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0.0
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")


def processes_in(directory: Path) -> list[int]:
    """Processes whose working directory it is: a postmaster and its backends live in their data."""
    wanted = str(directory.resolve())
    return [pid for pid in _pids() if _working_directory(pid) == wanted]


def processes_with(*arguments: str) -> list[int]:
    """Processes whose command line holds every one of the arguments, this one excepted."""
    wanted = set(arguments)
    return [pid for pid in _pids() if pid != os.getpid() and wanted <= set(command_line(pid))]


def send(pids: Iterable[int], signum: signal.Signals) -> None:
    """Signals those that still exist."""
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            continue  # Gone already, which is what the signal was for.


def wait_until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Looks until the condition holds; False when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_TICK_S)
    return True


def end_all(find: Callable[[], list[int]], *, signum: signal.Signals, timeout_s: float) -> int:
    """Ends processes left behind by an earlier run, kindly, then by force; says how many."""
    found = find()
    if not found:
        return 0
    send(found, signum)
    if not wait_until(lambda: not find(), timeout_s=timeout_s):
        send(find(), signal.SIGKILL)
        wait_until(lambda: not find(), timeout_s=timeout_s)
    return len(found)


def stop(process: subprocess.Popen[bytes], steps: Iterable[tuple[signal.Signals, float]]) -> int:
    """Ends our own child by ever firmer signals, each with its seconds of patience."""
    for signum, patience_s in steps:
        if process.poll() is not None:
            break
        process.send_signal(signum)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    else:
        process.kill()
    return process.wait()


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _working_directory(pid: int) -> str | None:
    try:
        return str((_PROC / str(pid) / "cwd").readlink())
    except OSError:
        return None  # Gone meanwhile, a zombie, or another user's.
