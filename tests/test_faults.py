"""Full disks, folders that are read-only, interrupts, no pygame: nothing is torn."""

import ast
import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import make_handout
import pgutils.training
import run_notebooks
from pgutils import files, movies
from pgutils.files import replacing
from pgutils.rollout import make_cartpole

ROOT = Path(__file__).parents[1]
FRAMES = np.zeros((2, 4, 6, 3), dtype=np.uint8)


def full_disk(*args, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupted(*args, **options):
    raise KeyboardInterrupt


def half_a_file(path, error):
    with replacing(path) as new:
        new.write_text("ne")
        raise error


def half_a_folder(path):
    with replacing(path) as new:
        new.mkdir()
        (new / "half").write_text("")
        raise KeyboardInterrupt


class TestReplacing:
    def test_what_is_written_takes_the_place_of_what_was_there(self, tmp_path):
        path = tmp_path / "page.md"
        for text in ("old", "γ\nnew\n"):
            files.write(path, text)
            assert path.read_bytes() == text.encode()
        assert os.listdir(tmp_path) == ["page.md"]

    @pytest.mark.parametrize("name", ["map.svg", "map", "a.b"])
    def test_until_then_the_old_is_there(self, tmp_path, name):
        path = tmp_path / name
        path.write_text("old")
        with replacing(str(path)) as new:
            assert new.parent == tmp_path
            assert new.name.endswith(path.suffix)
            new.write_text("new")
            assert path.read_text() == "old"
        assert path.read_text() == "new"

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
    @pytest.mark.parametrize("existed", [True, False])
    def test_after_an_error_the_old_is_there(self, tmp_path, error, existed):
        path = tmp_path / "map.svg"
        if existed:
            path.write_text("old")
        with pytest.raises(error):
            half_a_file(path, error)
        assert os.listdir(tmp_path) == ["map.svg"] * existed
        assert not existed or path.read_text() == "old"

    @pytest.mark.errors
    def test_an_error_names_what_could_not_be_written(self, tmp_path):
        path = tmp_path / "map.svg"
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with pytest.raises(OSError, match=r"map\.svg cannot be written: No space"):
            half_a_file(path, error)
        assert os.listdir(tmp_path) == []
        path = tmp_path / "none" / "map.svg"
        with pytest.raises(FileNotFoundError, match=r"map\.svg cannot be written: No"):
            files.write(path, "text")

    def test_a_folder_comes_whole_or_not_at_all(self, tmp_path):
        path = tmp_path / "handout"
        with pytest.raises(KeyboardInterrupt):
            half_a_folder(path)
        assert os.listdir(tmp_path) == []
        (tmp_path / ".handout.new").mkdir()
        (tmp_path / ".handout.new" / "left").write_text("by a power cut")
        with replacing(path) as new:
            new.mkdir()
            (new / "all").write_text("")
        assert os.listdir(tmp_path) == ["handout"]
        assert os.listdir(path) == ["all"]

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no limit to a file's size")
    def test_the_system_itself_runs_out_of_room(self, tmp_path):
        files.write(tmp_path / "page.md", "old")
        script = (
            "import sys, resource\nfrom pgutils import files\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "files.write(sys.argv[1], 'new' * 1000)"
        )
        command = [sys.executable, "-c", script, tmp_path / "page.md"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.stderr.endswith("page.md cannot be written: File too large\n")
        assert (tmp_path / "page.md").read_text() == "old"
        assert os.listdir(tmp_path) == ["page.md"]


def half_of(fault):
    """Return what writes a little, wherever the path stands, and then fails."""

    def write(*args, **options):
        path = next(Path(a) for a in args if isinstance(a, str | Path))
        path.write_bytes(b"half")
        fault()

    return write


def gif(folder, patch, fault):
    from PIL import Image

    patch.setattr(Image.Image, "save", half_of(fault))
    movies.save_gif(folder / "old.gif", FRAMES, fps=5)


def notebook(folder, patch, fault):
    nb = notebook_of("1")
    patch.setattr(run_notebooks.nbformat, "read", lambda path, as_version: nb)
    patch.setattr(run_notebooks.Client, "execute", lambda client: None)
    patch.setattr(Path, "write_text", half_of(fault))
    run_notebooks.run(folder / "old.gif")


def handout(folder, patch, fault):
    patch.setattr(make_handout.nbformat, "write", half_of(fault))
    make_handout.make_handout(folder / "handout")


@pytest.mark.parametrize("writer", [gif, notebook, handout])
@pytest.mark.parametrize("fault", [full_disk, interrupted])
def test_a_writer_that_fails_leaves_what_was_there(
    tmp_path, monkeypatch, writer, fault
):
    (tmp_path / "old.gif").write_text("old")
    with monkeypatch.context() as patch, pytest.raises((OSError, KeyboardInterrupt)):
        writer(tmp_path, patch, fault)
    assert os.listdir(tmp_path) == ["old.gif"]
    assert (tmp_path / "old.gif").read_text() == "old"


WRITES = {"write_text", "write_bytes", "save", "savefig", "write", "touch"}
MODE = re.compile(r"(mode=)?'[wax][bt+]*'")
TOOLS = [
    path
    for folder in ("pgutils", "benchmarks", "figures", "site", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.name.startswith("test_") and "node_modules" not in path.parts
]
ELSEWHERE = {  # function: why it writes in another way
    "gather.py: fill": "into a folder that `replacing` gave",
    "gather.py: write_api": "into that folder",
    "make_handout.py: fill": "into a folder that `replacing` gave",
    "sweep.py: sweep": "adds a line at a time, and knows a torn one",
    "mutate_notebooks.py: examine": "to os.devnull",
    "widgets.py: to_png": "into memory",
}


def torn_writers(path: Path) -> set[str]:
    """Return the functions of a module that write to a file without `replacing`."""
    found = set()

    def look(node, function, safe):
        if isinstance(node, ast.FunctionDef):
            function = f"{path.name}: {node.name}"
        if isinstance(node, ast.With):
            safe = safe or "replacing(" in ast.unparse(node.items[0])
        if isinstance(node, ast.Call) and not safe and writes(node):
            found.add(function)
        for child in ast.iter_child_nodes(node):
            look(child, function, safe)

    look(ast.parse(path.read_text("utf-8")), f"{path.name}: top", False)
    return found


def writes(call: ast.Call) -> bool:
    """Tell whether a call may write to a file: by its name, or by a mode of `open`."""
    text = ast.unparse(call.func)
    name = text.rpartition(".")[2]
    if name == "open":
        modes = [ast.unparse(a) for a in (*call.args, *call.keywords)]
        return any(MODE.fullmatch(mode) for mode in modes)
    return name in WRITES and name != text != "files.write"


@pytest.mark.parametrize(
    "path", TOOLS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_no_tool_writes_over_a_file(path):
    if path.name != "files.py":
        assert torn_writers(path) <= ELSEWHERE.keys()


@pytest.mark.parametrize(
    ("line", "torn"),
    [
        ("path.write_text(x)", True),
        ("fig.savefig(path)", True),
        ("nbformat.write(nb, path)", True),
        ("open(path, 'w')", True),
        ("path.open(mode='w')", True),
        ("with path.open('w') as f: pass", True),
        ("with replacing(path) as new, new.open('w') as f: f.write('x')", False),
        ("with replacing(path) as new: fig.savefig(new)", False),
        ("files.write(path, x)", False),
        ("open(path)", False),
        ("path.open(newline='')", False),
    ],
)
def test_what_the_guard_finds(tmp_path, line, torn):
    path = tmp_path / "tool.py"
    path.write_text(f"def f():\n    {line}\n")
    assert torn_writers(path) == ({"tool.py: f"} if torn else set())


class TestSecondInterrupt:
    """One came in training, another while its progress bar was closed."""

    @pytest.mark.parametrize("many", [False, True])
    def test_what_was_learnt_is_kept(self, monkeypatch, many):
        third = iter([False, False, True])
        extend = pgutils.training.extend

        def extend_twice(*args):
            return interrupted() if next(third) else extend(*args)

        monkeypatch.setattr(pgutils.training, "extend", extend_twice)
        monkeypatch.setattr(pgutils.training.tqdm, "__exit__", interrupted)
        rng = np.random.default_rng(0)
        try:
            if many:
                runs = pgutils.training.train_many(make_cartpole, rng, 2)
            else:
                runs = [pgutils.training.train(make_cartpole(10), rng)]
        except KeyboardInterrupt:
            pytest.fail("the interrupt was not caught")
        assert [len(run.returns) for run in runs] == ([1, 1] if many else [2])
        assert [len(run.steps) for run in runs] == [len(run.returns) for run in runs]


def run_without_pygame(script: str) -> str:
    """Return what a script prints where pygame cannot be imported."""
    script = f"import sys\nsys.modules['pygame'] = None\n{script}"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_without_pygame_learning_goes_on_and_frames_are_white():
    said = run_without_pygame(
        "import numpy as np\n"
        "from pgutils.movies import film\n"
        "from pgutils.rollout import make_cartpole\n"
        "from pgutils.training import train\n"
        "run = train(make_cartpole(10), np.random.default_rng(0), max_steps=500)\n"
        "frames, states = film(run.theta, seed=1)\n"
        "print(len(run.steps) > 0, len(frames) == len(states), frames.min())\n"
    )
    assert "True True 255" in said
    assert said.count("CartPole cannot be drawn, the frames stay white") == 1
    assert "pygame" in said


def test_without_a_screen_frames_are_white_and_states_the_same(monkeypatch):
    theta = np.zeros((4, 2))
    frames, states = movies.film(theta, seed=1)
    assert frames.min() < 255

    def no_screen(*args, **options):
        raise RuntimeError("No available video device")

    import pygame

    monkeypatch.setattr(pygame, "Surface", no_screen)
    with pytest.warns(RuntimeWarning, match="stay white: No available video device"):
        white, same = movies.film(theta, seed=1)
    assert (white.shape, white.dtype) == (frames.shape, frames.dtype)
    assert white.min() == 255
    np.testing.assert_array_equal(same, states)


def test_a_gif_holds_all_frames_and_loops(tmp_path):
    from PIL import Image

    frames = np.zeros((3, 4, 6, 3), dtype=np.uint8)
    frames[1] = 255
    frames[2, 0] = 255
    movies.save_gif(tmp_path / "x.gif", frames, fps=5)
    with Image.open(tmp_path / "x.gif") as image:
        assert (image.n_frames, image.info["duration"], image.info["loop"]) == (
            3,
            200,
            0,
        )
    assert os.listdir(tmp_path) == ["x.gif"]


PICKLES = [
    "import pickle\npickle.load(x)",
    "from pickle import loads\nloads(x)",
    "import dill",
    "import cloudpickle",
    "import shelve",
    "import marshal",
    "import joblib\njoblib.load(x)",
    "from joblib import Memory",
    "import numpy as np\nnp.load(x, allow_pickle=True)",
    "import numpy as np\nnp.load(x)",
    "import torch\ntorch.load(x)",
    "import pandas as pd\npd.read_pickle(x)",
]


@pytest.mark.parametrize("code", PICKLES)
@pytest.mark.parametrize("name", ["benchmarks/x.py", "notebooks/x.ipynb"])
def test_lint_finds_what_loads_a_pickle(code, name):
    """`make test` begins with ruff, on modules and notebooks."""
    given = code if name.endswith("py") else nbformat.writes(notebook_of(code))
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", name, "-"]
    done = subprocess.run(
        command, input=given, cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert re.search(r"\b(S301|S302|TID251)\b", done.stdout), done.stdout


def notebook_of(code):
    return new_notebook(cells=[new_code_cell(code)])
