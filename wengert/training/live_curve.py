"""A training curve that updates in a notebook while a run runs."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from wengert.checks import options
from wengert.drawing.curves import Curve, Panel, curves_svg
from wengert.drawing.svg import scrolled
from wengert.training.callbacks import Callback
from wengert.training.history import is_curve
from wengert.training.notebook import Place

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["LiveCurve"]

MOST = 400  # points of batches: of more, each two are replaced by their mean


class LiveCurve(Callback):
    """Show the loss and the metrics in a notebook while `Trainer.fit` runs.

    The picture has the loss of each batch, and the means of each epoch, of training and validation. Outside of a
    notebook nothing is displayed, and `svg` is there all the same. It needs neither matplotlib nor widgets.

    Parameters
    ----------
    every : float
        The least number of seconds between two updates.

    Attributes
    ----------
    svg : str
        The picture as it is now.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.functions import mse
    >>> from wengert.optimizers import SGD
    >>> from wengert.training import LiveCurve, Trainer
    >>> model = wengert.layers.Linear(1, 1)
    >>> curve = LiveCurve()
    >>> trainer = Trainer(model, SGD(model, 0.1), mse, callbacks=[curve], progress=False)
    >>> history = trainer.fit([(np.ones((2, 1)), np.ones((2, 1)))], epochs=3)
    >>> curve.svg[:4]
    '<svg'
    """

    def __init__(self, every: float = 0.5) -> None:
        self.every = options.real(every, "every", "LiveCurve", least=0)
        self.rows: list[dict[str, Any]] = []
        self.batches: list[tuple[float, float]] = []
        self._stride, self._sum, self._n = 1, 0.0, 0
        self._place = Place()
        self._shown_at = 0.0

    def on_fit_start(self, trainer: Trainer) -> None:
        """Begin with the epochs that a resumed run has behind it."""
        self.rows = list(trainer.history)
        self._place = Place()
        self._shown_at = 0.0

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        """Note the loss of the batch."""
        self._sum += values["loss"]
        self._n += 1
        if self._n >= self._stride:
            self.batches.append((trainer.steps, self._sum / self._n))
            self._sum, self._n = 0.0, 0
            if len(self.batches) > MOST:
                pairs = zip(self.batches[::2], self.batches[1::2], strict=False)
                self.batches = [((a + b) / 2, (y + z) / 2) for (a, y), (b, z) in pairs]
                self._stride *= 2
        if self._place.is_seen and perf_counter() - self._shown_at >= self.every:
            self._show()

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        """Add the means of the epoch."""
        self.rows.append(dict(row))
        if perf_counter() - self._shown_at >= self.every:
            self._show()

    def on_fit_end(self, trainer: Trainer) -> None:
        """Show the last state."""
        self._show()

    @property
    def svg(self) -> str:
        """The picture as SVG."""
        names = dict.fromkeys(key.removeprefix("valid_") for row in self.rows for key in row if is_curve(key, row))
        panels = [self._panel(name) for name in dict.fromkeys(["loss", *names])]
        return curves_svg(panels, "step", f"training curves after {len(self.rows)} epochs")

    def _panel(self, name: str) -> Panel:
        curves = [Curve("batches", self.batches, "batches")] if name == "loss" and self.batches else []
        for key, label in ((name, "training"), (f"valid_{name}", "validation")):
            points = [(float(row["step"]), float(row[key])) for row in self.rows if is_curve(key, row)]
            if points:
                curves.append(Curve(label, points, label))
        return Panel(name.replace("_", " "), curves, may_be_logarithmic=name == "loss")

    def _show(self) -> None:
        if self._place.is_seen:
            self._place.show(self._repr_mimebundle_())
        self._shown_at = perf_counter()

    def _repr_html_(self) -> str:
        return scrolled(self.svg)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the curves where the callback itself is displayed."""
        svg = self.svg
        return {"text/plain": repr(self), "image/svg+xml": svg, "text/html": scrolled(svg)}
