"""Bundle adjustment with a sparse Jacobian
========================================

Photographs of the same points from several places: where are the points, where were the cameras, and how strong were
their lenses? All is found at once, by the least squares of where each point is seen. A measurement depends on one
camera and one point only: ``sparse_jacobian`` finds that out, computes the Jacobian in as many passes as a camera and a
point have numbers, and ``scipy.optimize.least_squares`` takes it as it is.

The scene is made here, so that the answer is known: a sphere on a plane, seen with errors of half a pixel.

Run as ``python examples/science/bundle_adjustment.py``: prints how near it comes, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert import sparse_jacobian

try:
    from matplotlib import pyplot as plt
    from scipy.optimize import least_squares
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

NOISE = 0.5  # pixels


class Scene(NamedTuple):
    """Cameras (rotation vector, translation, focal length, distortion) and points; and who is seen by whom, where."""

    cameras: np.ndarray
    points: np.ndarray
    camera: np.ndarray
    point: np.ndarray
    pixels: np.ndarray


# %%
# What a camera sees. The formula of a rotation by a vector divides by its length, which may be 0: ``np.where`` takes
# the limit there.


def rotated(points: Any, vectors: Any) -> Any:
    """Turn each point about its vector, by the vector's length (Rodrigues)."""
    square = np.sum(vectors**2, axis=1, keepdims=True)
    angle = np.sqrt(np.where(square > 0, square, 1))
    axis = vectors / angle
    cosine, sine = np.cos(angle), np.sin(angle)
    along = np.sum(axis * points, axis=1, keepdims=True)
    turned = cosine * points + sine * np.cross(axis, points) + (1 - cosine) * along * axis
    return np.where(square > 0, turned, points)


def projected(cameras: Any, points: Any) -> Any:
    """Return the pixels at which cameras see points, one by one."""
    seen = rotated(points, cameras[:, :3]) + cameras[:, 3:6]
    plane = seen[:, :2] / seen[:, 2:]
    square = np.sum(plane**2, axis=1, keepdims=True)
    return cameras[:, 6:7] * (1 + cameras[:, 7:8] * square) * plane


def residuals(x: Any, scene: Scene) -> Any:
    """How far all measurements are from where they would be, in pixels."""
    n = len(scene.cameras)
    cameras, points = x[: 8 * n].reshape(n, 8), x[8 * n :].reshape(-1, 3)
    return (projected(cameras[scene.camera], points[scene.point]) - scene.pixels).ravel()


# %%
# The scene: cameras on an arc, each of which sees some of the points.


def look(place: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the rotation vector and the translation of a camera at a place that looks at a point."""
    from scipy.spatial.transform import Rotation

    forward = (at - place) / np.linalg.norm(at - place)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    return np.concatenate([Rotation.from_matrix(turn).as_rotvec(), -turn @ place])


def make(rng: np.random.Generator, cameras: int, points: int) -> Scene:
    """Return the true scene, with pixels that are off by some noise."""
    ball = rng.standard_normal((points // 2, 3))
    ball = ball / np.linalg.norm(ball, axis=1, keepdims=True) + [0, 0, 1]
    plane = np.concatenate([rng.uniform(-3, 3, (points - len(ball), 2)), np.zeros((points - len(ball), 1))], axis=1)
    where = np.concatenate([ball, plane])
    angles = np.linspace(0, 1.5 * np.pi, cameras) + 0.1 * rng.standard_normal(cameras)
    places = np.stack([7 * np.cos(angles), 7 * np.sin(angles), rng.uniform(2, 4, cameras)], axis=1)
    poses = np.stack([look(place, rng.normal([0, 0, 0.5], 0.3)) for place in places])
    lenses = np.stack([rng.uniform(900, 1100, cameras), rng.uniform(-0.1, 0.1, cameras)], axis=1)
    true = np.concatenate([poses, lenses], axis=1)
    seen = rng.random((cameras, points)) < 0.4
    seen[:3] |= np.sum(seen, axis=0) < 3  # each by three at least
    camera, point = np.nonzero(seen)
    pixels = projected(true[camera], where[point])
    return Scene(true, where, camera, point, pixels + NOISE * rng.standard_normal(pixels.shape))


def aligned(points: np.ndarray, to: np.ndarray) -> tuple[Any, float, np.ndarray, np.ndarray]:
    """Return the rotation, scale and shifts that bring points nearest to others (Umeyama, 1991).

    Pictures do not tell where the whole is, how it is turned, and how large it is.
    """
    from scipy.spatial.transform import Rotation

    a, b = points - points.mean(axis=0), to - to.mean(axis=0)
    turn, _ = Rotation.align_vectors(b, a)
    scale = float(np.sum(turn.apply(a) * b) / np.sum(a**2))
    return turn, scale, points.mean(axis=0), to.mean(axis=0)


def draw(scene: Scene, start: np.ndarray, found: np.ndarray, jacobian: Any, errors: tuple[Any, Any]) -> Any:
    """Draw the points before and after beside the true ones, the Jacobian, and the residuals in pixels."""
    n = len(scene.cameras)
    figure = plt.figure(figsize=(13, 9), layout="constrained")
    for place, x, title in ((1, start, "start"), (2, found, "found")):
        axes: Any = figure.add_subplot(2, 2, place, projection="3d")
        turn, scale, middle, true_middle = aligned(x[8 * n :].reshape(-1, 3), scene.points)

        def moved(points: Any, turn: Any = turn, scale: Any = scale, a: Any = middle, b: Any = true_middle) -> Any:
            return scale * turn.apply(points - a) + b

        points = moved(x[8 * n :].reshape(-1, 3))
        for a, b in zip(points, scene.points, strict=True):
            axes.plot(*np.stack([a, b]).T, color="tab:red", linewidth=0.6)
        axes.scatter(*points.T, s=6, color="tab:blue", label="points")
        for cameras, color, label in ((scene.cameras, "black", "true cameras"), (x[: 8 * n], "tab:orange", "cameras")):
            poses = cameras.reshape(n, 8)
            places = -rotated(poses[:, 3:6], -poses[:, :3])
            places = places if color == "black" else moved(places)
            axes.scatter(*places.T, s=30, color=color, marker="^", label=label, alpha=0.8)
        off = np.sqrt(np.mean(np.sum((points - scene.points) ** 2, axis=1)))
        axes.set(title=f"{title}: points off by {off:.3f}", xlim=(-7.5, 7.5), ylim=(-7.5, 7.5), zlim=(0, 5))
        axes.set_box_aspect((15, 15, 5), zoom=1.5)
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(-0.25, 1))
    pattern, histogram = figure.add_subplot(2, 2, 3), figure.add_subplot(2, 2, 4)
    rows = min(jacobian.shape[0], 400)
    shown = np.linspace(0, jacobian.shape[0] - 1, rows).astype(int)
    pattern.spy(jacobian[shown], markersize=0.8, aspect="auto", color="tab:blue")
    pattern.set(xlabel="parameter", ylabel=f"{rows} of {jacobian.shape[0]} residuals")
    pattern.set_title(f"the Jacobian: {jacobian.nnz / np.prod(jacobian.shape):.1%} of it is stored")
    bins = np.linspace(-2.5, 2.5, 61)
    histogram.hist(errors[1], bins, density=True, color="tab:blue", alpha=0.6, label="found")
    line = np.linspace(-2.5, 2.5, 200)
    normal = np.exp(-((line / NOISE) ** 2) / 2) / (NOISE * np.sqrt(2 * np.pi))
    histogram.plot(line, normal, color="black", label="the noise that was added")
    histogram.set(xlabel="residual, pixels", yticks=[])
    histogram.set_title(f"off by {errors[0].std():.0f} pixels at the start, by {errors[1].std():.3f} when found")
    histogram.legend(fontsize=9)
    histogram.spines[["top", "right", "left"]].set_visible(False)
    return figure


# %%
# The fit. Residuals that have the size of the noise, and no structure, are the best that can be had.


def main(arguments: list[str] | None = None) -> tuple[float, float]:
    """Run the example; return the residual over what noise alone would leave, and how far the points are off."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="8 cameras and 80 points, not 24 and 600")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(options.seed)
    scene = make(rng, *((8, 80) if options.short else (24, 600)))
    true = np.concatenate([scene.cameras.ravel(), scene.points.ravel()])
    start_cameras = scene.cameras + rng.normal(0, [0.04] * 3 + [0.2] * 3 + [50, 0.05], scene.cameras.shape)
    start = np.concatenate([start_cameras.ravel(), (scene.points + rng.normal(0, 0.3, scene.points.shape)).ravel()])

    jacobian = sparse_jacobian(residuals, start, scene)
    matrix = jacobian(start, scene)
    print(f"{matrix.shape[0]} residuals, {matrix.shape[1]} parameters: {jacobian.colours} passes for the Jacobian,")
    print(f"of which {matrix.nnz / np.prod(matrix.shape):.2%} is stored.")
    run = least_squares(
        residuals, start, jac=jacobian, x_scale="jac", method="trf", ftol=1e-10, args=(scene,), max_nfev=200
    )
    before, after = residuals(start, scene), run.fun
    # A fit to n numbers by p parameters leaves n - p of the noise; seven of the parameters move the whole scene.
    expected = NOISE * np.sqrt(1 - (len(true) - 7) / len(after))
    off = np.sqrt(np.mean(after**2))
    print(f"{run.nfev} steps: off by {np.sqrt(np.mean(before**2)):.1f} pixels before, {off:.4f} after;")
    print(f"errors of {NOISE} pixels alone leave {expected:.4f}.")
    points = run.x[8 * len(scene.cameras) :].reshape(-1, 3)
    turn, scale, middle, true_middle = aligned(points, scene.points)
    moved = scale * turn.apply(points - middle) + true_middle
    distance = float(np.sqrt(np.mean(np.sum((moved - scene.points) ** 2, axis=1))))
    print(f"The points are {distance:.4f} from the true ones, in a scene of 6 by 6; the focal lengths are off by")
    lengths = run.x[: 8 * len(scene.cameras)].reshape(-1, 8)[:, 6]
    print(f"{np.mean(np.abs(lengths / scene.cameras[:, 6] - 1)):.2%}.")

    figure = draw(scene, start, run.x, jacobian(run.x, scene), (before, after))
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "bundle_adjustment.png", dpi=120)
        print(f"Picture: {(folder / 'bundle_adjustment.png').resolve()}")
    return float(off / expected), distance


if __name__ == "__main__":
    main()
