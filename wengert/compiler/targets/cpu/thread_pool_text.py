"""The thread pool in LLVM IR: waiting for counters, launching a step, and the loop of workers."""

from __future__ import annotations

from wengert.compiler.machine import is_arm, is_x86

__all__ = ["CONDITION", "CONTROL_BYTES", "EVERYBODY", "MUTEX", "TICKET", "pool_text"]

SPINS = 400  # pauses before the first yield
PATIENCE = 3000  # iterations of polling before a worker sleeps
# The layout of the control block, in bytes. The ticket is the number of the step, and in its low byte the number of
# threads that may take part: other workers read nothing else, because it may change at any time. JOINED is the number
# of the step, a bit that tells whether workers may still join it, and the number of workers that have joined.
TICKET, JOINED, FUNCTION, TABLE, SLEEPERS, MUTEX, CONDITION = 0, 64, 192, 200, 256, 320, 448
CONTROL_BYTES = 1024
EVERYBODY = 255
OPEN = 1 << 15
OFFSETS = {
    "ticket": TICKET,
    "joined": JOINED,
    "function": FUNCTION,
    "table": TABLE,
    "sleepers": SLEEPERS,
    "mutex": MUTEX,
    "condition": CONDITION,
}
ADDRESSES = "\n".join(f"  %{name} = getelementptr i8, ptr %control, i64 {offset}" for name, offset in OFFSETS.items())


def pool_text() -> str:
    """The text of the module of the pool."""
    declaration, pause = pause_instruction()
    functions = [
        "i32 @sched_yield()",
        "i32 @pthread_mutex_lock(ptr)",
        "i32 @pthread_mutex_unlock(ptr)",
        "i32 @pthread_cond_wait(ptr, ptr)",
        "i32 @pthread_cond_broadcast(ptr)",
    ]
    declarations = [declaration, *(f"declare {function}" for function in functions)]
    return "\n".join([*declarations, wait_text(pause), launch_text(), worker_text(pause)])


def pause_instruction() -> tuple[str, str]:
    """The declaration and the call of the processor's hint for spin loops."""
    if is_x86():
        return "declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"
    if is_arm():
        return "declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"
    return "", "call i32 @sched_yield()"


def spin_text(pause: str, again: str) -> str:
    """The end of iteration `%i` of a polling loop: pause, or after `SPINS` iterations yield; then go to `again`."""
    return f"""  %long = icmp ugt i64 %i, {SPINS}
  br i1 %long, label %yield, label %spin
spin:
  {pause}
  br label %{again}
yield:
  call i32 @sched_yield()
  br label %{again}"""


def wait_text(pause: str) -> str:
    """``wait(place, wanted)``: spin, then yield, until the counter at `place` has a value."""
    return f"""
define void @wait(ptr %place, i64 %wanted) {{
entry:
  br label %wait
wait:
  %i = phi i64 [ 0, %entry ], [ %more, %spin ], [ %more, %yield ]
  %more = add i64 %i, 1
  %now = load atomic i64, ptr %place acquire, align 8
  %done = icmp eq i64 %now, %wanted
  br i1 %done, label %out, label %not_yet
not_yet:
{spin_text(pause, "wait")}
out:
  ret void
}}
"""


def launch_text() -> str:
    """``launch(control, step, argument, threads)``: run a step on the calling thread and on workers that join in time.

    The step is over when the last worker has left it: only then may its code be freed. A null step ends the workers.
    """
    return f"""
define i64 @launch(ptr %control, ptr %step, ptr %argument, i64 %threads) {{
entry:
{ADDRESSES}
  store ptr %step, ptr %function
  store ptr %argument, ptr %table
  %old = load atomic i64, ptr %ticket seq_cst, align 8
  %count = and i64 %old, -256
  %next = add i64 %count, 256
  %new = or i64 %next, %threads
  %number = shl i64 %next, 8
  %open = or i64 %number, {OPEN}
  store atomic i64 %open, ptr %joined seq_cst, align 8
  store atomic i64 %new, ptr %ticket seq_cst, align 8
  %asleep = load atomic i64, ptr %sleepers seq_cst, align 8
  %some = icmp ne i64 %asleep, 0
  br i1 %some, label %wake, label %go
wake:
  call i32 @pthread_mutex_lock(ptr %mutex)
  call i32 @pthread_cond_broadcast(ptr %condition)
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %go
go:
  %none = icmp eq ptr %step, null
  br i1 %none, label %nothing, label %run
run:
  %code = call i64 %step(ptr %argument, i64 0, i64 %threads)
  %last = atomicrmw and ptr %joined, i64 {~OPEN} seq_cst
  call void @wait(ptr %joined, i64 %number)
  ret i64 %code
nothing:
  ret i64 0
}}
"""


def worker_text(pause: str) -> str:
    """``worker(control, index, first)``: poll for steps, join them, and sleep where there are none for a while."""
    return f"""
define void @worker(ptr %control, i64 %index, i64 %first) {{
entry:
{ADDRESSES}
  br label %idle
idle:
  %seen = phi i64 [ %first, %entry ], [ %now, %work ], [ %now, %check ], [ %now, %run ]
  br label %poll
poll:
  %i = phi i64 [ 0, %idle ], [ %more, %spin ], [ %more, %yield ], [ 0, %awake ]
  %more = add i64 %i, 1
  %now = load atomic i64, ptr %ticket seq_cst, align 8
  %same = icmp eq i64 %now, %seen
  br i1 %same, label %not_yet, label %work
not_yet:
  %long_idle = icmp ugt i64 %i, {PATIENCE}
  br i1 %long_idle, label %sleep, label %choose
choose:
{spin_text(pause, "poll")}
sleep:
  call i32 @pthread_mutex_lock(ptr %mutex)
  %in = atomicrmw add ptr %sleepers, i64 1 seq_cst
  br label %asleep
asleep:
  %again = load atomic i64, ptr %ticket seq_cst, align 8
  %still = icmp eq i64 %again, %seen
  br i1 %still, label %block, label %awake
block:
  call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %asleep
awake:
  %out = atomicrmw sub ptr %sleepers, i64 1 seq_cst
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %poll
work:
  %threads = and i64 %now, 255
  %takes_part = icmp ult i64 %index, %threads
  br i1 %takes_part, label %check, label %idle
check:
  %count = and i64 %now, -256
  %number = shl i64 %count, 8
  %open = or i64 %number, {OPEN}
  %workers = load atomic i64, ptr %joined seq_cst, align 8
  %before = and i64 %workers, {-OPEN}
  %late = icmp ne i64 %before, %open
  br i1 %late, label %idle, label %join
join:
  %with = add i64 %workers, 1
  %pair = cmpxchg ptr %joined, i64 %workers, i64 %with seq_cst seq_cst
  %joined_it = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %joined_it, label %read, label %check
read:
  %step = load ptr, ptr %function
  %argument = load ptr, ptr %table
  %end = icmp eq ptr %step, null
  br i1 %end, label %quit, label %run
run:
  %code = call i64 %step(ptr %argument, i64 %index, i64 %threads)
  %leave = atomicrmw sub ptr %joined, i64 1 seq_cst
  br label %idle
quit:
  ret void
}}
"""
