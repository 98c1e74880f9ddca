"""Just-in-time compilation by LLVM: from the text of a module to functions in memory."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakValueDictionary

from wengert.compiler.forking import AwaitedLock
from wengert.compiler.machine import llvm
from wengert.compiler.once import once
from wengert.compiler.targets.llvm import object_cache
from wengert.compiler.targets.llvm.blas_library import routine, widening
from wengert.compiler.targets.llvm.vector_math import libraries

__all__ = ["Module", "counts", "release_memory"]

PIPELINE = "1"  # part of the cache key: to be raised where the passes below change
kept: list[Module] = []  # wrappers that other modules call: they are never freed
living: MutableMapping[str, Module] = WeakValueDictionary()  # the module that defines each kernel
counts = {"compiled": 0, "loaded": 0}  # modules, in this process


def keep_others_out() -> None:
    """Let a fork wait for threads that free a module: they take llvmlite's lock alone."""
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    theirs = getattr(library, "_lock", None)
    if theirs is not None and lock.is_awaited():  # (else a thread is in LLVM for longer than a fork waits)
        theirs.__enter__()
        kept_out.append(theirs)


def let_in() -> None:
    if kept_out:
        kept_out.pop().__exit__()


kept_out: list[Any] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=keep_others_out, after_in_parent=let_in, after_in_child=let_in)
# LLVM's contexts are the process's. (Made here, since a fork takes the lock that was made last first.)
lock = AwaitedLock()


@once
def register(name: str) -> bool:
    """Register the address of an external function with LLVM."""
    if name.startswith("blas64_"):
        llvm().add_symbol(name, routine(name.removeprefix("blas64_"))[0])
        return True
    if name.startswith("blas_"):
        address, wide = routine(name.removeprefix("blas_"))
        if wide:
            wrapper = Module(widening(name.removeprefix("blas_")))
            kept.append(wrapper)
            address = wrapper.address(name)
        llvm().add_symbol(name, address)
        return True
    for library in libraries():
        if hasattr(library, name):
            llvm().add_symbol(name, ctypes.cast(getattr(library, name), ctypes.c_void_p).value)
            return True
    return False


class Module:
    """A compiled module; its functions live as long as it does.

    Parameters
    ----------
    text : str
        The module, without the kernels that it calls.
    kernels : dict
        The texts of the kernels without names, by names that are unique to the text. Kernels that a living module
        has already defined are not compiled again.
    """

    def __init__(self, text: str, kernels: dict[str, str] | None = None) -> None:
        binding = llvm()
        for name in re.findall(r"^declare .*@(\w+)\(", text, re.MULTILINE):
            if not name.startswith(("llvm", "wengert")):
                register(name)
        self.text = "\n".join([*(defined(name, kernel) for name, kernel in (kernels or {}).items()), text])
        with lock.lock:
            parts, self.needs = [], []
            for name, kernel in (kernels or {}).items():
                other = living.get(name)
                if other is None:
                    parts.append(defined(name, kernel))
                else:
                    self.needs.append(other)
                    binding.add_symbol(name, other.address(name))
                    parts.append(f"declare void @{name}{parameters(kernel)}")
            self.engine = binding.create_mcjit_compiler(binding.parse_assembly(""), fresh_machine())
            self.engine.add_object_file(binding.ObjectFileRef.from_data(object_code("\n".join([*parts, text]))))
            self.engine.finalize_object()
            for name in kernels or ():
                living.setdefault(name, self)

    def address(self, name: str) -> int:
        """The address of a function."""
        return int(self.engine.get_function_address(name))


def defined(name: str, kernel: str) -> str:
    """The definition of a kernel, from its name and its text."""
    return f"define void @{name}{kernel}"


def parameters(kernel: str) -> str:
    """The list of parameters at the beginning of a kernel's text."""
    return kernel[: kernel.index(")") + 1]


def object_code(text: str) -> bytes:
    """Compile a module, or load its object code from the cache on disk. `lock` must be held."""
    binding = llvm()
    features = binding.get_host_cpu_features().flatten()
    versions = (PIPELINE, sys.modules["wengert"].__version__, sys.modules["llvmlite"].__version__)
    key = object_cache.key_of(*versions, str(binding.llvm_version_info), binding.get_host_cpu_name(), features, text)
    data = object_cache.load(key)
    if data is not None:
        counts["loaded"] += 1
        return data
    machine = fresh_machine()
    header = f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n'
    module = binding.parse_assembly(header + text)
    # Kernels are vectorized already, and their loops have their final form: a few passes suffice, which is fast.
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=1))
    passes = binding.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    passes.add_new_gvn_pass()
    passes.add_simplify_cfg_pass()
    passes.run(module, builder)
    data = bytes(machine.emit_object(module))
    counts["compiled"] += 1
    object_cache.store(key, data)
    return data


def fresh_machine() -> Any:
    """A new target machine: an engine takes ownership of its machine."""
    binding = llvm()
    features = binding.get_host_cpu_features().flatten()
    return binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
        cpu=binding.get_host_cpu_name(), features=features, opt=2, codemodel="jitdefault", jit=True
    )


def release_memory() -> None:
    """Return free memory of the C library to the system: that of the compiler, and of traced calls.

    For a training step that is more than the plan itself needs. C libraries other than glibc do so by themselves, or
    have no such function.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(ctypes.c_size_t(0))
