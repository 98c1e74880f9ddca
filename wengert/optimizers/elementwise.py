"""Optimizers with an elementwise rule: fast on large parameters, and on many small ones.

The time goes into memory traffic and NumPy calls. A large parameter is processed in blocks that stay in the cache for
all passes of the rule. Small parameters are bundled in one array, for which each pass is one call.
"""

from collections.abc import Iterable, Mapping
from operator import is_
from typing import Any, ClassVar

import numpy as np
from numpy.lib.array_utils import byte_bounds

from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.optimizers.clipping import gradient_of
from wengert.optimizers.groups import Group
from wengert.optimizers.optimizer import Optimizer, State, make_writeable, state_dtype

__all__ = ["Elementwise"]

# Measured with Adam in float32 on a core with 512 KiB of second-level cache: smaller blocks cost calls, larger ones
# cache misses.
BLOCK_BYTES = 1 << 18
SMALL = 8192  # elements: up to this size copying into a bundle is cheaper than separate calls


class Elementwise(Optimizer):
    """An optimizer with a `rule` for flat blocks of elements, in place of `update_one`.

    Complex parameters are pairs of real elements. Half precision is calculated in float32.
    """

    # No state of their own: views of the states, and workspace.
    transient: ClassVar[tuple[str, ...]] = ("forms", "half_updated", "_units", "_unit_of", "_workspace")
    scratch: ClassVar[int] = 1  # the number of scratch arrays that `rule` needs
    couples_decay: ClassVar[bool] = True  # whether weight decay is added to the gradient

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._make_room()

    def _make_room(self) -> None:
        self._units: dict[Group, list[Unit]] = {}
        self._unit_of: dict[Parameter, Unit] = {}
        self._workspace = Workspace()

    def __getstate__(self) -> dict[str, Any]:
        # Units hold views; those of a copy would no longer alias its states, so it makes new units.
        found = {name: value for name, value in vars(self).items() if name not in ("_units", "_unit_of", "_workspace")}
        found["states"] = {p: {key: a.copy() for key, a in state.items()} for p, state in self.states.items()}
        return found

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make_room()

    def state_names(self, group: Group) -> tuple[str, ...]:
        """Return the names of the state arrays of each parameter, in the order that `rule` takes them."""
        return ()

    def numbers(self, group: Group, step: int) -> Any:
        """Return the option values that `rule` takes at the given step, as floats."""
        return group.learning_rate.item()

    def rule(self, numbers: Any, p: Any, g: Any, *arrays: Any) -> None:
        """Update `p` and the state in place; `g` must not be changed. All are flat, of one real dtype.

        The state arrays are followed by `scratch` arrays to write to.
        """
        raise NotImplementedError

    def new_state(self, data: Any, group: Group) -> State:
        shape = data.shape + (2,) * (data.dtype.kind == "c")
        return {name: np.zeros(shape, state_dtype(data.dtype)) for name in self.state_names(group)}

    def _check_parameters(self, group: Group) -> bool:
        # Those are left out that were updated already and hold the same arrays.
        left = len(group.params)
        known = set()
        for unit in self._units.get(group, ()):
            if all(map(is_, [p.data for p in unit.params], unit.datas)):
                known.add(unit)
                left -= len(unit.params)
        if not left:
            return True
        others = [p for p in group.params if p.data is not None and self._unit_of.get(p) not in known]
        for p in others:
            if gradient_of(p) is not None:
                self.state_of(p, group)
        return all(isinstance(p.data, np.ndarray) for p in others)

    def update_group(self, group: Group) -> None:
        if any(p.data is not None and not isinstance(p.data, np.ndarray) for p in group.params):
            self._update_each(group)
            return
        units = self._units.setdefault(group, [])
        names = self.state_names(group)
        if any(unit.names != names for unit in units):
            self._change_state(group, names)
        todo = []
        for unit in tuple(units):
            gradients = [p.grad for p in unit.params]
            if any(map(is_, gradients, [None] * len(gradients))):
                if all(map(is_, gradients, [None] * len(gradients))):
                    continue
                self._split(group, unit)
            else:
                todo.append((unit, gradients))
        # Units of bundles that were split above come last.
        if sum(len(unit.params) for unit, _ in todo) < len(group.params):
            done = {unit for unit, _ in todo}
            self._make_units(group)
            for unit in units:
                if unit not in done:
                    gradients = [p.grad for p in unit.params]
                    if gradients[0] is not None:
                        todo.append((unit, gradients))
        for unit, _ in todo:
            if not all(map(is_, [p.data for p in unit.params], unit.datas)):
                unit.look_at(self._workspace)
        for unit, gradients in todo:
            unit.step += 1
            numbers = self.numbers(group, int(unit.step))
            decay = group.weight_decay.item() if self.couples_decay else 0.0
            unit.update(self.rule, numbers, decay, gradients)

    def _update_each(self, group: Group) -> None:
        """Make one step for other array types (those of a tracer), one parameter at a time, by the same rule."""
        counted: dict[int, Any] = {}  # step counts that parameters share are incremented once
        for p in group.params:
            g = gradient_of(p)
            if g is None or p.data is None:
                continue
            state = self.state_of(p, group)
            step = state["step"]
            if id(step) not in counted:
                counted[id(step)] = step
                step += 1
            decay = group.weight_decay.item() if self.couples_decay else 0.0
            dtype, data = state_dtype(p.data.dtype), p.data
            if data.dtype.kind == "c":
                raise TypeError(f"complex parameters are updated as ndarrays only, but got {describe(p)}")
            work, g = (a if a.dtype == dtype else a.astype(dtype) for a in (data, g))
            if decay:
                g = work * decay + g
            arrays = [state[name] for name in self.state_names(group)]
            scratch = [np.empty_like(work) for _ in range(self.scratch)]
            self.rule(self.numbers(group, step.item()), work, g, *arrays, *scratch)
            if work is not data:
                data[...] = work
            p.data = data

    def _make_units(self, group: Group) -> None:
        """Make units for the parameters that have a gradient for the first time."""
        fresh = [
            p for p in group.params if p not in self._unit_of and p.data is not None and gradient_of(p) is not None
        ]
        bundles: dict[Any, list[Parameter]] = {}
        alone = overlapping([p.data for p in fresh])
        names = self.state_names(group)
        for p, is_alone in zip(fresh, alone, strict=True):
            state = self.state_of(p, group)
            size = p.data.size * (1 + (p.data.dtype.kind == "c"))
            if is_alone or size > SMALL:
                self._add_unit(group, names, [p])
                continue
            key = (p.data.dtype, int(state["step"]))
            bundle = bundles.setdefault(key, [])
            if sum(q.data.size for q in bundle) + size > BLOCK_BYTES // state_dtype(p.data.dtype).itemsize:
                self._add_unit(group, names, bundle)
                bundles[key] = bundle = []
            bundle.append(p)
        for bundle in bundles.values():
            self._add_unit(group, names, bundle)

    def _add_unit(self, group: Group, names: tuple[str, ...], params: list[Parameter]) -> None:
        unit = Unit(params, names, [self.states[p] for p in params], self.scratch)
        unit.look_at(self._workspace)
        self._units[group].append(unit)
        for p in params:
            self._unit_of[p] = unit

    def _split(self, group: Group, unit: "Unit") -> None:
        """Split a bundle into one unit for each parameter, because not all of them have gradients at each step."""
        self._drop(unit)
        for p in unit.params:
            self.states[p] = {key: value.copy() for key, value in self.states[p].items()}
            self._add_unit(group, unit.names, [p])

    def _drop(self, unit: "Unit") -> None:
        for units in self._units.values():
            if unit in units:
                units.remove(unit)
        for p in unit.params:
            self._unit_of.pop(p, None)

    def _change_state(self, group: Group, names: tuple[str, ...]) -> None:
        """Rebuild the units: an option, such as momentum changed from 0 to 0.9, needs other states."""
        for unit in tuple(self._units[group]):
            self._drop(unit)
            for p in unit.params:
                old = self.states[p]
                new = {**self.new_state(p.data, group), "step": old["step"]}
                self.states[p] = {key: old.get(key, value).copy() for key, value in new.items()}

    def forget(self, p: Parameter) -> None:
        unit = self._unit_of.get(p)
        if unit is not None:
            self._drop(unit)
            for q in unit.params:
                self.states[q] = {key: value.copy() for key, value in self.states[q].items()}
        super().forget(p)

    def before_loading(self, steps: Mapping[Parameter, int]) -> None:
        for unit in {id(unit): unit for unit in self._unit_of.values()}.values():
            if len({steps.get(p) for p in unit.params}) > 1:  # their step counts differ
                for p in unit.params:
                    self.states[p] = {key: value.copy() for key, value in self.states[p].items()}
                self._drop(unit)


def update_mean(mean: Any, decay: float, value: Any, scratch: Any) -> None:
    """Update a running mean in place: ``mean = decay * mean + (1 - decay) * value``. `scratch` may be `value`."""
    mean *= decay
    mean += np.multiply(value, 1 - decay, out=scratch)


class Unit:
    """Parameters that are updated together: one, or a bundle of small ones with the same step count.

    `state` has one flat array for each name; the optimizer's state of each parameter consists of views of these.
    """

    def __init__(self, params: list[Parameter], names: tuple[str, ...], states: list[State], scratch: int) -> None:
        self.params = params
        self.names = names
        self.scratch = scratch
        self.step = states[0]["step"]
        self.dtype = state_dtype(params[0].data.dtype)
        self.datas: list[Any] = []
        self.state = [flat_and_shared(states, name) for name in names]
        for state in states:
            state["step"] = self.step

    def look_at(self, workspace: "Workspace") -> None:
        """Look up the memory of the parameters, whose arrays may have been replaced since the last step."""
        for p in self.params:
            make_writeable(p)
        self.datas = datas = [p.data for p in self.params]
        self.is_complex = datas[0].dtype.kind == "c"
        real = np.zeros(0, datas[0].dtype).real.dtype
        first = datas[0]
        # A large contiguous array is updated in place.
        self.in_place = (
            len(datas) == 1 and first.flags.c_contiguous and real == self.dtype and real.isnative and first.size > SMALL
        )
        self.size = sum(data.size for data in datas) * (1 + self.is_complex)
        length = min(self.size, BLOCK_BYTES // self.dtype.itemsize)
        if self.in_place:
            p = self.real(first)
        else:
            p = workspace.take("p", self.dtype, self.size)
            self.results = self.views_of(p)
        self.gathered = None if self.in_place else workspace.take("g", self.dtype, self.size)
        scratch = [workspace.take(i, self.dtype, length) for i in range(self.scratch)]
        decayed = workspace.take("decayed", self.dtype, length)
        self.blocks = []
        for start in range(0, self.size, length or 1):
            stop = min(start + length, self.size)
            arrays = [array[start:stop] for array in self.state] + [array[: stop - start] for array in scratch]
            self.blocks.append((start, stop, p[start:stop], arrays, decayed[: stop - start]))
        self.p = p

    def real(self, array: Any) -> Any:
        """Return an array as flat real elements, as a view if possible."""
        array = array.reshape(-1)
        return array.view(array.real.dtype) if self.is_complex else array

    def views_of(self, flat: Any) -> list[Any]:
        """Return the slices of a flat array for each parameter, in its shape."""
        views, start = [], 0
        for data in self.datas:
            stop = start + data.size * (1 + self.is_complex)
            part = flat[start:stop]
            if self.is_complex:
                part = part.view(np.result_type(self.dtype, np.complex64))
            views.append(part.reshape(data.shape))
            start = stop
        return views

    def update(self, rule: Any, numbers: Any, decay: float, gradients: list[Any]) -> None:
        """Make one step with the gradients of the parameters."""
        gradients = [g if type(g) is np.ndarray else np.asarray(g.data) for g in gradients]
        if self.in_place:
            g = gradients[0]
            if not g.flags.c_contiguous or not g.dtype.isnative:
                if self.gathered is None:
                    self.gathered = np.empty(self.size, self.dtype)
                self.views_of(self.gathered)[0][...] = g
                g = self.gathered
            else:
                g = self.real(g)
        else:
            g = self.gathered
            self.gather(gradients, g)
            self.gather(self.datas, self.p)
        for start, stop, p, arrays, decayed in self.blocks:
            part = g[start:stop]
            if decay:
                np.multiply(p, decay, out=decayed)
                part = np.add(decayed, part, out=decayed)
            rule(numbers, p, part, *arrays)
        if not self.in_place:
            for data, result in zip(self.datas, self.results, strict=True):
                data[...] = result
        for p, data in zip(self.params, self.datas, strict=True):
            p.data = data  # so that backward of graphs recorded before raises

    def gather(self, arrays: list[Any], out: Any) -> None:
        """Copy all elements of `arrays` into one flat array."""
        if self.is_complex:
            arrays = [self.real(array) for array in arrays]
        np.concatenate(arrays, axis=None, out=out, casting="same_kind")


class Workspace:
    """Scratch arrays, shared by all units of an optimizer: one for each purpose and dtype."""

    def __init__(self) -> None:
        self.arrays: dict[Any, Any] = {}

    def take(self, purpose: Any, dtype: np.dtype[Any], size: int) -> Any:
        """Return a flat array of `size` elements."""
        found = self.arrays.get((purpose, dtype))
        if found is None or found.size < size:
            found = self.arrays[purpose, dtype] = np.empty(size, dtype)
        return found[:size]


def flat_and_shared(states: list[State], name: str) -> Any:
    """Move the arrays of one name into one flat array; replace them by views of it in the states."""
    arrays = [state[name] for state in states]
    if len(arrays) == 1 and arrays[0].flags.c_contiguous:
        return arrays[0].reshape(-1)
    flat = np.concatenate(arrays, axis=None)
    start = 0
    for state, array in zip(states, arrays, strict=True):
        state[name] = flat[start : start + array.size].reshape(array.shape)
        start += array.size
    return flat


def overlapping(arrays: Iterable[Any]) -> list[bool]:
    """Find the arrays that share memory with an earlier one: they cannot be updated in one bundle."""
    bounds = [byte_bounds(array) for array in arrays]
    found = [False] * len(bounds)
    end = -1
    for i in sorted(range(len(bounds)), key=bounds.__getitem__):
        low, high = bounds[i]
        found[i] = low < end and low < high
        end = max(end, high)
    return found
