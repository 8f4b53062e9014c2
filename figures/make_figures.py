"""Draw what lives in this folder: python figures/make_figures.py (or make figures)."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pgutils import plots
from pgutils.movies import film, save_gif
from pgutils.rollout import make_cartpole
from pgutils.training import train

HERE = Path(__file__).parent
PIXELS_PER_METRE = 600 / 4.8  # Gymnasium's renderer shows 4.8 m on 600 pixels
AXLE = (300, 292.5)  # pixels, for a cart in the middle


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
    ax.text(x + 50, 150, "past 12° the pole has fallen", color="#555555")
    ax.text(
        590, 190, "2.4 m: the cart has\nleft its track", color="#555555", ha="right"
    )
    ax.text(8, 192, "2.4 m", color="#555555")
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
    run = train(make_cartpole(16), np.random.default_rng(0))
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
    labelled_still()
    before_and_after()
