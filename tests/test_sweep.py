"""The sweep gives the same rows wherever it runs, and loses none that was finished."""

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import gymnasium as gym
import numpy as np
import pytest

from pgutils.rollout import make_cartpole
from pgutils.training import train

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "sweep.py"
GRID = {"learning_rate": [0.03, 0.06], "max_steps": [20_000]}
SEEDS = range(5000, 5010)
COMMAND = [sys.executable, SCRIPT, "--learning-rate", "0.03", "0.06"]
COMMAND += ["--max-steps", "20000", "--seeds", "5000", "5010", "--out"]


@pytest.fixture(scope="module")
def sweep():
    """Return the module, where what it needs is installed."""
    for name in "joblib", "distributed":
        reason = f"{name} is not installed: `make bench-quick` runs this test with it"
        pytest.importorskip(name, reason=reason)
    import sweep

    return sweep


@pytest.fixture(scope="module")
def expected(sweep):
    """Return the rows, computed one after another."""
    return sweep.sweep(GRID, SEEDS)


@pytest.fixture
def cluster(sweep):
    """Return a Dask cluster of two worker processes, and a client of it."""
    from dask.distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield cluster, client


def lines(path: Path) -> list[str]:
    """Return the whole lines of a csv that may not exist yet, without its header."""
    text = path.read_text() if path.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()[1:]


def wait_for(path: Path, count: int) -> int:
    """Wait until a csv has so many rows, and return how many it has."""
    end = monotonic() + 60
    while len(lines(path)) < count:
        assert monotonic() < end, f"{path} has {len(lines(path))} rows after a minute"
        sleep(0.01)
    return len(lines(path))


def test_a_row_is_a_training_run_by_hand(sweep, expected):
    rng = np.random.default_rng(5003)
    run = train(make_cartpole(10), rng, learning_rate=0.03, max_steps=20_000)
    row = expected[3]
    assert (row["seed"], row["learning_rate"]) == (5003, 0.03)
    assert row["solved"] == run.solved
    assert row["steps"] == run.steps.sum()
    assert row["episodes"] == run.returns.size
    assert row["last_100"] == run.returns.ravel()[-100:].mean()


def test_rows_come_in_the_order_of_environments_grid_and_seeds(sweep):
    grid = {"gamma": [0.9, 1], "max_steps": [1]}
    names = ["CartPole-v1", "Acrobot-v1"]
    rows = sweep.sweep(grid, [2, 1], environments=names)
    given = [(row["environment"], row["gamma"], row["seed"]) for row in rows]
    assert given == [(n, g, s) for n in names for g in (0.9, 1) for s in (2, 1)]


def test_the_defaults_are_those_of_train(sweep):
    ours = sweep.Task._field_defaults
    for name, parameter in inspect.signature(train).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert ours[name] == parameter.default


def test_two_processes_give_the_same_rows(sweep, expected):
    import joblib

    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert sweep.sweep(GRID, SEEDS) == expected


def test_a_cluster_loses_nothing_when_a_worker_is_killed(
    sweep, expected, cluster, tmp_path
):
    import joblib

    out, when = tmp_path / "sweep.csv", []
    pids = list(cluster[1].run(os.getpid).values())

    def kill():
        when.append(wait_for(out, 3))
        os.kill(pids[0], signal.SIGKILL)

    killer = Thread(target=kill)
    killer.start()
    with joblib.parallel_config(backend="dask"):
        rows = sweep.sweep(GRID, SEEDS, out=out)
    killer.join()
    assert 3 <= when[0] < len(rows) - 2  # it was killed midway
    assert pids[0] not in cluster[1].run(os.getpid).values()
    assert rows == expected
    assert len(lines(out)) == len(set(lines(out))) == len(expected)
    assert sweep.sweep(GRID, SEEDS, out=out) == expected  # read, not computed


def test_the_command_runs_on_a_cluster(sweep, expected, cluster, tmp_path):
    out = tmp_path / "sweep.csv"
    address = cluster[0].scheduler_address
    command = [*COMMAND, out, "--scheduler", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("solved") == 2
    assert len(lines(out)) == len(expected)
    assert sweep.sweep(GRID, SEEDS, out=out) == expected


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to signal")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_after_an_interrupt_the_same_call_does_the_rest(
    sweep, expected, tmp_path, jobs
):
    out = tmp_path / "sweep.csv"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [*COMMAND, out, "--jobs", jobs]
    running = subprocess.Popen(command, start_new_session=True, **pipes)
    wait_for(out, 2)
    os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does, workers and all
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "interrupted: finished runs are in" in said
    finished = lines(out)
    assert 2 <= len(finished) < len(expected)
    assert sweep.sweep(GRID, SEEDS, out=out) == expected
    assert lines(out)[: len(finished)] == finished
    assert len(set(lines(out))) == len(lines(out)) == len(expected)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit to a file's size")
def test_after_the_disk_was_full_the_same_call_does_the_rest(sweep, expected, tmp_path):
    out = tmp_path / "sweep.csv"
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (300, 300))"
    script = f"{limit}; import sys; sys.argv = sys.argv[1:]; import sweep; sweep.main()"
    command = [sys.executable, "-c", script, *COMMAND[1:], out, "--jobs", "1"]
    env = os.environ | {"PYTHONPATH": str(SCRIPT.parent)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"File too large; make room for {out}, call again" in done.stderr
    finished = lines(out)
    assert 2 <= len(finished) < len(expected)
    assert sweep.sweep(GRID, SEEDS, out=out) == expected
    assert lines(out)[: len(finished)] == finished


@pytest.mark.parametrize("torn", ["", "CartPole-v1,5004,0.99", "CartPole-v1,5002\n"])
def test_only_what_is_missing_is_computed(sweep, tmp_path, monkeypatch, torn):
    grid, out = {"max_steps": [500]}, tmp_path / "sweep.csv"
    expected = sweep.sweep(grid, range(4))
    sweep.sweep(grid, [0, 3], out=out)
    out.write_text(out.read_text() + torn)
    if torn.endswith("\n"):
        with pytest.raises(
            ValueError, match=r"line 4, must be the row of a sweep, got"
        ):
            sweep.sweep(grid, range(4), out=out)
        return
    called, run_task = [], sweep.run_task

    def counted(task):
        called.append(task.seed)
        return run_task(task)

    monkeypatch.setattr(sweep, "run_task", counted)
    assert sweep.sweep(grid, range(4), out=out) == expected
    assert called == [1, 2]
    assert len(lines(out)) == 4


@pytest.mark.parametrize("header", ["", "environment,se"])
def test_a_torn_header_is_written_again(sweep, tmp_path, header):
    out = tmp_path / "sweep.csv"
    out.write_text(header)
    rows = sweep.sweep({"max_steps": [1]}, [0], out=out)
    assert out.read_text().startswith("environment,seed,")
    assert sweep.sweep({"max_steps": [1]}, [0], out=out) == rows


def test_a_file_that_is_no_sweep_is_left_as_it_is(sweep, tmp_path):
    out = tmp_path / "diary.txt"
    out.write_text("Dear diary,\ntoday")
    with pytest.raises(
        ValueError, match=r"diary.txt must be the csv .* got Dear diary"
    ):
        sweep.sweep({"gamma": [1]}, [0], out=out)
    assert out.read_text() == "Dear diary,\ntoday"


def test_diverged_runs_are_rows_and_are_warned_of_once(sweep):
    grid = {"learning_rate": [1e308, 0.06], "max_steps": [500]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rows = sweep.sweep(grid, range(5))
    assert [row["diverged"] for row in rows] == [True] * 5 + [False] * 5
    assert [str(w.message)[:22] for w in caught] == ["5 of 10 runs diverged:"]


def test_one_bar_is_shown_and_the_bars_of_later_runs_are_left_on(
    sweep, monkeypatch, capsys
):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    sweep.sweep({"max_steps": [1]}, [0])
    shown = capsys.readouterr().err
    assert "1/1" in shown
    assert " steps" not in shown
    assert "TQDM_DISABLE" not in os.environ
    monkeypatch.setenv("TQDM_DISABLE", "1")
    sweep.sweep({"max_steps": [1]}, [0])
    assert os.environ["TQDM_DISABLE"] == "1"
    assert capsys.readouterr().err == ""


BAD = [
    ({}, [0], {}, ValueError, "at least one hyperparameter, got none"),
    ({"gamma": []}, [0], {}, ValueError, "gamma must hold at least one value"),
    ({"gamma": 1}, [0], {}, TypeError, "gamma must be a list of values, got 1"),
    ({"gamma": [0.9, 1.1]}, [0], {}, ValueError, r"gamma must be in \[0, 1\], got 1.1"),
    ({"learning_rate": [0]}, [0], {}, ValueError, "learning_rate must be finite and"),
    ({"batch_size": [1]}, [0], {}, ValueError, "batch_size must be at least 2, got 1"),
    ({"max_steps": [0]}, [0], {}, ValueError, "max_steps must be at least 1, got 0"),
    ({"rate": [1]}, [0], {}, ValueError, "must be among gamma, .*, got rate"),
    ({"gamma": [1]}, [], {}, ValueError, "seeds must hold at least one value"),
    ({"gamma": [1]}, 3, {}, TypeError, "seeds must be a list of values, got 3"),
    ({"gamma": [1]}, [-1], {}, ValueError, "seed must be at least 0, got -1"),
    ({"gamma": [1]}, [0], {"environments": []}, ValueError, "environments must hold"),
    ({"gamma": [1]}, [0], {"environments": "CartPole-v1"}, TypeError, "must be a list"),
    (
        {"gamma": [1]},
        [0],
        {"environments": ["CartPole-v1", "Carpole-v1"]},
        gym.error.NameNotFound,
        "Carpole",
    ),
    (
        {"gamma": [1]},
        [0],
        {"environments": ["Pendulum-v1"]},
        TypeError,
        "actions must be discrete",
    ),
]


@pytest.mark.parametrize(("grid", "seeds", "options", "error", "message"), BAD)
def test_bad_input_is_refused_before_anything_runs(
    sweep, monkeypatch, tmp_path, grid, seeds, options, error, message
):
    monkeypatch.setattr(sweep, "run_task", lambda task: pytest.fail("a task was run"))
    out = tmp_path / "sweep.csv"
    with pytest.raises(error, match=message):
        sweep.sweep(grid, seeds, out=out, **options)
    assert not out.exists()


def test_the_command_says_what_is_wrong_in_one_line(sweep, tmp_path):
    command = [sys.executable, SCRIPT, "--out", tmp_path / "x", "--seeds", "3", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "ValueError: seeds must hold at least one value, got none\n"


def code(path: Path) -> str:
    """Return the code of a module, or of a notebook's cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


CLUSTER = re.compile(
    r"\b(joblib|dask|distributed)\b|^\s*(import|from)\b.*\bsweep\b", re.M
)


@pytest.mark.parametrize(
    "path",
    [*ROOT.glob("pgutils/**/*.py"), *ROOT.glob("notebooks/*.ipynb")],
    ids=lambda path: path.name,
)
def test_no_module_and_no_notebook_needs_a_cluster(path):
    assert not CLUSTER.findall(code(path))


@pytest.mark.parametrize(
    "line", ["import joblib", "from dask import bag", "from benchmarks.sweep import x"]
)
def test_what_the_guard_finds(line):
    assert CLUSTER.search(f"import numpy as np\n    {line}")
