"""A hosted server has requirements.txt and runtime.txt, and nothing else to go by."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ASKED = pytest.mark.skipif(
    "HOSTED" not in os.environ, reason="it installs 600 MB: make hosted-test"
)


def test_the_runtime_is_a_python_that_the_package_takes():
    (version,) = re.findall(r"^python-3\.(\d+)$", (ROOT / "runtime.txt").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert int(version) >= int(project["requires-python"].removeprefix(">=3."))


@ASKED
def test_the_start_notebook_runs_from_requirements_alone(tmp_path):
    series, python = tmp_path / "series", tmp_path / "env/bin/python"
    ignored = shutil.ignore_patterns(".*", "mutants", "node_modules", "build")
    shutil.copytree(ROOT, series, ignore=ignored)

    def run(*command):
        done = subprocess.run(command, cwd=series, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "venv", python.parents[1])
    run(python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt")
    installed = run(python, "-m", "pip", "list", "--format=freeze")
    assert "hypothesis" not in installed, "no requirement: what else came along?"
    start = "notebooks/00_start_here.ipynb"
    said = run(python, "-m", "pytest", "--nbval", "--nbval-current-env", start)
    assert re.search(r"\d+ passed", said)
    assert "failed" not in said
