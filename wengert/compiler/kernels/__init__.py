"""Native code for one node: convolutions, poolings, recurrences, gathers and scatters."""
