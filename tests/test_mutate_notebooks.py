"""The script that breaks the notebooks' checks: what it sees fail, what it reports."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from rules import sides
from rules.reading import read

SCRIPT = Path(__file__).parent / "tools/mutate_notebooks.py"
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
POWER = '''
from pgutils.verify import verify

def power(x, n):
    """Return x to the n."""
    p = 1
    for _ in range(n):
        p = p * x
    return p
'''
GOOD = 'verify("1.1", 1 + power(3, 2), 10)'
SAME = 'eight = power(2, 3)\nverify("1.2", power(2, 3), eight)'
SCALED = 'verify("1.3", 3 * power(0, 2), 0)'
BROKEN_IN_A_TERM = 'left = 2 * (power(2, 3) - 8)\nverify("1.4", left, 0)'

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def mutate(folder: Path, *cells: str) -> tuple[int, str, str]:
    """Run the script on a notebook of these cells: exit code, output and table."""
    tags = [tag for tag in ("1.1", "1.2", "1.3", "1.4") if tag in "".join(cells)]
    claims = "\n\n".join(rf"$$ 1 = 1 \tag{{{tag}}} $$" for tag in tags)
    code = [new_code_cell(source) for source in (POWER, *cells)]
    nb = new_notebook(cells=[new_markdown_cell(claims), *code])
    nbformat.write(nb, folder / "01_tiny.ipynb")
    command = [sys.executable, SCRIPT, folder]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert "Traceback" not in done.stderr, done.stderr
    table = (folder / "mutants_of_the_checks.md").read_text(encoding="utf-8")
    return done.returncode, done.stdout, table


def test_good_checks_are_seen_to_fail(tmp_path):
    returncode, output, table = mutate(tmp_path, GOOD, BROKEN_IN_A_TERM)
    assert returncode == 0
    assert "2 of 2 checks seen to fail" in output
    assert "| [(1.1)](01_tiny.ipynb#eq-1-1) | 1 |" in table
    assert "`1 + power(3, 2)` → `1 - power(3, 2)` |" in table
    assert "`power(2, 3) - 8` → `power(2, 3) + 8` |" in table
    assert table.endswith("None.\n")


def test_checks_that_cannot_fail_are_reported(tmp_path):
    returncode, output, table = mutate(tmp_path, GOOD, SAME, SCALED)
    assert returncode == 1
    assert "(1.1)" not in output
    assert "(1.2): no edit makes a check fail" in output
    assert "(1.3): no edit makes a check fail" in output
    assert "| [(1.2)](01_tiny.ipynb#eq-1-2) | 1 | 0 | 0 | 0 | 0 | **none** |" in table
    last = table.partition("no edit makes fail\n")[2]
    assert "power(2, 3), eight)`: no term is on one side only" in last
    assert "3 * power(0, 2), 0)`: 1 did not run, 1 survived" in last


def test_a_check_that_fails_unedited_stops_the_run(tmp_path):
    with pytest.raises(AssertionError, match=r"cell 3: \(1.1\) fails unedited"):
        mutate(tmp_path, 'verify("1.1", power(3, 2), 8)')


def test_the_page_is_of_all_checks_that_there_are():
    paths = NOTEBOOKS.glob("[0-9]*.ipynb")
    found = [check for p in paths for check in sides.checks(sides.units(read(p)))]
    page = (NOTEBOOKS / "mutants_of_the_checks.md").read_text("utf-8")
    assert f"\n{len(found)} checks of " in page, "it is older: make mutants"
