"""NumPy programs that write into arrays, as people write them."""

from __future__ import annotations

from tests.writing_programs import factorizations, kernels, networks, particles, stencils, tables
from tests.writing_programs.program import Program, complex_gradient, loss_of, random_weights

__all__ = ["PROGRAMS", "Program", "complex_gradient", "loss_of", "random_weights"]

PROGRAMS: dict[str, Program] = {
    program.name: program
    for module in (stencils, factorizations, kernels, tables, networks, particles)
    for program in module.PROGRAMS
}
