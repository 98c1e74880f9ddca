"""Scheduling: fusion, rematerialization, memory planning, and the partition of work among threads."""
