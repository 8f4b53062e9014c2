"""The script behind `make mutants`: what it counts, what it complains about."""

import ast
import re
import tomllib

import pytest

from mutate_code import (
    PAGE,
    ROOT,
    Mutant,
    known_reasons,
    learning_modules,
    mutants_of,
    page,
    problems,
    statement_at,
    validates,
)

MUTATED = '''
def f(x):
    """Only stands for the others."""

def x_f__mutmut_orig(x):
    x = checks.array(
        "x", x
    )
    return x + 1

def x_f__mutmut_1(x):
    x = checks.array(
        "XXxXX", x
    )
    return x + 1

def x_f__mutmut_2(x):
    x = checks.array(
        "x", x
    )
    return x - 1

class C:
    def xǁCǁ__g__mutmut_orig(self, y=1):
        return y

    def xǁCǁ__g__mutmut_1(self, y=2):
        return y
'''
KILLED = [Mutant("m.f", "- 1\n+ 2", "killed")] * 99
SURVIVOR = Mutant("m.g", "- x\n+ y", "survived")


class TestValidation:
    @pytest.mark.parametrize(
        "line",
        [
            "checks.count('n', n)",
            "x = checks.array('x', np.array(x))",
            "x, rng = checks.array('x', x), checks.generator(rng)",
            "raise ValueError('x must be 1')",
        ],
    )
    def test_only_checks_and_raise(self, line):
        assert validates(ast.parse(line).body[0])

    @pytest.mark.parametrize(
        "line",
        [
            "x = checks.array('x', x) + 1",
            "x, y = checks.array('x', x), 1",
            "x += checks.count('x', x)",
            "return checks.array('x', x)",
            "if x < 0: raise ValueError('x must be 1')",
            "x = y",
        ],
    )
    def test_anything_more_is_counted(self, line):
        assert not validates(ast.parse(f"def f():\n {line}").body[0].body[0])


def test_mutants_are_read_with_their_functions_and_changes():
    names = ("x_f__mutmut_1", "x_f__mutmut_2", "xǁCǁ__g__mutmut_1")
    statuses = {f"pgutils.m.{name}": "killed" for name in names}
    assert list(mutants_of(MUTATED, statuses)) == [
        Mutant("m.f", "- return x + 1\n+ return x - 1", "killed"),
        Mutant("m.C.__g", "- def __g(self, y=1):\n+ def __g(self, y=2):", "killed"),
    ]


class TestProblems:
    def test_a_known_survivor_is_none(self):
        assert problems([*KILLED, SURVIVOR], {SURVIVOR[:2]: "why"}) == []

    @pytest.mark.parametrize("status", ["survived", "no tests", "timeout", "segfault"])
    def test_an_unknown_one_is(self, status):
        (found,) = problems([*KILLED, SURVIVOR._replace(status=status)], {})
        assert found.startswith(f"m.g: {status}\n- x\n+ y\n")

    @pytest.mark.parametrize("mutants", [KILLED, [*KILLED, SURVIVOR]])
    def test_a_known_one_that_does_not_survive_is(self, mutants):
        killed = [mutant._replace(status="killed") for mutant in mutants]
        (found,) = problems(killed, {SURVIVOR[:2]: "why"})
        assert found == "m.g: listed as equal, but does not survive\n- x\n+ y"

    def test_a_rate_below_95_percent_is(self):
        known = {SURVIVOR[:2]: "why"}
        assert problems([*KILLED[:19], SURVIVOR], known) == []
        few = problems([*KILLED[:18], SURVIVOR], known)
        assert few == ["18 of 19 killed, not 95%"]


def test_the_page_counts_and_gives_the_reasons():
    text = page({"m": [*KILLED, SURVIVOR], "n": KILLED[:1]}, {SURVIVOR[:2]: "why"})
    assert "| [m](../pgutils/m.py) | 100 | 99 | 1 |" in text
    assert "| all | 101 | 100 | 1 |" in text
    assert "\n`m.g`: why\n\n```diff\n- x\n+ y\n```\n" in text


def settings():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    return tomllib.loads(text)["tool"]["mutmut"]


class TestWhatIsCommitted:
    def test_every_mutated_module_has_its_tests_among_those_that_run(self):
        chosen = settings()["pytest_add_cli_args_test_selection"]
        assert chosen == [f"tests/test_{name}.py" for name in learning_modules()]

    @pytest.mark.parametrize("name", learning_modules())
    def test_what_mutmut_leaves_out_is_validation(self, name):
        source = (ROOT / "pgutils" / f"{name}.py").read_text("utf-8")
        for pattern in settings()["do_not_mutate_patterns"]:
            for number, line in enumerate(source.splitlines(), start=1):
                if re.search(pattern, line):
                    assert validates(statement_at(ast.parse(source), number)), line

    def test_the_known_survivors_change_lines_that_exist(self):
        for place, diff in known_reasons():
            path = ROOT / "pgutils" / f"{place.partition('.')[0]}.py"
            lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
            changed = [line[2:] for line in diff.splitlines() if line[0] == "-"]
            assert changed
            assert set(changed) <= set(lines)

    def test_the_page_shows_the_known_survivors_and_no_others(self):
        text = PAGE.read_text("utf-8")
        for (place, diff), reason in known_reasons().items():
            assert f"\n`{place}`: {reason}\n\n```diff\n{diff}\n```\n" in text
        assert text.count("```diff") == len(known_reasons())
        assert all(f"| [{name}](" in text for name in learning_modules())
