"""Exercises: right, each known mistake, and every way in which an answer can break."""

import ast
import signal
import sys
import threading
import time
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np
import pytest
import sympy as sp

from pgutils.exercises import exercise
from pgutils.exercises.exercise import NOT_ANSWERED, RIGHT, Exercise

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(path.stem for path in (ROOT / "pgutils/exercises").glob("ch*.py"))
ALL = [
    pytest.param(value, id=f"{chapter}.{name}")
    for chapter in CHAPTERS
    for name, value in vars(import_module(f"pgutils.exercises.{chapter}")).items()
    if isinstance(value, Exercise)
]

x, y = sp.symbols("x y", positive=True)


def total(rewards, gamma):
    return sum(gamma**t * r for t, r in enumerate(rewards))


def one_late(rewards, gamma):
    return gamma * total(rewards, gamma)


DISCOUNT = Exercise(
    right=total,
    mistakes={"the first reward is not discounted": one_late},
    inputs=lambda rng: (rng.normal(size=3), rng.random()),
    seconds=0.2,
)


class TestOfTheSeries:
    @pytest.mark.parametrize("one", ALL)
    def test_untouched_is_not_answered(self, one):
        assert one.reply(None) == NOT_ANSWERED

        def untouched(*_):
            raise NotImplementedError

        if one.inputs:
            assert one.reply(untouched) == NOT_ANSWERED

    @pytest.mark.parametrize("one", ALL)
    def test_the_reference_is_right(self, one):
        assert one.reply(one.right) == RIGHT

    @pytest.mark.parametrize("one", ALL)
    def test_each_mistake_gets_its_own_hint(self, one):
        for _ in range(3):  # fresh inputs each time
            for hint, wrong in one.mistakes.items():
                assert one.reply(wrong) == hint

    @pytest.mark.parametrize("one", ALL)
    def test_what_is_none_of_them_is_not_right(self, one):
        for strange in (sp.Symbol("strange"), "strange", 1234.567, np.zeros((7, 3))):
            answer = (lambda *_: strange) if one.inputs else strange  # noqa: B023
            said = one.reply(answer)
            assert said not in (NOT_ANSWERED, RIGHT, *one.mistakes)

    @pytest.mark.parametrize("one", ALL)
    def test_junk_gets_words_and_is_not_right(self, one):
        numbers_and_words = [False, -1, np.nan, np.inf, 1e308, 10**400, "", b"x"]
        things = [[], {}, [[]], [None] * 3, (np.nan,) * 2, np.array([]), object(), int]
        for junk in numbers_and_words + things + [np.ma.masked, sp.oo, sp.nan]:
            for answer in (junk, lambda *_: junk)[: 1 + bool(one.inputs)]:  # noqa: B023
                said = one.reply(answer)
                assert isinstance(said, str)
                assert said != RIGHT

    @pytest.mark.parametrize("one", [one for one in ALL if one.values[0].inputs])
    def test_three_mistakes_or_more_are_known(self, one):
        assert len(one.mistakes) >= 3


class TestNotebooks:
    @pytest.mark.parametrize("chapter", CHAPTERS)
    def test_chapter_and_solutions_check_every_exercise(self, chapter):
        module = import_module(f"pgutils.exercises.{chapter}")
        names = {n for n, value in vars(module).items() if isinstance(value, Exercise)}
        for folder in ("notebooks", "notebooks/solutions"):
            (path,) = (ROOT / folder).glob(f"{chapter.removeprefix('ch')}_*.ipynb")
            cells = nbformat.read(path, as_version=4).cells
            replies = {
                call.func.value.attr: cell
                for cell in cells
                if cell.cell_type == "code"
                for call in ast.walk(ast.parse(cell.source))
                if isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "check"
            }
            assert set(replies) == names, path.name
            said = NOT_ANSWERED if folder == "notebooks" else RIGHT
            for name, cell in replies.items():
                lines = "".join(o.get("text", "") for o in cell.outputs).splitlines()
                assert said in lines, f"{path.name}: {name}"

    def test_no_learning_module_imports_them(self):
        paths = set((ROOT / "pgutils").rglob("*.py"))
        for path in paths - set((ROOT / "pgutils/exercises").iterdir()):
            assert "exercises" not in path.read_text("utf-8"), path.name


class TestValues:
    @pytest.mark.parametrize(
        ("right", "answer"),
        [
            (0.75, 0.75),
            (0.75, sp.Rational(3, 4)),
            (3, 3.0),
            (x**2 - 1, (x - 1) * (x + 1)),
            (sp.exp(x + y), sp.exp(x) * sp.exp(y)),
            ("up", " Up "),
            ((1, "up"), [1, "UP"]),
            (np.eye(2), [[1, 0], [0, 1]]),
            ((x, 2 * x), (x, x + x)),
            (True, True),
        ],
    )
    def test_right(self, right, answer):
        assert Exercise(right).reply(answer) == RIGHT

    @pytest.mark.parametrize(
        ("right", "answer"),
        [
            (0.75, 0.75001),
            (x**2 - 1, 1 - x**2),
            (x, "x + 1"),
            ("up", "down"),
            ("up", 3),
            ((1, 2), (1, 2, 3)),
            (True, False),
            (2.0, lambda: 2.0),
            (x, lambda: x),
        ],
    )
    def test_wrong(self, right, answer):
        assert Exercise(right).reply(answer).startswith(("not yet", "expected", "near"))

    def test_a_known_mistake(self):
        one = Exercise(x - 1, {"that is −1 times it": 1 - x})
        assert one.reply(1 - x) == "that is −1 times it"

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (np.zeros((3, 2)), r"expected the shape \(2, 3\), got \(3, 2\)"),
            (np.full((2, 3), np.nan), "there is a NaN in it"),
            ("a word", "expected numbers, got a word"),
        ],
    )
    def test_another_kind_of_thing(self, answer, said):
        with pytest.raises(AssertionError, match=said):
            raise AssertionError(Exercise(np.ones((2, 3))).reply(answer))

    @pytest.mark.parametrize(
        ("right", "answer"),
        [
            (x - 1, [x - 1]),
            (x - 1, sp.Symbol("x") - 1),
            (sp.Symbol("n") ** 2, sp.Sum(2 * x - 1, (x, 1, sp.Symbol("n")))),
            (sp.Rational(1, 4), 0.25),
            (x**2 - 1, "(x - 1) * (x + 1)"),
        ],
    )
    def test_another_form_of_it_is_right(self, right, answer):
        assert Exercise(right).reply(answer) == RIGHT

    @pytest.mark.parametrize(
        ("right", "answer", "said"),
        [
            (sp.sqrt(2), 1.4142135623730951, "near: give it exactly"),
            (sp.sqrt(2), 1.414, "near: give it exactly"),
            (sp.sqrt(2), 1.5, "not yet: try again"),
            ((280, sp.sqrt(2)), (280, 1.41), "number 1 is right, number 2 is not"),
            ((280, sp.sqrt(2)), (281, 1.414), "number 1 is not, number 2 is near"),
            ((280, sp.sqrt(2)), (280, None), "number 2 of 2 is not answered yet"),
            ((280, sp.sqrt(2)), (280,), "expected 2 things, got 1"),
            ((280, sp.sqrt(2)), 280, "expected 2 things, got 280"),
            ((280, sp.sqrt(2)), np.array(280), "expected 2 things, got 280"),
            ((1, 2, 3, 4, 5), (1, 2, 4, 3, 5), "not yet: 3 of 5 are right"),
            (10.0888, 10.1, "near: give more digits"),
            (Fraction(1, 3), 0.3333, "near: give it exactly"),
            (("up", "down"), ("up", "up"), "number 1 is right, number 2 is not"),
        ],
    )
    def test_what_is_right_of_it_is_told(self, right, answer, said):
        with pytest.raises(AssertionError, match=said):
            raise AssertionError(Exercise(right).reply(answer))

    def test_what_takes_sympy_too_long_is_stopped(self, monkeypatch):
        def long(*_):
            while True:
                pass

        monkeypatch.setattr(exercise, "same_expression", long)
        said = Exercise(x, seconds=0.2).reply(x + y)
        assert said == "SymPy needs more than 0.2 s for it: simplify it first"


class TestFunctions:
    def test_right_and_a_known_mistake(self):
        assert DISCOUNT.reply(lambda r, g: np.polyval(r[::-1], g)) == RIGHT
        assert DISCOUNT.reply(one_late) == "the first reward is not discounted"

    def test_an_unknown_mistake_is_shown_on_an_example(self):
        said = Exercise(lambda a: 2 * a, inputs=lambda rng: (3,)).reply(lambda a: a)
        assert said == "not yet: of (3) your function makes 3, expected 6"

    def test_an_input_may_be_a_function_and_is_shown_by_its_name(self):
        one = Exercise(lambda f: f(3) == 3, inputs=lambda rng: (int,))
        assert one.reply(lambda f: True) == RIGHT
        two = Exercise(lambda f: f([3], 1) == 3, inputs=lambda rng: (total,))
        said = two.reply(lambda f: False)
        assert said == "not yet: of (total) your function makes False, expected True"

    @pytest.mark.parametrize(
        ("wanted", "shown"),
        [
            (np.array([True, False]), r"\[True, False\]"),
            (np.array([1, 2]), r"\[1, 2\]"),
            (np.array([1 / 3, 0.0]), r"\[0.3333, 0.0\]"),
            (1 / 3, "0.3333"),
        ],
    )
    def test_numbers_of_the_example_are_short(self, wanted, shown):
        one = Exercise(lambda a: wanted, inputs=lambda rng: (3,))
        with pytest.raises(AssertionError, match=f"expected {shown}$"):
            raise AssertionError(one.reply(lambda a: np.full(np.shape(wanted), 0.5)))

    @pytest.mark.parametrize(
        ("wanted", "answer", "said"),
        [
            (np.zeros(9), np.eye(9)[4], r"makes 1.0 at \[4\], expected 0.0$"),
            (np.zeros((3, 3)), np.eye(3)[::-1], r"1.0 at \[0\]\[2\], expected 0.0$"),
            ([0.0] * 9, [0.0] * 8 + [1 / 3], r"0.3333 at \[8\], expected 0.0$"),
            ((1, np.zeros(9)), (1, np.ones(9)), r"as number 2 1.0 at \[0\], expected"),
            ((1, "up"), (1, "down"), "as number 2 down, expected up$"),
            ((1, np.zeros(9)), (1, np.ones(8)), r"as number 2 expected the shape"),
            (([1], [2, 3]), [[1]], "expected 2 things, got 1$"),
            (([1], [2, 3]), 4, "expected 2 things, got 4$"),
        ],
    )
    def test_the_first_difference_is_shown(self, wanted, answer, said):
        one = Exercise(lambda a: wanted, inputs=lambda rng: (3,))
        with pytest.raises(AssertionError, match=said):
            raise AssertionError(one.reply(lambda a: answer))

    def test_none_is_not_taken_for_nan(self):
        one = Exercise(
            lambda a: 1.0, {"there is a nan": lambda a: np.nan}, lambda rng: (3,)
        )
        assert one.reply(lambda a: None).startswith("your function returns None")
        assert one.reply(lambda a: np.nan) == "there is a nan"

    def test_it_is_asked_ten_times(self):
        asked = []
        DISCOUNT.reply(lambda r, g: asked.append(g))
        assert len(set(asked)) == 10

    def test_right_only_once_is_not_right(self):
        def first_three(rewards, gamma):
            return total(rewards, gamma) if calls.pop() else 0.0

        calls = [False] + [True] * 9
        assert DISCOUNT.reply(first_three).startswith("not yet")

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (7, "give the function itself, not 7"),
            (lambda r, g: None, "your function returns None"),
            (lambda r, g: np.nan, "there is a NaN in it"),
            (lambda r, g: np.zeros(3), r"expected the shape \(\), got \(3,\)"),
            (lambda r, g: "many", "expected numbers, got many"),
            (lambda r: 0.0, "your function raised an error: TypeError: .* argument"),
            (lambda r, g: r[9], "raised an error in its line .*IndexError: index 9"),
            (lambda r, g: r.sort() or 1.0, "your function changes its arguments"),
            (lambda r, g: 1 / 0, "ZeroDivisionError: division by zero"),
            (lambda r, g: np.log(-r @ r), "there is a NaN in it"),
            (lambda r, g: sys.exit(), "your function raised an error.*SystemExit"),
            (lambda r, g: total(r, g) + 3j, "expected numbers, got"),
            (lambda r, g: np.array(total(r, g) + 3j), "expected numbers, got"),
            (lambda r, g: 10**400, "expected numbers, got 1000"),
        ],
    )
    def test_what_breaks_is_told(self, answer, said):
        with pytest.raises(AssertionError, match=said):
            raise AssertionError(DISCOUNT.reply(answer))

    def test_a_print_of_the_check_is_all_there_is(self, capsys):
        assert DISCOUNT.check(lambda r, g: r / 0) is None
        assert capsys.readouterr().err == ""


class TestTime:
    def test_an_endless_loop_is_stopped(self):
        def endless(rewards, gamma):
            while True:
                pass

        assert DISCOUNT.reply(endless).startswith("stopped after 0.2 s")

    def test_also_one_that_swallows_the_first_interrupt(self):
        def stubborn(rewards, gamma):
            try:
                while True:
                    pass
            except KeyboardInterrupt:
                while True:
                    pass

        assert DISCOUNT.reply(stubborn).startswith("stopped after 0.2 s")

    def test_the_readers_own_interrupt_goes_through(self):
        def interrupted(rewards, gamma):
            signal.raise_signal(signal.SIGINT)
            time.sleep(1)

        with pytest.raises(KeyboardInterrupt):
            DISCOUNT.reply(interrupted)

    def test_nothing_is_left_running(self):
        before = threading.active_count()
        DISCOUNT.reply(total)
        assert threading.active_count() == before

    def test_an_interrupt_that_comes_too_late_is_caught(self, monkeypatch):
        def exactly_in_time(rewards, gamma):
            time.sleep(0.25)  # the call ends by itself, after the watcher has fired
            return 1.0

        assert DISCOUNT.reply(exactly_in_time).startswith("stopped after")

    def test_five_seconds_are_given(self):
        assert Exercise(1).seconds == 5.0


def test_an_exercise_needs_no_more_than_its_value():
    assert exercise.Exercise(3).check(3) is None
