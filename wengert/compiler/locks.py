"""What calls of compiled functions hold in common: the locks, and whether a call is being traced."""

from __future__ import annotations

from contextvars import ContextVar

from wengert.compiler.forking import AwaitedLock, RenewedLock

__all__ = ["making", "tracing", "tracing_lock", "update_lock"]

tracing: ContextVar[bool] = ContextVar("wengert.tracing", default=False)
making = AwaitedLock()  # for compiling a plan: it imports modules, whose locks a forked child would never get
tracing_lock = AwaitedLock()  # for one traced call at a time: it substitutes arrays that other threads may reach
update_lock = RenewedLock()  # for changes of the plans and instances of any compiled function: held for a moment
