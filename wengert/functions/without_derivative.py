"""Functions that NumPy dispatches and that have no derivative: files, bits and dates."""

import numpy as np

from wengert.custom.registration import piecewise_constant, refused

refused(np.save, instead="np.save(file, x.data)")
refused(np.savetxt, instead="np.savetxt(file, x.data)")
refused(np.savez, np.savez_compressed, instead="np.savez(file, name=x.data)")
refused(
    *(np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string),
    instead="the dates as an array of datetime64",
)

piecewise_constant(np.packbits, np.unpackbits)
