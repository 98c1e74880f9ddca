"""The measurement of one row: all peers are prepared, compared, and timed alternately."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from time import monotonic

from benchmarks.catalogue import Row
from benchmarks.contestants import MODULE, work_of
from benchmarks.machine import BUSY, Calm
from benchmarks.numbers import disagreeing
from benchmarks.peers import PEERS, Peer, environment
from benchmarks.record import Entry, Result
from benchmarks.turns import Contestant, Failed

__all__ = ["SPREAD", "Settings", "Stage"]

SPREAD = 0.25  # relative to the median: a larger interquartile range marks a figure as doubtful
SAMPLE = 100e-6  # minimal seconds of one timing
EVERYONE = tuple(peer.name for peer in PEERS)
LONGEST = 10.0  # seconds of one peer in all rounds, where it is slow


@dataclass(frozen=True)
class Settings:
    """Options of measuring: `hurry` divides the rounds' seconds and halves their number, `limit` bounds first calls."""

    threads: int
    cache: str
    hurry: bool = False
    limit: float = 120.0


@dataclass
class Stage:
    """The peers' processes. `ends` is the deadline of the run."""

    settings: Settings
    calm: Calm
    ends: float
    reasons: dict[str, str] = field(default_factory=dict)  # why peers cannot be measured here
    waiting: dict[str, Contestant] = field(default_factory=dict)  # processes of rows that share them
    late: dict[tuple[str, str], str] = field(default_factory=dict)  # family and peer of those that timed out

    def measure(self, row: Row, peers: list[Peer]) -> Result:
        """Measure a row."""
        start = monotonic()
        before = self.calm.wait()
        entries: dict[str, Entry] = {}
        ready: dict[str, Contestant] = {}
        try:
            for peer in peers:
                if peer.name in (row.only or EVERYONE):
                    entry = entries[peer.name] = Entry(failure=self.left_out(row, peer))
                    if not entry.failure:
                        ready[peer.name] = self.process(row, peer)
            for step in (self.prepare, self.begin):
                for name, contestant in list(ready.items()):
                    try:
                        step(row, contestant, entries[name])
                    except Failed as error:
                        entries[name].failure = str(error)
                        if "for the first calls" in str(error):
                            self.late[row.family, name] = f"{error}, in {row.name}"
                        self.leave(row, ready.pop(name))
            self.compare(row, ready, entries)
            self.time(row, ready, entries)
        finally:
            for contestant in ready.values():
                self.leave(row, contestant)
        after = self.calm.look()
        result = Result(row.title, row.unit, 0, entries, [before, after], self.calm.least)
        result.flags = flags(result)
        result.seconds = round(monotonic() - start, 1)
        return result

    def left_out(self, row: Row, peer: Peer) -> str:
        return (
            row.without.get(peer.name)
            or self.reasons.get(peer.name)
            or self.late.get((row.family, peer.name))
            or ("" if monotonic() < self.ends else "the time of the run was up")
        )

    def process(self, row: Row, peer: Peer) -> Contestant:
        """Start a peer's process, or reuse that of the previous rows."""
        found = self.waiting.get(peer.name) if row.together else None
        if found is None:
            found = Contestant(
                peer.name,
                MODULE,
                work_of(peer.name, row.name),
                self.settings.threads,
                limit=row.limit,
                environment=environment(peer, self.settings.cache),
                later=True,
            )
            if row.together:
                self.waiting[peer.name] = found
        return found

    def prepare(self, row: Row, contestant: Contestant, entry: Entry) -> None:
        """Wait for the imports. (All at the same time, as they are not timed.)"""
        contestant.prepare()

    def begin(self, row: Row, contestant: Contestant, entry: Entry) -> None:
        """Have a peer make its step."""
        contestant.limit = max(1.0, min(row.limit, self.settings.limit, self.ends - monotonic()))
        contestant.make(work_of(contestant.name, row.name), max(1, row.checks))
        entry.first, entry.making = contestant.first, contestant.making
        entry.first_memory = contestant.first_memory

    def leave(self, row: Row, contestant: Contestant) -> None:
        """End a process, unless later rows share it."""
        if row.together and contestant.process.poll() is None:
            return
        self.waiting.pop(contestant.name, None)
        contestant.close()

    def compare(self, row: Row, ready: dict[str, Contestant], entries: dict[str, Entry]) -> None:
        """Exclude peers whose results differ from the others'."""
        if not row.checks:
            return
        numbers = {name: contestant.numbers for name, contestant in ready.items()}
        for name, difference in disagreeing(numbers, row.tolerance).items():
            entries[name] = Entry(failure=f"WRONG: {difference}")
            self.leave(row, ready.pop(name))

    def time(self, row: Row, ready: dict[str, Contestant], entries: dict[str, Entry]) -> None:
        """Time the peers alternately."""
        runners = [Runner(row, contestant, entries[name]) for name, contestant in ready.items()]
        for runner in runners:
            runner.attempt(lambda runner: runner.plan(self.settings))
        for turn in range(max((runner.rounds for runner in runners), default=0)):
            for runner in runners if turn % 2 == 0 else runners[::-1]:
                if turn < runner.rounds and monotonic() < self.ends + LONGEST:
                    runner.attempt(Runner.turn)

    def close(self) -> None:
        """End the shared processes."""
        for contestant in self.waiting.values():
            contestant.close()
        self.waiting.clear()


class Runner:
    """One peer in the rounds of a row: so many times so many steps in each."""

    def __init__(self, row: Row, contestant: Contestant, entry: Entry) -> None:
        self.row, self.contestant, self.entry = row, contestant, entry
        self.rounds, self.times, self.batch = 0, 1, 1

    def attempt(self, what: Callable[[Runner], None]) -> None:
        """Run a function; exclude the peer with the reason if it fails."""
        try:
            what(self)
        except Failed as error:
            self.rounds = 0
            self.entry.values, self.entry.failure = [], str(error)

    def plan(self, settings: Settings) -> None:
        """Warm up, and see how many steps make a round."""
        row, contestant = self.row, self.contestant
        rounds = -(-row.rounds // 2) if settings.hurry else row.rounds
        if row.returned:
            self.rounds = rounds
            if rounds == 1:
                self.entry.values, self.rounds = [contestant.loss], 0  # the first call has returned it
            return
        seconds = row.seconds / (4 if settings.hurry else 1)
        one = contestant.first
        if one < LONGEST / 4 or row.checks > 1:
            # (A compiler may make its code anew in a later call than the first: the least of several counts.)
            one = min(contestant.run(1))
            if one < LONGEST / 4:
                one = min(one, *contestant.run(2))
            if one < seconds / 4:
                one = min(contestant.run(max(3, min(1000, int(seconds / 4 / one)))))
        self.batch = max(1, min(10_000, round(SAMPLE / one)))
        self.times = max(1, min(100_000, round(seconds / (one * self.batch))))
        self.rounds = max(1, min(rounds, int((LONGEST / (4 if settings.hurry else 1)) / one)))
        if contestant.limit is not None:
            contestant.limit += 20 * one * self.times * self.batch

    def turn(self) -> None:
        """Make one timing."""
        entry = self.entry
        if self.row.returned:
            entry.values.append(self.contestant.value())
            return
        entry.values.append(median(self.contestant.run(self.times, self.batch)) / self.row.per)
        entry.memory = max(entry.memory or 0.0, self.contestant.memory())
        entry.peak = self.contestant.peak()


def flags(result: Result) -> list[str]:
    """List the reasons why the figures of a row are doubtful."""
    found = []
    slower = max(result.calm) / result.calmest
    if slower > BUSY:
        found.append(f"machine busy: fixed work took {slower:.2f} of its least time")
    for name, entry in result.entries.items():
        if entry.spread > SPREAD:
            found.append(f"{name}: quartiles {entry.spread:.0%} apart")
        if entry.failure.startswith("WRONG"):
            found.append(f"{name} {entry.failure}")
    return found
