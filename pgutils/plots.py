"""The look of the figures: one style, two sizes, colours with fixed meanings."""

import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from pgutils import checks

EXACT = "black"  # always dashed
ESTIMATE = "#0072B2"  # blue
BASELINE = "#CC7A00"  # orange
THRESHOLD = "#7f7f7f"  # grey
WRONG = "#AA3377"  # purple: the common mistake
OTHER = "#009E73"  # green: a third thing

NOTE = "#555555"  # words that explain, dark enough to be read
SHADES = ("#003A5D", ESTIMATE, "#4C9ED9")  # one quantity, three settings
STATES = {"high": "#dcdcdc", "low": "#8c8c8c"}  # the robot's battery
ACTIONS = {"recharge": "#6fc79a", "work": "#3f86c0"}
SIGNED = LinearSegmentedColormap.from_list("signed", ["#F0B050", "white", "#5AA5DC"])
"""Tables of numbers: orange below 0, white at 0, blue above; black words are read."""

WIDE = (8, 3.8)  # inches
TALL = (8, 5.4)


def use_style() -> None:
    """Draw every figure from here on in the style of the series."""
    plt.style.use("pgutils.policy_gradients")


def headline(fig: Figure, finding: str) -> None:
    """Write what several panels show together above them; their titles become names."""
    if not isinstance(fig, Figure):
        raise TypeError(f"fig must be a figure, got {checks.shown(fig)}")
    fig.suptitle(checks.text("finding", finding), x=0.01, ha="left")
    for ax in fig.axes:
        ax.set_title(ax.get_title(loc="left"), fontweight="normal")
