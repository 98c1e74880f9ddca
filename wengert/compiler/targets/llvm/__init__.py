"""LLVM's language: types, arithmetic, vector math, BLAS; compiled, and kept on disk."""
