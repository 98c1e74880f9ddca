"""Check many random programs: ``python -m tests.fuzz --programs 10000``, or ``make fuzz``."""

import argparse
import importlib.util
import sys
import time
import warnings

import numpy as np

from tests.compiled_cases import check_cases
from tests.compiled_programs import check_compiled, check_state, stateful
from tests.random_programs import check, check_against_jax, generate, random_pick


def compiled(options: argparse.Namespace) -> int:
    """Compare compiled programs, programs with a state, and the cases of all derivatives with eager ones."""
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    compared, left = check_cases()
    failed = 0
    for seed in range(options.seed, options.seed + options.programs):
        program = generate(random_pick(seed), options.longest)
        try:
            compared += check_compiled(program, np.float32 if seed % 3 == 0 else np.float64)
            compared += check_state(stateful(seed))
        except (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
            failed += 1
            print(f"program {seed}: {type(error).__name__}: {error}", file=sys.stderr)
    seconds = time.perf_counter() - started
    print(f"{compared} compiled functions in {seconds:.0f} s: {failed} failed; {len(left)} cases run eagerly")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=10_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first")
    parser.add_argument("--longest", type=int, default=20, help="the greatest number of lines of a program")
    parser.add_argument("--jax", type=int, default=100, help="compare every n-th with JAX, where installed; 0: none")
    parser.add_argument("--compile", action="store_true", help="compare compiled programs with eager ones instead")
    options = parser.parse_args()
    if options.compile:
        return compiled(options)
    with_jax = options.jax > 0 and importlib.util.find_spec("jax") is not None
    started = time.perf_counter()
    lines = compared = failed = 0
    for seed in range(options.seed, options.seed + options.programs):
        program = generate(random_pick(seed), options.longest)
        lines += len(program.lines)
        try:
            check(program)
            if with_jax and seed % options.jax == 0:
                check_against_jax(program)
                compared += 1
        except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
            failed += 1
            print(f"program {seed}: {type(error).__name__}: {error}\n{program.text}", file=sys.stderr)
    seconds = time.perf_counter() - started
    print(
        f"{options.programs} programs of {lines} lines in {seconds:.0f} s: {failed} failed "
        f"(gradient, jvp and hvp against differences; {compared} gradients against JAX)"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
