"""A class of forty, run as a teacher does: what each gets, and none stops another."""

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from check_class import ROOT, Row, cells_of, checks_of, report, write
from fresh_kernel import Kernel, Limits, prlimit
from pgutils.exercises import ch02
from pgutils.exercises.exercise import Exercise

SCRIPT = Path(__file__).parent / "tools/check_class.py"
WRONG = "by_hand = (F(7, 4), F(3, 2), 3)"
WRONG_HINT = "the numbers are right, the order is not: G_2 comes first"
ENDLESS = "endless_cell", "endless_print", "endless_answer", "will_not_stop"
LEAK = """def stream_returns(rewards, ends, gamma):
    return [sum(gamma**k * r for k, r in enumerate(rewards[t:]))
            for t in range(len(rewards))]"""
LOOP = """def stream_returns(rewards, ends, gamma):
    import time
    while True:
        time.sleep(0.1)"""
FORGERY = """from pgutils.exercises import ch02, exercise
exercise.Exercise.check = lambda self, answer: print("right")
exercise.Exercise.reply = lambda self, answer: "right"
exercise.same = lambda a, b, tol: True
class ch02:
    class by_hand:
        check = reply = staticmethod(lambda answer: print("right") or "right")"""
OWN_PACKAGE = """import os
os.makedirs("pgutils/exercises")
for name in ("__init__", "exercises/__init__", "exercises/exercise", "exercises/ch02"):
    with open(f"pgutils/{name}.py", "w") as file:
        file.write("class by_hand:\\n    check = reply = lambda answer: 'right'\\n")
import pgutils.exercises.ch02"""


def code_of(folder: str) -> list[str]:
    """Return the code cells of our notebook 02, or of its solutions."""
    (path,) = (ROOT / folder).glob("02_*.ipynb")
    return [text for kind, text in cells_of(path) if kind == "code"]


(SETUP, *_) = code_of("notebooks/solutions")  # imports what the solutions need


def solutions() -> dict[str, str]:
    """Return the solution of each exercise: the code since the check before it."""
    found, since = {}, ""
    for text in code_of("notebooks/solutions")[1:]:
        before, check, _ = text.partition("ch02.")
        since += before + "\n"
        if check:
            found[re.match(r"\w+", text[len(before + check) :])[0]] = since
            since = ""
    return found


def student(**answers: str) -> list[str]:
    """Return a student's cells: a short setup, and then our exercises."""
    ours = code_of("notebooks")
    first = next(i for i, text in enumerate(ours) if "ch02.by_hand.check(" in text)
    code = [SETUP, *ours[first - 1 :]]
    for name, answer in answers.items():
        (check,) = (i for i, text in enumerate(code) if f"ch02.{name}.check(" in text)
        code[check - 1] = answer
    return code


def save(path: Path, code: list[str], said: str = "", kernel: str = "python3") -> None:
    """Write a notebook, with a stored output under every cell."""
    outputs = [new_output("stream", text=said)]
    notebook = new_notebook(
        cells=[new_code_cell(text, outputs=outputs) for text in code],
        metadata={"kernelspec": {"name": kernel, "display_name": kernel}},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def odd_ones() -> dict[str, tuple[list[str], str]]:
    """Return cells that are unusual, and what they deserve, a letter a check."""
    right = solutions()
    code = student(**right)

    def with_cell(text: str, after: int) -> list[str]:
        return [*code[: 2 * after + 1], text, *code[2 * after + 1 :]]

    wait = "import time\nwhile True: time.sleep(1)"
    stubborn = f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{wait}"
    print_on = "while 1: print('x' * 9**5)"
    plainly_wrong = WRONG.replace("F(7, 4)", "7 / 4").replace("F(3, 2)", "3 / 2")
    syntax_error = "def stream_returns(:\n    return 0"
    return {
        "all_right": (code, "rrrrrr"),
        "untouched": (student(), "......"),
        "a_known_mistake": (student(**right | {"by_hand": WRONG}), "hrrrrr"),
        "syntax_error": (student(**right | {"stream_returns": syntax_error}), "rerrrr"),
        "fails_in_an_answer": (student(by_hand="by_hand = 1 / 0"), "e....."),
        "half_an_answer": (student(bonus='prediction = ("same", None)'), "......"),
        "endless_cell": (with_cell(wait, after=1), "rrrrrr"),
        "endless_print": (with_cell(print_on, after=1), "rrrrrr"),
        "endless_answer": (student(**right | {"stream_returns": LOOP}), "rerrrr"),
        "will_not_stop": (with_cell(stubborn, after=1), "reeeee"),
        "exits": (with_cell("exit()", after=2), "rreeee"),
        "dies": (with_cell("import os\nos._exit(1)", after=2), "rreeee"),
        "checks_deleted": ([*code[:3], *code[3::2]], "rrrrrr"),
        "answers_deleted": ([SETUP, *code[2::2]], "......"),
        "all_in_the_checks": (
            [SETUP, *("\n".join(both) for both in zip(code[1::2], code[2::2]))],
            "rrrrrr",
        ),
        "used_again_below": ([*code, "by_hand = stream_returns = 0"], "rrrrrr"),
        "waits_for_input": ([SETUP, "input()", *code[1:]], "rrrrrr"),
        "forged_print": (student(by_hand=f'{WRONG}\nprint("right")'), "h....."),
        "forged_class": ([SETUP, WRONG, FORGERY, code[2]], "h....."),
        "forged_package": ([OWN_PACKAGE, plainly_wrong, code[2]], "h....."),
    }


def write_forty(folder: Path, endless: Path) -> dict[str, str]:
    """Write forty submissions, those that never end apart; return what each deserves.

    That is a letter for each check, or "" if the submission cannot be run.
    """
    deserved = {}
    for name, (code, letters) in odd_ones().items():
        place = (endless if name in ENDLESS else folder) / name
        save(place / "02 done.ipynb", code, said="right\n", kernel="ir")
        deserved[f"{name}/02 done"] = letters

    right = solutions()
    old = {"cell_type": "code", "input": "\n".join(student(**right)), "outputs": []}
    sheets = json.dumps({"nbformat": 3, "worksheets": [{"cells": [old]}]})
    texts = {"broken": '{"cells": [', "no_notebook": "[]", "twice/format_3": sheets}
    save(folder / "twice/large.ipynb", student(**right), said="x" * 4_000_000)
    for name, text in texts.items():
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")
    save(folder / "00_start_here.ipynb", ["1 + 1", "Exercise(right=3).check(3)"])
    deserved |= {"twice/format_3": "rrrrrr", "twice/large": "rrrrrr"}
    deserved |= {"broken": "", "no_notebook": "", "00_start_here": ""}

    for i in range(40 - len(deserved)):  # the first few exercises, some with a leak
        answers = dict(list(right.items())[: i % 7])
        letters = ["r"] * len(answers) + ["."] * (len(right) - len(answers))
        if i % 3 == 0:
            answers["stream_returns"], letters[1] = LEAK, "h"
        save(folder / f"student_{i:02}_02.ipynb", student(**answers))
        deserved[f"student_{i:02}_02"] = "".join(letters)
    return deserved


def run(folder: Path, *more: str) -> subprocess.CompletedProcess:
    """Run the script as the Makefile does."""
    command = [sys.executable, SCRIPT, folder, *more]
    return subprocess.run(command, capture_output=True, encoding="utf-8")


def files_in(folder: Path) -> dict[Path, str]:
    """Return a fingerprint of every file."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def results(folder: Path) -> dict[str, dict[str, str]]:
    """Return the lines of results.csv, by submission."""
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return {line["submission"]: line for line in csv.DictReader(file)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("class") / "submissions"


@pytest.fixture(scope="module")
def endless(folder):
    return folder.with_name("endless")


@pytest.fixture(scope="module")
def deserved(folder, endless):
    deserved = write_forty(folder, endless)
    save(folder / "untouched/.ipynb_checkpoints/02-checkpoint.ipynb", student())
    return deserved


@pytest.fixture(scope="module")
def printed(folder, endless, deserved):
    """What is printed; only those that never end have little time for a cell.

    The others end by themselves, also on a busy machine.
    """
    before = files_in(folder.parent)
    with ThreadPoolExecutor() as pool:
        few = pool.submit(run, endless, "--cell", "20", "--jobs", str(len(ENDLESS)))
        done = [run(folder, "--cell", "300"), few.result()]
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    after = files_in(folder.parent)
    assert after.pop(folder / "results.csv")
    assert after.pop(endless / "results.csv")
    assert after == before
    return "\n".join(one.stdout for one in done)


@pytest.fixture(scope="module")
def lines(folder, endless, printed):
    return results(folder) | results(endless)


class TestForty:
    def test_each_gets_what_it_deserves(self, lines, deserved):
        letter = {"right": "r", "hint": "h", "error": "e", "not answered": ".", "": ""}
        got = {
            name: "".join(letter[line[check.label]] for check in checks_of("ch02"))
            for name, line in lines.items()
        }
        assert len(got) == 40
        assert got == deserved

    def test_the_count_is_that_of_right(self, lines, deserved):
        for name, letters in deserved.items():
            count = [str(letters.count("r")), "6"] if letters else ["", ""]
            assert [lines[name]["right"], lines[name]["of"]] == count

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("endless_cell/02 done", "code cell 4 was stopped after 20 s"),
            ("endless_print/02 done", "code cell 4 was stopped after 20 s"),
            ("will_not_stop/02 done", "code cell 4: it could not be stopped"),
            ("exits/02 done", "code cell 6: it ends the kernel"),
            ("dies/02 done", "code cell 6: the kernel died"),
            (
                "broken",
                "not a notebook, broken JSON: Expecting value: line 1 column 12",
            ),
            ("no_notebook", "not a notebook: expected JSON with a list of cells"),
            ("00_start_here", "no exercises found"),
            ("twice/large", "one of 2 of this chapter in twice"),
            ("all_right/02 done", ""),
        ],
    )
    def test_what_happened_is_told(self, lines, printed, name, said):
        happened = lines[name]["what happened"]
        assert happened.startswith(said)
        assert bool(happened) == bool(said)
        assert not said or re.search(rf"\| {name} +\| {said}", printed)

    @pytest.mark.parametrize(
        ("name", "label", "said"),
        [
            ("a_known_mistake/02 done", "2.1", WRONG_HINT),
            ("forged_class/02 done", "2.1", WRONG_HINT),
            ("student_03_02", "2.2", next(iter(ch02.stream_returns.mistakes))),
            ("endless_answer/02 done", "2.2", "stopped after 5 s: is there a loop"),
            ("syntax_error/02 done", "2.2", "code cell 4: SyntaxError: "),
            ("fails_in_an_answer/02 done", "2.1", "code cell 2: ZeroDivisionError: "),
            ("half_an_answer/02 done", "2.4", "number 2 of 2 is not answered yet"),
            ("exits/02 done", "2.3", "not reached: code cell 6: it ends the kernel"),
            ("untouched/02 done", "2.1", "not answered yet"),
        ],
    )
    def test_the_words_are_kept(self, lines, name, label, said):
        assert lines[name][f"{label} said"].startswith(said)

    def test_the_table_is_printed(self, printed, deserved):
        assert printed.startswith("Notebook 02\n\n| submission")
        for name, row in {
            "all_right/02 done": "right right right right right right 6 of 6",
            "exits/02 done": "right right error error error error 2 of 6",
            "forged_print/02 done": "hint – – – – – 0 of 6",
        }.items():
            found = re.search(rf"^\| {name} +\|(.*)\|$", printed, re.M)[1]
            assert " ".join(found.replace("|", " ").split()) == row
        leak = next(iter(ch02.stream_returns.mistakes))
        times = sum(
            name.startswith("student") and s[1] == "h" for name, s in deserved.items()
        )
        assert f"- 2.2, {times} ×: {leak}" in printed

    def test_it_says_where_the_results_are(self, printed, folder):
        assert f"written: {folder.resolve() / 'results.csv'}" in printed


@pytest.mark.skipif(os.name == "nt", reason="sends Ctrl-C as POSIX does")
def test_after_ctrl_c_there_is_the_table_so_far(tmp_path):
    save(tmp_path / "quick.ipynb", student(by_hand=WRONG))
    waits = ["import time\ntime.sleep(600)"]
    save(tmp_path / "slow.ipynb", [*student()[:3], *waits])
    save(tmp_path / "waiting.ipynb", [*waits, *student()])
    save(tmp_path / "waiting_too.ipynb", student())
    process = subprocess.Popen(
        [sys.executable, SCRIPT, tmp_path, "--jobs", "2"],
        env={name: value for name, value in os.environ.items() if "TQDM" not in name},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    seen = ""
    while "1/4" not in seen and process.poll() is None:
        seen += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    lines = results(tmp_path)
    assert lines["quick"]["2.1 said"] == WRONG_HINT
    assert lines["waiting_too"]["what happened"] == "not run: stopped by Ctrl-C"
    assert "stopped by Ctrl-C" in lines["slow"]["what happened"]
    assert "Traceback" not in errors
    assert re.search(r"\| quick +\| hint", printed)


def test_a_notebook_has_a_time_for_all_its_cells(tmp_path):
    save(tmp_path / "long.ipynb", [*student()[:3], "import time\ntime.sleep(600)"])
    assert run(tmp_path, "--notebook", "15").returncode == 0
    (line,) = results(tmp_path).values()
    assert line["what happened"] == "code cell 4: 15 s are over"
    assert line["2.1"] == "not answered"
    assert line["2.2"] == "error"


@pytest.mark.skipif(not prlimit, reason="only Linux can limit another process")
def test_a_list_that_grows_is_stopped_by_its_memory():
    with Kernel(Limits(cell=30.0), threading.Event()) as kernel:
        assert kernel.run("x = [1]\nwhile True: x += x")["ename"] == "MemoryError"
        assert kernel.run("x = 1")["status"] == "ok"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "does not exist: expected a folder with students' noteb"),
        (lambda folder: folder.write_text(""), "is a file: expected a folder with"),
        (
            lambda folder: folder.mkdir(),
            "holds no notebook: expected files that end in",
        ),
    ],
)
def test_a_folder_that_will_not_do(tmp_path, make, said):
    folder = tmp_path / "submissions"
    make(folder)
    done = run(folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{folder} {said}")


class TestTable:
    def test_names_and_words_of_a_student_do_no_harm(self, tmp_path):
        row = Row("=1+1|\x1b[2J\nx\udcff", "ch02", {"2.1": ("error", "-1 | 'a'")}, "+")
        write([row], tmp_path / "results.csv")
        ((name, line),) = results(tmp_path).items()
        assert name == "'=1+1| [2J x"
        assert [line["2.1 said"], line["what happened"]] == ["'-1 | 'a'", "'+"]
        assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
        assert "| =1+1\\| [2J x | error | 0 of 1 |" in report([row])

    def test_a_table_each_for_two_chapters(self, tmp_path):
        rows = [
            Row("a", "ch02", {"2.1": ("right", "right")}),
            Row("b", "ch03", {"3.1": ("hint", "think")}),
        ]
        said = report(rows)
        assert (
            said.index("Notebook 02") < said.index("| a ") < said.index("Notebook 03")
        )
        write(rows, tmp_path / "results.csv")
        lines = results(tmp_path)
        assert [lines["a"]["3.1"], lines["b"]["3.1"]] == ["", "hint"]

    def test_of_many_words_the_commonest_are_shown(self):
        words = ["c", "a", "a", "b", "b", "b", "d", "e"]
        rows = [Row(str(i), "ch02", {"2.1": ("hint", w)}) for i, w in enumerate(words)]
        said = report(rows)
        assert "- 2.1, 3 ×: b\n- 2.1, 2 ×: a\n- 2.1, 1 ×: c\n- 2.1: 2 others" in said

    def test_nothing_but_broken_files(self, tmp_path):
        row = Row("a", "", {}, "no exercises found")
        write([row], tmp_path / "results.csv")
        assert results(tmp_path)["a"]["what happened"] == "no exercises found"
        assert report([row]).splitlines()[-1] == "| a          | no exercises found |"


CHAPTERS = sorted(
    path.name[:2]
    for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")
    if (ROOT / f"pgutils/exercises/ch{path.name[:2]}.py").exists()
)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_all_checks_of_a_chapter_are_found(chapter):
    module = import_module(f"pgutils.exercises.ch{chapter}")
    names = {n for n, value in vars(module).items() if isinstance(value, Exercise)}
    checks = checks_of(f"ch{chapter}")
    assert {check.exercise for check in checks} == names
    assert len({check.label for check in checks}) == len(checks)
    assert all(check.label.startswith(f"{int(chapter)}.") for check in checks)


def test_a_chapter_that_we_have_not_has_no_checks():
    assert checks_of("ch99") == []
