"""Draw what lives in this folder: python figures/make_figures.py (or make figures)."""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
from matplotlib.patches import FancyBboxPatch
from PIL import Image, ImageDraw, ImageFont

from pgutils import plots
from pgutils.files import replacing
from pgutils.movies import film, save_gif
from pgutils.rollout import make_cartpole, run_episodes
from pgutils.training import gradient_step, train, zero_theta
from pgutils.witnesses import expected_return
from pgutils.world import ROBOT, robot_policy

HERE = Path(__file__).parent
PIXELS_PER_METRE = 600 / 4.8  # Gymnasium's renderer shows 4.8 m on 600 pixels
AXLE = (300, 292.5)  # pixels, for a cart in the middle


BOXES = {  # notebook: (column, row, text)
    "00": (0, 0, "start\nhere"),
    "01": (1, 0, "how likely is\na trajectory?"),
    "02": (2, 0, "what do we\nwant more of?"),
    "03": (3, 0, "the log-\nderivative trick"),
    "04": (4, 0, "the policy\ngradient"),
    "05": (0, 1, "the\ntheorem"),
    "06": (0, 2, "the softmax\npolicy"),
    "07": (1, 2, "REINFORCE"),
    "08": (2, 1, "variance and\nbaselines"),
    "09": (2, 2, "the CartPole\nagent"),
    "10": (3, 2, "why does it\nnot learn?"),
    "11": (4, 2, "questions\nand answers"),
}
SHORTEST = {"00", "01", "02", "03", "04", "06", "09"}  # all that the agent needs
ARROWS = [  # corners of each arrow, in columns and rows; bold on the shortest way
    *(([(x + 0.42, 0), (x + 0.58, 0)], True) for x in range(4)),
    ([(4, 0.33), (4, 0.5), (-0.56, 0.5), (-0.56, 1), (-0.42, 1)], False),
    ([(4, 0.33), (4, 0.5), (-0.56, 0.5), (-0.56, 2), (-0.42, 2)], True),
    ([(0.42, 1), (1.58, 1)], False),
    ([(0.42, 2), (0.58, 2)], False),
    ([(1, 1.67), (1, 1.25), (1.58, 1.25)], False),
    ([(0, 2.33), (0, 2.5), (2, 2.5), (2, 2.33)], True),
    ([(2.42, 2), (2.58, 2)], False),
    ([(3.42, 2), (3.58, 2)], False),
]


def map_of_the_series() -> None:
    """Write map.svg: the notebooks, and which needs which."""
    fig, ax = plt.subplots(figsize=(8, 3.9))
    for name, (x, y, text) in BOXES.items():
        colour = "#cfe5f3" if name in SHORTEST else "white"
        box = FancyBboxPatch(
            (x - 0.37, y - 0.28),
            0.74,
            0.56,
            boxstyle="round,pad=0.05",
            facecolor=colour,
            edgecolor=plots.ESTIMATE,
        )
        ax.add_patch(box)
        ax.text(x, y - 0.19, name, ha="center", va="center", fontweight="bold")
        ax.text(x, y + 0.1, text, ha="center", va="center", fontsize=9)
    for corners, shortest in ARROWS:
        colour, width = (plots.ESTIMATE, 2.5) if shortest else (plots.NOTE, 1.2)
        ax.plot(*np.transpose(corners), color=colour, linewidth=width, zorder=shortest)
        style = {"arrowstyle": "-|>", "color": colour, "linewidth": 0, "shrinkB": 0}
        style["mutation_scale"] = 16 if shortest else 12
        ax.annotate("", corners[-1], corners[-2], arrowprops=style)
    ax.set(title="Read along the arrows; the blue way is the shortest to the agent")
    ax.set(xlim=(-0.6, 4.46), ylim=(2.56, -0.36))
    ax.axis("off")
    with replacing(HERE / "map.svg") as new:
        fig.savefig(new, metadata={"Date": None})
    plt.close(fig)


def labelled_still() -> None:
    """Write cartpole.png: the cart, the pole and the two limits."""
    frames, states = film(np.zeros((4, 2)), seed=1)
    t = 9
    x = AXLE[0] + PIXELS_PER_METRE * states[t, 0]
    fig, ax = plt.subplots(figsize=plots.WIDE)
    ax.imshow(frames[t])
    for side in (-1, 1):
        edge = AXLE[0] + side * 2.4 * PIXELS_PER_METRE
        ax.plot([edge, edge], [200, 345], color=plots.NOTE, linewidth=3)
        tip = side * np.deg2rad(12)
        ax.plot(
            [x, x + 150 * np.sin(tip)],
            [AXLE[1], AXLE[1] - 150 * np.cos(tip)],
            ":",
            color=plots.NOTE,
        )
    ax.text(x + 45, 150, "past 12° the pole has fallen", color=plots.NOTE)
    ax.text(592, 220, "2.4 m: end of\nthe track", color=plots.NOTE, ha="right")
    ax.text(8, 220, "−2.4 m: end of\nthe track", color=plots.NOTE)
    ax.text(x - 42, 220, "pole", ha="center")
    ax.text(x, 345, "cart, pushed left or right", ha="center")
    ax.annotate(
        "", (x - 95, 305), (x - 30, 305), arrowprops={"arrowstyle": "->", "lw": 2}
    )
    ax.annotate(
        "", (x + 95, 305), (x + 30, 305), arrowprops={"arrowstyle": "->", "lw": 2}
    )
    ax.set(xlim=(-4, 604), ylim=(355, 145))
    ax.axis("off")
    with replacing(HERE / "cartpole.png") as new:
        fig.savefig(new)
    plt.close(fig)


def before_and_after() -> None:
    """Write untrained_and_trained.gif: one pole beside the other, for ten seconds."""
    run = train(make_cartpole(10), np.random.default_rng(0))
    thetas = {"untrained": np.zeros((4, 2)), "trained": run.theta}
    save_gif(HERE / "untrained_and_trained.gif", poles(thetas), fps=25)


def as_it_learns() -> None:
    """Write learning.gif: one run after 0, 1, 2, 3, 5 and 12 updates."""
    env, rng, thetas = make_cartpole(10), np.random.default_rng(0), {}
    theta = zero_theta(env)
    for update in range(13):
        if update in (0, 1, 2, 3, 5, 12):
            thetas[f"{update} update" + "s" * (update != 1)] = theta
        theta = gradient_step(theta, run_episodes(env, theta, rng))
    save_gif(HERE / "learning.gif", poles(thetas), fps=25)


def up_the_hill() -> None:
    """Write ascent.gif: 120 steps up the robot's J, and 120 with the wrong sign."""
    theta = sp.symbols("theta_high theta_low", real=True)
    J = expected_return(ROBOT, robot_policy(theta, sp.exp), None)
    height = sp.lambdify(theta, J)
    slope = sp.lambdify(theta, [sp.diff(J, x) for x in theta])
    fig, (left, right) = plt.subplots(1, 2, figsize=plots.WIDE, dpi=100)
    axis = np.linspace(-8, 8, 161)
    surface = height(axis[None, :], axis[:, None])
    left.contourf(axis, axis, surface, levels=16, cmap="Greys_r", vmin=-8, vmax=5)
    left.contour(axis, axis, surface, levels=16, colors="white", linewidths=0.5)
    left.set(xlabel=r"$\theta_{\mathrm{high}}$", ylabel=r"$\theta_{\mathrm{low}}$")
    left.set(title="From above", xlim=(-8, 8), ylim=(-8, 8))
    right.set(
        title="Height J (reward)", xlabel="step", xlim=(-3, 123), ylim=(-0.5, 4.2)
    )
    right.text(120, 3.45, "ascent: +η∇J", color=plots.ESTIMATE, ha="right")
    right.text(120, 0.1, "the sign mistake: −η∇J", color=plots.WRONG, ha="right")
    moving = []
    for learning_rate, colour in ((0.5, plots.ESTIMATE), (-0.5, plots.WRONG)):
        path = [np.array([-2.0, 2.0])]
        for _ in range(120):
            path.append(path[-1] + learning_rate * np.array(slope(*path[-1])))
        path = np.array(path)
        for ax, points in ((left, path), (right, np.c_[range(121), height(*path.T)])):
            line = ax.plot(*points.T, color=colour, linewidth=3)[0]
            moving.append((line, ax.plot([], [], "o", color=colour)[0], points))
    frames = []
    for step in [*range(121), *[120] * 25]:
        for line, dot, points in moving:
            line.set_data(*points[: step + 1].T)
            dot.set_data(*points[step : step + 1].T)
        fig.canvas.draw()
        frames.append(np.asarray(fig.canvas.buffer_rgba())[..., :3].copy())
    plt.close(fig)
    save_gif(HERE / "ascent.gif", np.array(frames), fps=12)


def poles(thetas: dict[str, np.ndarray]) -> np.ndarray:
    """Play an episode of each policy, two in a row; when it is over, it turns pale."""
    films = {name: film(theta, seed=1)[0] for name, theta in thetas.items()}
    shown = []
    for step in range(0, 501, 2):  # 0.04 s apart
        panels = [panel(name, frames, step) for name, frames in films.items()]
        rows = [np.hstack(panels[i : i + 2]) for i in range(0, len(panels), 2)]
        shown.append(np.vstack(rows))
    return np.array(shown)


def panel(name: str, frames: np.ndarray, step: int) -> np.ndarray:
    """Draw one frame of a film with its name and the seconds balanced so far."""
    width, now = 420, min(step, len(frames) - 1)
    picture = frames[now, 120:330]
    if step > now:
        picture = 255 - (255 - picture) // 3
    image = Image.fromarray(picture).resize(
        (width, width * 7 // 20), Image.Resampling.BOX
    )
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=16)
    pen.text((12, 16), name, fill="black", font=font, anchor="lm")
    pen.text(
        (width - 12, 16), f"{now / 50:.1f} s", fill="black", font=font, anchor="rm"
    )
    pen.line([(width - 1, 0), (width - 1, width)], fill="#cccccc")
    return np.asarray(image)


if __name__ == "__main__":
    plots.use_style()
    warnings.simplefilter("error", RuntimeWarning)  # white frames are not kept
    try:
        map_of_the_series()
        up_the_hill()
        labelled_still()
        before_and_after()
        as_it_learns()
    except (OSError, RuntimeWarning) as error:
        sys.exit(f"not all figures were drawn: {error}")
