"""The calculus: a table of derivatives, grouped as NumPy groups its manual."""

from wengert.functions import contraction, convolution, elementwise, fft, indexing, polynomial, reduction, shape  # noqa: F401
