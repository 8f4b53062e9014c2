"""The look of the figures: one style, two sizes, colours with fixed meanings."""

import matplotlib.pyplot as plt

EXACT = "black"  # always dashed
ESTIMATE = "#0072B2"  # blue
BASELINE = "#E69F00"  # orange
THRESHOLD = "#7f7f7f"  # grey
WRONG = "#AA3377"  # purple: the common mistake
OTHER = "#009E73"  # green: a third thing

WIDE = (8, 3.8)  # inches
TALL = (8, 5.4)


def use_style() -> None:
    """Draw every figure from here on in the style of the series."""
    plt.style.use("pgutils.policy_gradients")
