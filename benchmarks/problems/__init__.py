"""What is measured: each module has ``make(peer, row)``, which returns one step of work."""
