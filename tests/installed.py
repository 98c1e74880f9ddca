"""Whether what compiles to machine code is installed."""

import importlib.util
import unittest

INSTALLED = all(importlib.util.find_spec(name) is not None for name in ("llvmlite", "scipy"))
needs_llvm = unittest.skipUnless(INSTALLED, "needs llvmlite and scipy: pip install wengert[compile]")
