"""LLVM IR: types, arithmetic, vector math, BLAS; compilation, and the cache on disk."""
