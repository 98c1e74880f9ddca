"""Check many random programs: ``python -m tests.fuzz --programs 10000``, or ``make fuzz``."""

import argparse
import collections
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from tests.compiled_cases import check_cases
from tests.compiled_programs import Skipped, check_arrays, check_compiled, check_state, stateful
from tests.looping import check as looping
from tests.random_arrays import array_program
from tests.random_programs import Program, check, check_against_jax, generate, random_pick
from tests.ratchet import unexpected_calls
from tests.singular_programs import Outcome, check_singular, shrink, singular_program
from tests.test_singular_arguments import chosen, try_all
from tests.transform_programs import Skipped as StackSkipped
from tests.transform_programs import failure as failure_of_stack
from tests.writing.check import MODES, failure, failure_of_refused
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.targets.cpu.runner import interpreted, native

GROUP = 12  # programs of arrays that one plan has


def compiled(options: argparse.Namespace) -> int:
    """Compare with eager calls: all cases of derivatives, programs and their derivatives, programs with a state."""
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    runner = native if all(map(importlib.util.find_spec, ("llvmlite", "scipy"))) else interpreted
    counts: collections.Counter[str] = collections.Counter()
    failed: list[str] = []

    def attempt(what: str, check: Callable[[], int], seed: int) -> bool:
        try:
            counts[what] += check()
        except (Skipped, GuardFailed):
            counts["left to eager calls"] += 1
        except Exception as error:  # noqa: BLE001  (each is told)
            failed.append(f"{what} {seed}: {type(error).__name__}: {error}")
            return False
        return True

    if options.seed == 0:
        outcome = check_cases(1, runner, dtypes=(np.float64, np.float32))
        counts["cases"] += outcome.compared
        counts["left to eager calls"] += len(outcome.eager)
        failed += outcome.failed
    for seed in range(options.seed, options.seed + options.programs, GROUP):
        programs = [array_program(i) for i in range(seed, seed + GROUP)]
        known = len(failed)
        if not attempt("programs of arrays", lambda group=programs: check_arrays(group, runner), seed):  # type: ignore[misc]
            del failed[known:]  # (which of them it is)
            for k, program in enumerate(programs):
                attempt("programs of arrays", lambda one=program: check_arrays([one], runner), seed + k)  # type: ignore[misc]
        attempt("programs with a state", lambda i=seed: check_state(stateful(i), runner), seed)  # type: ignore[misc]
        single = np.float32 if seed % 3 == 0 else np.float64
        program = generate(random_pick(seed), options.longest)
        attempt("functions and derivatives", lambda p=program, d=single: check_compiled(p, d, runner), seed)  # type: ignore[misc]
    for text in failed:
        print(text, file=sys.stderr)
    told = ", ".join(f"{n} {what}" for what, n in counts.items())
    print(f"compiled: {told} in {time.perf_counter() - started:.0f} s: {len(failed)} failed")
    return 1 if failed else 0


def singular(options: argparse.Namespace) -> int:
    """Differentiate programs at singular points, and every case of the table with singular arguments."""
    started = time.perf_counter()
    counts, failed = Outcome(), 0

    def report(what: str, text: str) -> None:
        nonlocal failed
        failed += 1
        print(f"{what}: {text}", file=sys.stderr)

    for seed in range(options.seed, options.seed + options.programs):
        program = singular_program(random_pick(seed))
        try:
            counts.update(check_singular(program))
        except Exception as error:  # noqa: BLE001  (each is told)
            report(f"program {seed}", f"{type(error).__name__}: {error_of(shrink(program, error_of)) or error}")
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"{options.programs} programs at singular points in {time.perf_counter() - started:.0f} s: {told}")
    if options.seed == 0:
        counts = try_all(report, chosen(4))
        print("cases at singular arguments: " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    print(f"singular: {failed} failed")
    return 1 if failed else 0


def writes(options: argparse.Namespace) -> int:
    """Run programs that write into arrays in every mode, and programs that NumPy refuses."""
    started = time.perf_counter()
    failed: collections.Counter[str] = collections.Counter()
    for seed in range(options.seed, options.seed + options.programs):
        for mode in MODES:
            if (mode != "native" or seed % 20 == 0) and (found := failure(seed, mode)):
                failed[mode] += 1
                print(found, file=sys.stderr)
        if found := failure(seed, "eager", parts=True):
            failed["parts"] += 1
            print(found, file=sys.stderr)
        if found := failure_of_refused(seed):
            failed["refused"] += 1
            print(found, file=sys.stderr)
    told = ", ".join(f"{n} {mode}" for mode, n in failed.items()) or "none"
    print(f"{options.programs} programs that write, in {time.perf_counter() - started:.0f} s: failed: {told}")
    return 1 if failed else 0


def loops(options: argparse.Namespace) -> int:
    """Run programs with loops, compiled with rolled loops and without; of each kind of loop, some must be rolled."""
    started = time.perf_counter()
    failed: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    kinds: dict[str, int] = {}
    for seed in range(options.seed, options.seed + options.programs):
        kind = looping.generate(seed).kinds[:1] if seed % 2 == 0 else []
        for mode in looping.MODES:
            found = looping.failure(seed, mode)
            total.update(found.counts)
            for name in kind:
                kinds[name] = kinds.get(name, 0) + found.counts["with loops"]
            if found.told:
                failed[mode] += 1
                print(found.told, file=sys.stderr)
    if options.programs >= 4 * len(kinds) and (missing := [name for name, count in kinds.items() if not count]):
        failed["kinds without loops"] = len(missing)
        print(f"no loops are rolled in programs of the kinds {', '.join(missing)}", file=sys.stderr)
    told = ", ".join(f"{n} {mode}" for mode, n in failed.items()) or "none"
    counts = ", ".join(f"{n} {what}" for what, n in total.items())
    print(f"{options.programs} programs with loops, in {time.perf_counter() - started:.0f} s: {counts}; failed: {told}")
    return 1 if failed else 0


def error_of(program: Program) -> str:
    """Say how a derivative of a program is wrong; nothing if none is."""
    try:
        check_singular(program)
    except AssertionError as error:
        return str(error)
    except Exception:  # noqa: BLE001  (a program that lacks a line)
        return ""
    return ""


def transforms(options: argparse.Namespace) -> int:
    """Compare programs under random stacks of transforms with first derivatives and loops."""
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    counts: collections.Counter[str] = collections.Counter()
    for seed in range(options.seed, options.seed + options.programs):
        try:
            found = failure_of_stack(seed)
        except StackSkipped:
            counts["skipped"] += 1
            continue
        counts["failed" if found else "compared"] += 1
        if found:
            print(found, file=sys.stderr)
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"{options.programs} programs under stacks of transforms in {time.perf_counter() - started:.0f} s: {told}")
    return 1 if counts["failed"] else 0


def ratchet() -> int:
    """Compile the cases of the table of derivatives, to second order, and tell the calls that Python may not make."""
    warnings.simplefilter("ignore")
    failed = 0
    for dtype in (np.float64, np.float32, np.float16):
        count, found = unexpected_calls(1, dtype, orders=dtype is not np.float16)
        failed += len(found)
        print(f"{count} plans of {np.dtype(dtype)}; calls that Python may not make: {found}")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=10_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first")
    parser.add_argument("--longest", type=int, default=20, help="the greatest number of lines of a program")
    parser.add_argument("--jax", type=int, default=100, help="compare every n-th with JAX, where installed; 0: none")
    parser.add_argument("--compile", action="store_true", help="compare compiled programs with eager ones instead")
    parser.add_argument("--singular", action="store_true", help="at ties, zeros, repeated rows and infinities instead")
    parser.add_argument("--writes", action="store_true", help="programs that write into arrays instead")
    parser.add_argument("--loops", action="store_true", help="programs with loops, which compiled plans roll, instead")
    parser.add_argument("--transforms", action="store_true", help="under random stacks of transforms instead")
    parser.add_argument("--ratchet", action="store_true", help="which calls the plans of all cases leave to Python")
    options = parser.parse_args()
    if options.ratchet:
        return ratchet()
    if options.transforms:
        return transforms(options)
    if options.loops:
        return loops(options)
    if options.writes:
        return writes(options)
    if options.singular:
        return singular(options)
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
