"""The pictures to play with: every position of a slider is drawn, without a warning."""

from itertools import product

import nbformat
import pytest

from widgets import MARK, NOTEBOOKS, positions, redraw, toys

TOYS = [toy for path in NOTEBOOKS for toy in toys(path)]
each_toy = pytest.mark.parametrize("toy", TOYS, ids=[t.draw.__name__ for t in TOYS])


def cells_of(toy):
    """Return the code cells of the toy's notebook that name its function."""
    (path,) = (path for path in NOTEBOOKS if path.name == toy.notebook)
    nb = nbformat.read(path, as_version=4)
    name = toy.draw.__name__
    return [c for c in nb.cells if c.cell_type == "code" and name in c.source]


def test_there_are_some():
    assert {toy.notebook[:2] for toy in TOYS} >= {"02", "04", "06", "08", "09"}


@each_toy
def test_the_ends_of_all_sliders_are_drawn(toy):
    ends = [
        [positions(control)[i] for i in (0, -1)] for control in toy.controls.values()
    ]
    for values in product(*ends):
        assert redraw(toy, **dict(zip(toy.controls, values)))[1].count("\n") == 1


@each_toy
def test_at_first_the_sliders_show_the_still_picture(toy):
    *_, still, live = cells_of(toy)
    values = {name: control.value for name, control in toy.controls.items()}
    printed = [o.text for o in still.outputs if o.output_type == "stream"]
    assert printed == [redraw(toy, **values)[1]]
    assert live.source.startswith(MARK)
    assert live.outputs == []


@each_toy
def test_a_slider_begins_at_one_of_its_positions(toy):
    for control in toy.controls.values():
        assert min(abs(x - control.value) for x in positions(control)) < 1e-9
