"""The page for teachers: its exercises exist, and its sessions are not too full."""

import re

import pytest

from check_class import checks_of
from make_pages import FOLDER, exercises
from rules.reading import read

PAGE = (FOLDER / "for_teachers.md").read_text("utf-8")
SERIES = {path.name: read(path) for path in sorted(FOLDER.glob("[0-9]*.ipynb"))}
EXERCISE = re.compile(r"^\| \[(\d+\.\d+)\]\(.*?\) \|.*?\| (\d+) \|", re.M)
MINUTES = {n: int(m) for n, m in EXERCISE.findall(exercises(SERIES, None)[1])}
NUMBER = re.compile(r"(?<![\w.-])(?<!Python )\d+\.\d+\b")
COURSE = re.compile(
    r"^### .*?: (one|five|eight) sessions? of (\d+) minutes$(.*?)^##", re.M | re.S
)
COURSES = COURSE.findall(PAGE.replace("\n##", "\n##\n##"))


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of a table that begins with a number."""
    found = re.findall(r"^\| (\d.*) \|$", text, re.M)
    return [row.split(" | ") for row in found]


def reading(name: str) -> int:
    """Return how many minutes a notebook says that it takes."""
    text = "\n".join(cell.source for cell in SERIES[name].cells)
    return int(re.search(r"\bAbout (\d+) minutes\b", text)[1])


def marked() -> dict[str, int]:
    """Return the points of each exercise in the table of marks."""
    (section,) = re.findall(r"^## Marks$(.*?)^## ", PAGE, re.M | re.S)
    return {number: int(points) for number, points, _ in rows(section)}


def test_every_exercise_that_is_named_exists():
    text = re.sub(r"^    .*$|\[[^\]]*\]\([^)]*\)", "", PAGE, flags=re.M)
    named = set(NUMBER.findall(text))
    assert len(named) > 40
    assert named - set(MINUTES) == set()


@pytest.mark.parametrize(("many", "limit", "text"), COURSES, ids=lambda part: part[:5])
def test_a_course_fits_its_time(many, limit, text):
    sessions, seen, total = rows(text), {"00"}, 0
    assert many == "one" or len(sessions) == {"five": 5, "eight": 8}[many]
    for _, notebooks, asked, minutes, *home in sessions:
        names = re.findall(r"\((\d\d_\w+\.ipynb)\)", notebooks)
        numbers = NUMBER.findall(asked)
        seen |= {name[:2] for name in names}
        assert {f"{int(n.split('.')[0]):02}" for n in [*numbers, *home]} <= seen
        read_in, solved_in = map(int, minutes.split(" + "))
        assert read_in == sum(map(reading, names))
        assert solved_in == sum(MINUTES[number] for number in numbers)
        total = read_in + solved_in + (total if many == "one" else 0)
        assert total <= int(limit)


def test_there_are_three_courses_and_marks():
    assert [many for many, *_ in COURSES] == ["one", "five", "eight"]
    assert len(marked()) > 10
    assert all(points > 0 for points in marked().values())


def test_warm_ups_get_no_marks():
    (named,) = re.findall(r"Warm-ups and predictions \(such as (.*?)\)", PAGE, re.S)
    assert not set(NUMBER.findall(named)) & set(marked())


def test_the_table_shown_is_such_as_is_printed():
    (head,) = re.findall(r"^    \| submission +\|(.*)\| right +\|$", PAGE, re.M)
    labels = [label.strip() for label in head.split("|")]
    assert labels == [check.label for check in checks_of("ch04")]
