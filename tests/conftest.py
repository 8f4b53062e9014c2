"""Ctrl-C is heard; under mutation, own tests first and no time for small examples."""

import os
import signal

from hypothesis import Phase, settings

# Some tests press Ctrl-C; what a script starts in the background would ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

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
