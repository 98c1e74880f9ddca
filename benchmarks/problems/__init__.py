"""The workloads: each module has ``make(peer, row)``, which returns one step of work."""
