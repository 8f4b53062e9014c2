"""Every equation that claims something has a property test, and every test a tag."""

import importlib
import pkgutil
from pathlib import Path

from strategies import IDENTITIES

import identities
from rules.equations import definitions, tags
from rules.reading import read

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
CHAPTERS = [
    importlib.import_module(f"identities.{module.name}")
    for module in pkgutil.iter_modules(identities.__path__)
    if module.name != Path(__file__).stem
]


def test_no_equation_is_without_a_property_test():
    series = [read(path) for path in NOTEBOOKS]
    known = {tag for nb in series for tag in tags(nb)}
    claims = known - {tag for nb in series for tag in definitions(nb)}
    assert len(claims) > 50
    assert sorted(claims - set(IDENTITIES)) == []
    assert sorted(set(IDENTITIES) - known) == []


def test_no_property_test_is_without_a_tag():
    tagged = [name for names in IDENTITIES.values() for name in names]
    written = [name for chapter in CHAPTERS for name in vars(chapter)]
    tests = [name for name in written if name.startswith("test_")]
    assert sorted(set(tests) - set(tagged)) == []
    assert len(set(tests)) == len(tests)
