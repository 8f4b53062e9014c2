"""What a new environment needs: a server with requirements.txt, and the wheel alone."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ASKED = pytest.mark.skipif(
    "HOSTED" not in os.environ, reason="it installs 600 MB twice: make hosted-test"
)
LEFT_OUT = {"MPLBACKEND", "PYTHONPATH"}  # no server sets these
STYLE = "pgutils.policy_gradients.mplstyle"
SMOKE = """
import importlib
import pkgutil
import sys
from fractions import Fraction
from pathlib import Path

import matplotlib
import numpy as np

import pgutils

assert Path(pgutils.__file__).is_relative_to(sys.prefix), pgutils.__file__
for module in pkgutil.walk_packages(pgutils.__path__, "pgutils."):
    print(importlib.import_module(module.name).__name__)

from pgutils.plots import use_style
from pgutils.rollout import make_cartpole
from pgutils.training import train
from pgutils.verify import verify

run = train(make_cartpole(10), np.random.default_rng(0), max_steps=5000)
assert run.returns[-1].mean() > 2 * run.returns[0].mean(), run.returns.mean(1)
gamma = Fraction(9, 10)
verify("2.3", 1 + gamma, (1 - gamma**2) / (1 - gamma))
use_style()
assert matplotlib.rcParams != matplotlib.rcParamsDefault
"""


def run(*command, cwd: Path) -> str:
    """Return what a command prints; fail with all of it if the command does."""
    clean = {name: os.environ[name] for name in os.environ if name not in LEFT_OUT}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def copy_of_the_series(folder: Path) -> Path:
    """Copy what is in the repository, and nothing that was made from it."""
    ignored = shutil.ignore_patterns(".*", "mutants", "node_modules", "build")
    return shutil.copytree(ROOT, folder / "series", ignore=ignored)


def new_python(folder: Path) -> Path:
    """Make an environment of its own, and return its Python."""
    run(sys.executable, "-m", "venv", folder / "env", cwd=folder)
    return folder / "env/bin/python"


def test_the_runtime_is_a_python_that_the_package_takes():
    (version,) = re.findall(r"^python-3\.(\d+)$", (ROOT / "runtime.txt").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert int(version) >= int(project["requires-python"].removeprefix(">=3."))


@ASKED
def test_the_start_notebook_runs_from_requirements_alone(tmp_path):
    series, python = copy_of_the_series(tmp_path), new_python(tmp_path)
    install = [python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
    run(*install, cwd=series)
    installed = run(python, "-m", "pip", "list", "--format=freeze", cwd=series)
    assert "hypothesis" not in installed, "no requirement: what else came along?"
    start = "notebooks/00_start_here.ipynb"
    said = run(
        python, "-m", "pytest", "--nbval", "--nbval-current-env", start, cwd=series
    )
    assert re.search(r"\d+ passed", said)
    assert "failed" not in said


@ASKED
def test_the_wheel_works_without_the_repository(tmp_path):
    series, python = copy_of_the_series(tmp_path), new_python(tmp_path)
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "build", cwd=tmp_path)
    # It makes the source archive, and the wheel from that.
    said = run(python, "-m", "build", "--outdir", tmp_path, series, cwd=tmp_path)
    assert "warning" not in said.lower(), said
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if ".dist-info/" not in name}
    files = [path for path in (ROOT / "pgutils").rglob("*.*") if path.suffix != ".pyc"]
    assert packed == {path.relative_to(ROOT).as_posix() for path in files}
    pins = series / "constraints.txt"
    run(*pip, "install", "--quiet", "-c", pins, wheel, cwd=tmp_path)
    shutil.rmtree(series)
    said = run(python, "-I", "-W", "error", "-c", SMOKE, cwd=tmp_path)
    modules = {name.removesuffix(".py").replace("/", ".") for name in packed}
    missing = {name for name in modules if f"{name}\n" not in said}
    packages = {"pgutils", "pgutils.checks", "pgutils.exercises"}
    assert missing == {*(f"{name}.__init__" for name in packages), STYLE}, said
