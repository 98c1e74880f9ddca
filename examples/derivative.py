"""The derivative of exp(x^2)^2 at 0.5, three ways; and its second derivative."""

from typing import Any

import numpy as np

from wengert import Variable, numerical_diff


def f(x: Any) -> Any:
    """Compute exp(x^2)^2 in plain NumPy: of an array, or of a Variable."""
    return np.exp(x**2) ** 2


def main() -> None:
    x = Variable(np.array(0.5))
    y = f(x)
    y.backward(create_graph=True)
    first = x.grad

    x.cleargrad()
    first.backward()  # the derivative was recorded too: walk it backwards once more

    print("f(x) = exp(x^2)^2 at x = 0.5")
    print(f"  automatic      f'  = {first.data:.10f}")
    print(f"  numerical      f'  = {numerical_diff(f, x):.10f}")
    print(f"  second order   f'' = {x.grad:.10f}")
    print(f"  by hand        f'  = 4 x exp(2 x^2)           = {2 * np.exp(0.5):.10f}")
    print(f"                 f'' = (4 + 16 x^2) exp(2 x^2)  = {8 * np.exp(0.5):.10f}")


if __name__ == "__main__":
    main()
