"""Draw what lives in this folder: python figures/make_figures.py (or make figures)."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch
from PIL import Image, ImageDraw, ImageFont

from pgutils import plots
from pgutils.movies import film, save_gif
from pgutils.rollout import make_cartpole
from pgutils.training import train

HERE = Path(__file__).parent
PIXELS_PER_METRE = 600 / 4.8  # Gymnasium's renderer shows 4.8 m on 600 pixels
AXLE = (300, 292.5)  # pixels, for a cart in the middle


BOXES = {  # notebook: (column, row, text)
    "00": (0, 1, "start\nhere"),
    "01": (1, 1, "how likely is\na trajectory?"),
    "02": (2, 1, "what do we\nwant more of?"),
    "03": (3, 1, "the log-\nderivative trick"),
    "04": (4, 1, "the policy\ngradient"),
    "05": (5, 0, "the\ntheorem"),
    "06": (5, 1, "the softmax\npolicy"),
    "07": (6, 1, "REINFORCE"),
    "08": (7, 0, "variance and\nbaselines"),
    "09": (7, 1, "the CartPole\nagent"),
    "10": (7, 2, "why does it\nnot learn?"),
    "11": (6, 2, "questions\nand answers"),
}
NEEDS = (
    "00-01 01-02 02-03 03-04 04-05 04-06 06-07 05-08 07-08 06-09 09-10 10-11".split()
)
BENT = {"06-09": 0.3}  # round the notebook that lies between


def map_of_the_series() -> None:
    """Write map.png: the notebooks, and which needs which."""
    fig, ax = plt.subplots(figsize=(10, 3.6))
    for name, (x, y, text) in BOXES.items():
        box = FancyBboxPatch(
            (x - 0.38, -y - 0.27),
            0.76,
            0.54,
            boxstyle="round,pad=0.05",
            facecolor="#cfe5f3",
            edgecolor=plots.ESTIMATE,
        )
        ax.add_patch(box)
        ax.text(x, -y + 0.17, name, ha="center", va="center", fontweight="bold")
        ax.text(x, -y - 0.1, text, ha="center", va="center", fontsize=8.5)
    for need in NEEDS:
        (x0, y0, *_), (x1, y1, *_) = (BOXES[name] for name in need.split("-"))
        right, down = np.sign(x1 - x0), np.sign(y1 - y0)
        start = (x0 + 0.44 * right, -y0 - (0.33 * down if down else 0))
        end = (x1 - 0.44 * right, -y1 + (0.33 * down if down else 0))
        bend = BENT.get(need, 0)
        if bend:
            start, end = (x0 + 0.2, -y0 - 0.33), (x1 - 0.25, -y1 - 0.33)
        arc = f"arc3,rad={bend}"
        style = {"arrowstyle": "->", "color": "#555555", "connectionstyle": arc}
        ax.annotate("", end, start, arrowprops={**style, "shrinkA": 0, "shrinkB": 0})
    ax.set(title="Read along the arrows")
    ax.set(xlim=(-0.5, 7.5), ylim=(-2.5, 0.4))
    ax.axis("off")
    fig.savefig(HERE / "map.png")
    plt.close(fig)


def labelled_still() -> None:
    """Write cartpole.png: the cart, the pole and the two limits."""
    frames, states = film(np.zeros((4, 2)), seed=1)
    t = 9
    x = AXLE[0] + PIXELS_PER_METRE * states[t, 0]
    fig, ax = plt.subplots(figsize=(8, 4.2))
    ax.imshow(frames[t])
    for side in (-1, 1):
        edge = AXLE[0] + side * 2.4 * PIXELS_PER_METRE
        ax.plot([edge, edge], [200, 345], color="#555555", linewidth=3)
        tip = side * np.deg2rad(12)
        ax.plot(
            [x, x + 150 * np.sin(tip)],
            [AXLE[1], AXLE[1] - 150 * np.cos(tip)],
            ":",
            color="#555555",
        )
    grey = "#555555"
    ax.text(x + 45, 150, "past 12° the pole has fallen", color=grey)
    ax.text(592, 220, "2.4 m: end of\nthe track", color=grey, ha="right")
    ax.text(8, 220, "−2.4 m: end of\nthe track", color=grey)
    ax.text(x - 42, 220, "pole", ha="center")
    ax.text(x, 345, "cart, pushed left or right", ha="center")
    ax.annotate(
        "", (x - 95, 305), (x - 30, 305), arrowprops={"arrowstyle": "->", "lw": 2}
    )
    ax.annotate(
        "", (x + 95, 305), (x + 30, 305), arrowprops={"arrowstyle": "->", "lw": 2}
    )
    ax.set(xlim=(-4, 604), ylim=(360, 125))
    ax.axis("off")
    fig.savefig(HERE / "cartpole.png")
    plt.close(fig)


def before_and_after() -> None:
    """Write untrained_and_trained.gif: one pole beside the other, for ten seconds."""
    run = train(make_cartpole(10), np.random.default_rng(0))
    untrained, _ = film(np.zeros((4, 2)), seed=1)
    trained, _ = film(run.theta, seed=1)
    still = np.repeat(untrained[-1:], len(trained) - len(untrained), axis=0)
    left = np.concatenate([untrained, still])
    wide = np.concatenate([left[:, :, 100:500], trained[:, :, 100:500]], axis=2)
    frames = wide[::2, 130:320]  # every second frame, 0.04 s apart
    frames[:, :, 399:401] = 200  # a grey line between the two
    save_gif(
        HERE / "untrained_and_trained.gif",
        [with_captions(frame, "untrained", "trained") for frame in frames],
        fps=25,
    )


def with_captions(frame: np.ndarray, left: str, right: str) -> np.ndarray:
    """Write a word over each half of a frame."""
    image = Image.fromarray(frame)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=20)
    for text, x in ((left, 200), (right, 600)):
        pen.text((x, 16), text, fill="black", font=font, anchor="mm")
    return np.asarray(image)


if __name__ == "__main__":
    plots.use_style()
    map_of_the_series()
    labelled_still()
    before_and_after()
