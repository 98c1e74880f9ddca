"""From a graph to a plan: sweeps over memory, one arena, threads, one module."""
