"""Run our checks over a folder of students' notebooks, and make a table of results.

    python tests/tools/check_class.py submissions

Each notebook below the folder runs from top to bottom in a fresh kernel. After the
student's own check of an exercise, or at the end where there is none, ours is asked,
and only its reply counts. The table is printed, and with the words of each check it is
written to results.csv in that folder, in which nothing else is touched.

This runs the students' code with your rights: use a container, or an account that owns
nothing.
"""

import argparse
import csv
import json
import os
import re
import sys
import threading
from ast import literal_eval
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from fresh_kernel import Ended, Kernel, Limits
from pgutils.exercises.exercise import NOT_ANSWERED, RIGHT
from pgutils.files import replacing

ROOT = Path(__file__).parents[2]
REPLY = Path(__file__).with_name("reply_in_kernel.py")
TITLE = re.compile(r"^### Exercise (\d+\.\d+)\b", re.M)
OURS = re.compile(r"^(ch\d\d)\.(\w+)\.check\((\w+)\)", re.M)
THEIRS = re.compile(r"\b(ch\d\d)\.(\w+)\.check\(")
BROKE = ("your function raised an error", "stopped after")
MISSING, HINT, ERROR = "not answered", "hint", "error"


class Check(NamedTuple):
    """One of our checks; an exercise with two of them has the labels 4.4a and 4.4b."""

    chapter: str
    exercise: str
    answer: str
    label: str


class Row(NamedTuple):
    """What is known of one chapter in one notebook: label -> (verdict, words)."""

    submission: str
    chapter: str
    replies: dict[str, tuple[str, str]]
    happened: str = ""

    @property
    def right(self) -> int:
        """How many checks say right."""
        return sum(verdict == RIGHT for verdict, _ in self.replies.values())


def submissions(folder: Path) -> list[Path]:
    """Return all notebooks below a folder; what is hidden was copied by programs.

    Raises:
        FileNotFoundError: if there is no such folder, or no notebook in it.
        NotADirectoryError: if it is something else.
    """
    if not folder.exists():
        raise FileNotFoundError(
            f"{folder} does not exist: expected a folder with students' notebooks, "
            "as in make class FOLDER=submissions"
        )
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{folder} is a file: expected a folder with students' notebooks"
        )
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() == ".ipynb"
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no notebook: expected files that end in .ipynb, in it or "
            "in folders below"
        )
    return found


def cells_of(path: Path) -> list[tuple[str, str]]:
    """Return kind and text of each cell; no output is read, any format will do.

    Raises:
        ValueError: if this is no notebook.
    """
    try:
        notebook = json.loads(path.read_text("utf-8-sig"))
        sheets = [notebook] if "cells" in notebook else notebook["worksheets"]
        return [
            (cell["cell_type"], "".join(cell.get("source", cell.get("input", ""))))
            for sheet in sheets
            for cell in sheet["cells"]
        ]
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a notebook, broken JSON: {error}") from None
    except (AttributeError, KeyError, TypeError):
        raise ValueError("not a notebook: expected JSON with a list of cells") from None


@cache
def checks_of(chapter: str) -> list[Check]:
    """Return the checks of our notebook of a chapter, in order; [] if none is ours."""
    found, number = [], ""
    for path in (ROOT / "notebooks").glob(f"{chapter.removeprefix('ch')}_*.ipynb"):
        for _, text in cells_of(path):
            number = (TITLE.findall(text) or [number])[-1]
            found += [(number, *asked) for asked in OURS.findall(text)]
    times, seen, checks = Counter(number for number, *_ in found), Counter(), []
    for number, *asked in found:
        letter = "abcdef"[seen[number]] if times[number] > 1 else ""
        seen[number] += 1
        checks.append(Check(*asked, label=number + letter))
    return checks


def steps(code: list[str], checks: list[Check]) -> Iterator[int | Check]:
    """Yield what to do: run a cell, by its index, or ask a check.

    A check comes after the last cell in which the student asks it, since further down
    the name may be used for something else.
    """
    place = {asked: i for i, text in enumerate(code) for asked in THEIRS.findall(text)}
    for i in range(len(code)):
        yield i
        yield from (c for c in checks if place.get((c.chapter, c.exercise)) == i)
    yield from (c for c in checks if (c.chapter, c.exercise) not in place)


def ask(kernel: Kernel, check: Check) -> str | None:
    """Return what our check says, None if there is no answer of that name."""
    arguments = f"{check.chapter!r}, {check.exercise!r}, {check.answer!r}"
    call = f"['reply'](globals(), {arguments})"
    done = kernel.run("", said=f"__import__('runpy').run_path({str(REPLY)!r}){call}")
    if done is None:
        return f"stopped after {kernel.limits.cell:g} s"
    said = done["user_expressions"]["said"]
    if said["status"] == "error":
        return f"your function raised an error: {said['ename']}: {said['evalue']}"
    return json.loads(literal_eval(said["data"]["text/plain"]))


def judged(said: str | None, broken: str) -> tuple[str, str]:
    """Return verdict and words; `broken` says why there may be no answer."""
    if said is None or said == NOT_ANSWERED:
        return (ERROR, broken) if broken else (MISSING, said or NOT_ANSWERED)
    if said == RIGHT:
        return RIGHT, said
    if said.endswith(NOT_ANSWERED):
        return MISSING, said
    return ERROR if said.startswith(BROKE) else HINT, said


def examine(path: Path, name: str, limits: Limits, stop: threading.Event) -> list[Row]:
    """Return a row for each chapter that is checked in a notebook; at least one."""
    try:
        code = [text for kind, text in cells_of(path) if kind == "code"]
    except ValueError as error:
        return [Row(name, "", {}, str(error))]
    chapters = sorted({chapter for text in code for chapter, _ in THEIRS.findall(text)})
    checks = [check for chapter in chapters for check in checks_of(chapter)]
    if not checks:
        return [Row(name, "", {}, "no exercises found")]

    replies, failed, happened, here = {}, [], [], "at the start"
    try:
        with Kernel(limits, stop) as kernel:
            for step in steps(code, checks):
                if isinstance(step, Check):
                    replies[step] = judged(ask(kernel, step), why(step.answer, failed))
                    continue
                here = f"code cell {step + 1}"
                done = kernel.run(code[step])
                if done is None:
                    happened.append(f"{here} was stopped after {limits.cell:g} s")
                    failed.append((code[step], happened[-1]))
                elif done["status"] != "ok":
                    failed.append((code[step], f"{here}: {error_of(done)}"))
    except Ended as error:
        happened.append(f"{here}: {error}")
    except Exception as error:  # whatever it is, the other notebooks go on
        happened.append(f"{here}: {type(error).__name__}: {error}")
    rest = (ERROR, f"not reached: {happened[-1]}" if happened else "")
    return [
        Row(
            name,
            chapter,
            {c.label: replies.get(c, rest) for c in checks if c.chapter == chapter},
            "; ".join(happened),
        )
        for chapter in chapters
        if checks_of(chapter)
    ]


def error_of(reply: dict) -> str:
    """Return kind and words of the error with which a cell ended."""
    return f"{reply.get('ename', 'aborted')}: {reply.get('evalue', '')}"


def why(answer: str, failed: list[tuple[str, str]]) -> str:
    """Return the error of the last cell that has to do with an answer; "" if none."""
    untouched = f"NameError: name '{answer}' is not defined", "NotImplementedError: "
    for text, error in reversed(failed):
        if re.search(rf"\b{answer}\b", text) and not error.endswith(untouched):
            return error
    return ""


def examine_all(folder: Path, jobs: int, limits: Limits) -> list[Row]:
    """Return the rows of all notebooks below a folder; after Ctrl-C, what is known."""
    paths, stop = submissions(folder), threading.Event()
    names = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
    with ThreadPoolExecutor(jobs) as pool:
        work = [pool.submit(examine, *one, limits, stop) for one in zip(paths, names)]
        try:
            for _ in tqdm(as_completed(work), total=len(work), unit="notebook"):
                pass
        except KeyboardInterrupt:
            stop.set()
            pool.shutdown(cancel_futures=True)
    rows = []
    for name, future in zip(names, work):
        unseen = [Row(name, "", {}, "not run: stopped by Ctrl-C")]
        rows += unseen if future.cancelled() else future.result()
    return with_doubles_told(rows)


def with_doubles_told(rows: list[Row]) -> list[Row]:
    """Say so where one folder holds several notebooks of the same chapter."""
    places = [(row.submission.rpartition("/")[0], row.chapter) for row in rows]
    times, told = Counter(places), []
    for row, (parent, chapter) in zip(rows, places):
        if parent and chapter and times[parent, chapter] > 1:
            double = f"one of {times[parent, chapter]} of this chapter in {parent}"
            row = row._replace(happened="; ".join(filter(None, [row.happened, double])))
        told.append(row)
    return told


def plain(text: str) -> str:
    """Return text that a terminal and a table can bear, in at most 300 characters."""
    shown = "".join(c if c.isprintable() else " " for c in text[:300])
    return " ".join(shown.split())


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown, with columns as wide as they need to be."""
    rows = [[plain(text).replace("|", "\\|") for text in row] for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, ["-" * width for width in widths])
    lines = [" | ".join(map(str.ljust, row, widths)) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def report(rows: list[Row]) -> str:
    """Return a table for each chapter, what the checks said, and what went wrong."""
    parts = []
    for chapter in sorted({row.chapter for row in rows} - {""}):
        own = [row for row in rows if row.chapter == chapter]
        labels = list(own[0].replies)
        body = [
            [
                row.submission,
                *(verdict.replace(MISSING, "–") for verdict, _ in row.replies.values()),
                f"{row.right} of {len(labels)}",
            ]
            for row in own
        ]
        parts.append(f"Notebook {chapter.removeprefix('ch')}")
        parts.append(table(["submission", *labels, "right"], body))
        parts.append("\n".join(said_most(own)))
    odd = [[row.submission, row.happened] for row in rows if row.happened]
    if odd:
        parts.append(table(["submission", "what happened"], odd))
    return "\n\n".join(filter(None, parts))


def said_most(rows: list[Row]) -> Iterator[str]:
    """Yield a line for each of the three commonest hints and errors of every check."""
    for label in rows[0].replies:
        said = Counter(
            plain(words)
            for verdict, words in (row.replies[label] for row in rows)
            if verdict in (HINT, ERROR)
        )
        for words, times in said.most_common(3):
            yield f"- {label}, {times} ×: {words}"
        if len(said) > 3:
            yield f"- {label}: {len(said) - 3} others, see results.csv"


def write(rows: list[Row], path: Path) -> None:
    """Write a line for each row: verdicts first, then the words of each check."""
    labels = list(dict.fromkeys(label for row in rows for label in row.replies))
    said = [f"{label} said" for label in labels]
    head = ["submission", "notebook", "right", "of", *labels, "what happened", *said]
    lines = []
    for row in rows:
        replies = [row.replies.get(label, ("", "")) for label in labels]
        verdicts, words = [v for v, _ in replies], [w for _, w in replies]
        count = [row.right, len(row.replies)] if row.replies else ["", ""]
        first = [row.submission, row.chapter.removeprefix("ch"), *count]
        lines.append([*first, *verdicts, row.happened, *words])
    sheet = [head, *([harmless(cell) for cell in row] for row in lines)]
    with (
        replacing(path) as new,
        new.open("w", encoding="utf-8-sig", newline="") as file,  # as Excel wants it
    ):
        csv.writer(file).writerows(sheet)


def harmless(cell) -> str:
    """Return the text of a cell; a spreadsheet would compute what begins like this."""
    text = plain(str(cell))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def main() -> None:
    """Read the command line, run, print and write."""
    parser = argparse.ArgumentParser(description="Check a class's notebooks")
    parser.add_argument("folder", type=Path, help="with the notebooks, in it or below")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at once")
    parser.add_argument("--cell", type=float, default=60, help="seconds for a cell")
    parser.add_argument("--notebook", type=float, default=600, help="seconds for all")
    given = parser.parse_args()
    try:
        rows = examine_all(given.folder, given.jobs, Limits(given.cell, given.notebook))
        sys.stdout.reconfigure(encoding="utf-8")
        print(report(rows))
        results = given.folder / "results.csv"
        write(rows, results)
    except OSError as error:
        sys.exit(f"{error}")
    print(f"\nwritten: {results.resolve()}, with the words of every check")


if __name__ == "__main__":
    main()
