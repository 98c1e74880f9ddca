"""Averages over the batches of an epoch."""

__all__ = ["Averages"]


class Averages:
    """Means of numbers by name, weighted by batch size.

    Examples
    --------
    >>> averages = Averages()
    >>> averages.add({"loss": 2.0}, 30)
    >>> averages.add({"loss": 1.0}, 10)
    >>> averages.means()
    {'loss': 1.75}
    """

    def __init__(self, sums: dict[str, list[float]] | None = None) -> None:
        self.sums = {} if sums is None else sums  # by name: of value * weight, and of weight

    def add(self, values: dict[str, float], weight: float) -> None:
        """Add the numbers of a batch of size `weight`."""
        sums = self.sums
        for name, value in values.items():
            entry = sums.get(name)
            if entry is None:
                sums[name] = [value * weight, weight]
            else:
                entry[0] += value * weight
                entry[1] += weight

    def means(self) -> dict[str, float]:
        """Return the means of all batches so far."""
        return {name: total / weight for name, (total, weight) in self.sums.items() if weight}
