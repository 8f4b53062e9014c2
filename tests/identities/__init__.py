"""A property test for every equation of the series that claims something.

Each is held on random instances: the package on one side, a computation straight from
the equation on the other. `test_complete.py` compares the tags with the notebooks'.
"""
