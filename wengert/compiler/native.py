"""LLVM: from the text of a module to functions in memory."""

from __future__ import annotations

import functools
import platform
import re
import threading
from typing import Any

from wengert.compiler.blas_library import routine, widening
from wengert.compiler.vector_math import libraries
from wengert.core.extras import needed

__all__ = ["Module", "host_features", "llvm"]

lock = threading.Lock()  # LLVM's contexts are the process's
kept: list[Module] = []  # what other modules call


@functools.cache
def llvm() -> Any:
    """llvmlite's binding, ready to use."""
    binding = needed("llvmlite.binding", "compile", "wengert.compile")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@functools.cache
def host_features() -> dict[str, bool]:
    """What the processor can, by LLVM's names."""
    return dict(llvm().get_host_cpu_features())


@functools.cache
def register(name: str) -> bool:
    """Tell LLVM where a function of the mathematical libraries is."""
    import ctypes

    if name.startswith("blas64_"):
        llvm().add_symbol(name, routine(name.removeprefix("blas64_"))[0])
        return True
    if name.startswith("blas_"):
        address, wide = routine(name.removeprefix("blas_"))
        if wide:
            between = Module(widening(name.removeprefix("blas_")))
            kept.append(between)
            address = between.address(name)
        llvm().add_symbol(name, address)
        return True
    for library in libraries():
        if hasattr(library, name):
            llvm().add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)
            return True
    return False


class Module:
    """A compiled module; its functions live as long as it does."""

    def __init__(self, text: str) -> None:
        binding = llvm()
        for name in re.findall(r"^declare .*@(\w+)\(", text, re.MULTILINE):
            if not name.startswith(("llvm", "wengert")):
                register(name)
        with lock:
            machine = fresh_machine()
            header = f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n'
            module = binding.parse_assembly(header + text)
            # Kernels are written in vectors, with loops of their final form: little is left to do; compiling is quick.
            builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=1))
            passes = binding.create_new_module_pass_manager()
            passes.add_sroa_pass()
            passes.add_simplify_cfg_pass()
            passes.add_instruction_combine_pass()
            passes.add_new_gvn_pass()
            passes.add_simplify_cfg_pass()
            passes.run(module, builder)
            self.engine = binding.create_mcjit_compiler(module, fresh_machine())
            self.engine.finalize_object()
        self.text = text

    def address(self, name: str) -> int:
        """Where a function is."""
        return int(self.engine.get_function_address(name))


def fresh_machine() -> Any:
    """A target machine of its own: an engine takes its machine over."""
    binding = llvm()
    features = binding.get_host_cpu_features().flatten()
    return binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
        cpu=binding.get_host_cpu_name(), features=features, opt=2, codemodel="jitdefault", jit=True
    )


def vector_attribute() -> str:
    """The attribute by which functions use the widest registers."""
    if platform.machine() in ("x86_64", "AMD64") and host_features().get("avx512f"):
        return '"prefer-vector-width"="512"'
    return ""
