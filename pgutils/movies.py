"""Pictures of CartPole, drawn by Gymnasium's own renderer."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
from jaxtyping import Float, UInt8

from pgutils import checks
from pgutils.files import replacing
from pgutils.rollout import UNITS
from pgutils.softmax import draw, softmax


def film(
    theta: Float[np.ndarray, "4 2"], seed: int
) -> tuple[UInt8[np.ndarray, "frames 400 600 3"], Float[np.ndarray, "frames 4"]]:
    """Film one episode of CartPole-v1 under the softmax policy.

    Args:
        theta: parameters, shape (4, 2), for features in the units of `rollout.UNITS`;
            zeros push left or right at random.
        seed: of the start and of the actions.

    Returns:
        The T + 1 frames, RGB, and the T + 1 states (position in m, velocity in m/s,
        angle in rad, angle rate in rad/s).

    Raises:
        TypeError: if theta is not made of real numbers or seed is not an integer.
        ValueError: if theta has another shape or is not finite, or seed is negative.

    Warns:
        RuntimeWarning: if pygame is missing or cannot draw; then all frames are white.
    """
    theta, seed = checks.array("theta", theta), checks.count("seed", seed, minimum=0)
    checks.same_shape("theta", theta, "(features, actions)", (len(UNITS), 2))
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # no window, no message
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    rng = np.random.default_rng(seed)
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    state, _ = env.reset(seed=seed)
    render = _renderer(env)
    states, frames, over = [state], [render()], False
    while not over:
        action = draw(softmax((state / UNITS) @ theta)[None], rng)[0]
        state, _, terminated, truncated, _ = env.step(action)
        over = terminated or truncated
        states.append(state)
        frames.append(render())
    env.close()
    return np.stack(frames), np.stack(states).astype(np.float64)


def _renderer(env: gym.Env) -> Callable[[], UInt8[np.ndarray, "400 600 3"]]:
    """Return what draws CartPole, or white frames where that is impossible."""
    try:
        env.render()
    except (gym.error.DependencyNotInstalled, RuntimeError) as error:
        reason = f"CartPole cannot be drawn, the frames stay white: {error}"
        warnings.warn(reason, RuntimeWarning, stacklevel=3)
        return lambda: np.full((400, 600, 3), 255, dtype=np.uint8)
    return env.render


def save_gif(path: str | Path, frames: UInt8[np.ndarray, "n h w 3"], fps: int) -> None:
    """Write frames as a moving picture that loops.

    Args:
        path: where to, ending in .gif; its folder must exist.
        frames: RGB images, at least one.
        fps: frames shown per second, from 1 to 100.

    Raises:
        TypeError: if fps is not a whole number, frames are not bytes, or path is not a
            path.
        ValueError: if there is no frame, or their shape or fps is out of range.
        OSError: if the file cannot be written; what was there is left.
    """
    from PIL import Image

    path, frames = checks.file("path", path, ".gif"), checks.pictures("frames", frames)
    fps = checks.count("fps", fps, maximum=100)  # GIF counts hundredths of a second
    some = np.concatenate(frames[:: max(1, len(frames) // 10)])
    # One palette for all frames, so that nothing flickers; white stays white.
    palette = Image.fromarray(some).quantize(256, method=Image.Quantize.MAXCOVERAGE)
    images = [Image.fromarray(f).quantize(palette=palette, dither=0) for f in frames]
    motion = {"save_all": True, "append_images": images[1:], "loop": 0}
    with replacing(path) as new:
        images[0].save(new, duration=1000 // fps, **motion)
