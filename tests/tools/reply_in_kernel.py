"""Ask our own check for its reply, inside a student's kernel.

Run there by check_class.py. All modules of `pgutils` are imported afresh from this
repository for the length of a check, whatever the student has made of them.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

OURS = Path(__file__).parents[2] / "pgutils" / "__init__.py"


def reply(space: dict, chapter: str, exercise: str, answer: str) -> str:
    """Return as JSON what the check says; null if there is no answer of that name.

    Args:
        space: the student's names and values.
        chapter: module of the check, such as "ch04".
        exercise: the check's name in that module.
        answer: name of the answer.
    """
    if answer not in space:
        return json.dumps(None)
    with our_package():
        ours = import_module(f"pgutils.exercises.{chapter}")
        return json.dumps(getattr(ours, exercise).reply(space[answer]))


@contextmanager
def our_package() -> Iterator[None]:
    """Set the student's `pgutils` aside, and put it back."""
    theirs = modules_of_the_package()
    for name in theirs:
        del sys.modules[name]
    spec = spec_from_file_location("pgutils", OURS)
    sys.modules["pgutils"] = module_from_spec(spec)  # its parts are found beside it
    try:
        yield
    finally:
        for name in modules_of_the_package():
            del sys.modules[name]
        sys.modules.update(theirs)


def modules_of_the_package() -> dict:
    """Return what is imported of `pgutils`."""
    return {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] == "pgutils"
    }
