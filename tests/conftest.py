"""Under mutation (`make mutants`): own tests first, and no time for small examples."""

import os

from hypothesis import Phase, settings

settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate])
if "MUTANT_UNDER_TEST" in os.environ:
    settings.load_profile("mutants")


def pytest_collection_modifyitems(items):
    """Put the tests of the mutated module first: mutmut gives them in random order.

    In their files, what is quick and by hand stands first.
    """
    mutant = os.environ.get("MUTANT_UNDER_TEST", "")
    if mutant.startswith("pgutils."):
        own = "test_" + mutant.split(".")[1]
        items.sort(key=lambda item: (item.path.stem != own, item.path, item.location))
