"""A kernel for a notebook that we know nothing about: fresh, apart, with limits."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty
from typing import NamedTuple

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

try:
    from resource import RLIMIT_AS, prlimit
except ImportError:  # not on Linux
    prlimit = None

MEMORY = 4 * 2**30  # bytes for one kernel: a list that never ends growing hurts nobody
# Nothing that is printed is read, so let it not fill the memory; IPython cannot put a
# `write` of its own in place of this one, to keep a copy. No name is left behind.
PRINT_NOWHERE = '''exec("""
import io, sys
class Nowhere(io.TextIOBase):
    encoding = "utf-8"
    write = property(lambda self: len, lambda self, new: None)
sys.stdout = sys.stderr = Nowhere()
""", {})'''


class Limits(NamedTuple):
    """Seconds for one cell, for one notebook, and for a stopped cell to give in."""

    cell: float = 60.0
    notebook: float = 600.0
    grace: float = 5.0


class Ended(Exception):
    """Nothing more can be run; says why."""


class OurPython(KernelSpecManager):
    """Knows one kernel, the Python that runs this, whatever else is installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return it, for any name."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python", language="python")


class Kernel:
    """A fresh kernel in an empty folder. What it prints and draws is never read."""

    def __init__(self, limits: Limits, stop: threading.Event):
        self.limits, self.stop = limits, stop
        self.until = time.monotonic() + limits.notebook

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        work, ipython = (
            Path(self.folder.name, "work"),
            Path(self.folder.name, "ipython"),
        )
        work.mkdir()
        environment = {
            "IPYTHONDIR": str(ipython),  # no start-up files and no history of yours
            "MPLBACKEND": "Agg",
            "OMP_NUM_THREADS": "1",
            "SDL_VIDEODRIVER": "dummy",
        }
        # Files, not ports: between looking for a free port and taking it, another
        # kernel may take it, and both wait for ever. Windows has only ports.
        files = {"transport": "ipc", "ip": str(Path(self.folder.name, "socket"))}
        sockets = files if os.name == "posix" else {}
        self.manager = KernelManager(kernel_spec_manager=OurPython(), **sockets)
        self.manager.start_kernel(
            cwd=str(work),
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if prlimit:
            prlimit(self.manager.provisioner.pid, RLIMIT_AS, (MEMORY, MEMORY))
        self.client = self.manager.client()
        self.client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            if self.wait(self.client.kernel_info(), self.until) is None:
                raise Ended("the kernel did not start in time")
            self.run(PRINT_NOWHERE)
        except Ended:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.folder.cleanup()

    def wait(self, request: str, until: float) -> dict | None:
        """Return the reply to a request, or None if the time is up first.

        Raises:
            Ended: if the kernel died, or if all is to be stopped.
        """
        while time.monotonic() < until:
            if self.stop.is_set():
                raise Ended("stopped by Ctrl-C")
            try:
                message = self.client.get_shell_msg(timeout=0.2)
            except Empty:
                if not self.manager.is_alive():
                    raise Ended("the kernel died") from None
                continue
            if message["parent_header"].get("msg_id") == request:
                return message["content"]
        return None

    def run(self, code: str, **expressions: str) -> dict | None:
        """Run code, evaluate expressions; return the reply, or None if it was stopped.

        Raises:
            Ended: if the kernel ended meanwhile, or the time for the notebook is up.
        """
        request = self.client.execute(
            code, user_expressions=expressions, allow_stdin=False, stop_on_error=False
        )
        until = min(time.monotonic() + self.limits.cell, self.until)
        reply = self.wait(request, until)
        if reply is None:
            self.manager.interrupt_kernel()
            if self.wait(request, time.monotonic() + self.limits.grace) is None:
                raise Ended("it could not be stopped")
            if time.monotonic() >= self.until:
                raise Ended(f"{self.limits.notebook:g} s are over")
        elif any(part["source"] == "ask_exit" for part in reply.get("payload", [])):
            raise Ended("it ends the kernel")
        return reply
