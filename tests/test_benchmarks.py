"""The benchmarks: how they measure, compare, keep and report; not what."""

import contextlib
import importlib.util
import io
import json
import math
import tempfile
import time
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks import __main__ as command
from benchmarks import measuring, running
from benchmarks.catalogue import QUICK, ROWS, Row, chosen
from benchmarks.contestants import PROBLEMS
from benchmarks.figures import shown
from benchmarks.growing import exponent, fitted
from benchmarks.machine import Calm
from benchmarks.measuring import Settings, Stage
from benchmarks.numbers import digest, disagreeing, number
from benchmarks.peers import COMPILED, OURS, PEERS, by_name, missing
from benchmarks.record import Entry, Record, Result, Run, quartiles, ratio
from benchmarks.report.blocks import BLOCKS
from benchmarks.report.command import main as report
from benchmarks.report.pages import MARKED, filled
from benchmarks.targets import SUMMARIES, TARGETS, Target, verdicts
from benchmarks.turns import ROOT, Contestant, Failed

STEPS = "tests.benchmark_steps"


def stored() -> Record:
    """A small record, as a run leaves it."""
    machine = {"processor": "P | 1", "cores": 2, "memory GB": 8, "system": "S", "python": "3.11", "numpy": "2.4"}
    run = Run("2026-01-02T03:04:05", machine, {OURS: "0.1", "torch": "2.13"}, "abc", 2, "", {"dezero": "no checkout"})

    def entry(*values: float, memory: float = 10.0) -> Entry:
        return Entry(list(values), first=2.0, making=0.5, memory=memory, first_memory=20.0, peak=90.0)

    rows = {
        "chain/1": {
            OURS: entry(1e-5, 1.1e-5, 1.2e-5),
            COMPILED: entry(2e-8, 2e-8, 2e-8),
            "torch": entry(2e-5, 2.2e-5, 2.4e-5),
            "jax": entry(5e-8, 5e-8, 5e-8),
            "mygrad": Entry(failure="has no | chains"),
        },
        "network/cnn": {OURS: entry(1e-3), COMPILED: entry(5e-4, memory=12.0), "torch": entry(9e-4, memory=11.0)},
        **{f"growth/length/{n}": {OURS: entry(1e-5 * n, memory=n / 100)} for n in (100, 1000, 10_000, 100_000)},
        "function/add/1/gradient": {OURS: entry(1e-5), "torch": entry(2e-5)},
    }
    titles = {row.name: row.title for row in ROWS}
    results = {name: Result(titles[name], "s", 0, entries, [1.0, 1.0], 1.0) for name, entries in rows.items()}
    results["network/cnn"].flags = ["machine busy: much"]
    results["start/size"] = Result("installed", "MB", 0, {OURS: Entry([1.5]), "torch": Entry([741.0])})
    return Record([run], results)


class NumbersTest(unittest.TestCase):
    def test_results_in_other_places_are_told_apart(self) -> None:
        x = np.arange(6.0)
        self.assertEqual(digest(x), digest(x.reshape(2, 3)))
        self.assertNotAlmostEqual(digest(x)[0][1], digest(x[::-1])[0][1])
        self.assertEqual(digest((x, [2.0])), [*digest(x), [1.0, 2.0, 2.0]])
        self.assertEqual(number((np.full((2, 2), 3.0), 1.0)), 3.0)
        self.assertTrue(math.isnan(number(np.zeros(0))))

    def test_wrong_results_are_excluded(self) -> None:
        right, wrong = [digest(np.ones(3))], [digest(np.array([1.0, 1.0, 1.001]))]
        self.assertEqual(disagreeing({"a": right, "b": right}, 1e-9), {})
        self.assertEqual(list(disagreeing({"a": right, "b": wrong}, 1e-9)), ["b"])
        self.assertEqual(list(disagreeing({"a": wrong, "b": right, "c": right}, 1e-9)), ["a"])
        self.assertEqual(disagreeing({"a": right, "b": wrong}, 1e-2), {})

    def test_nothing_that_is_not_finite_is_right(self) -> None:
        nan = [digest(np.array([np.nan]))]
        self.assertEqual(disagreeing({"a": nan}, 1e-9), {"a": "computes what is not finite"})

    def test_later_calls_count(self) -> None:
        right = [digest(1.0), digest(2.0)]
        found = disagreeing({"a": right, "b": right, "c": [digest(1.0), digest(3.0)]}, 1e-9)
        self.assertEqual(found, {"c": "computes 3 in call 2, where most compute 2"})

    def test_sizes_and_counts(self) -> None:
        one = [digest(np.zeros(3))]
        self.assertRegex(disagreeing({"a": one, "b": [digest(np.zeros(4))]}, 1.0)["b"], "4 elements, where most .* 3")
        self.assertRegex(disagreeing({"a": one, "b": [digest((0.0, 0.0))]}, 1.0)["b"], "2 arrays, where most .* 1")


class StageTest(unittest.TestCase):
    def stage(self, seconds: float = 60.0) -> Stage:
        calm = Calm(1, 0.0)
        calm.look()
        return Stage(Settings(1, tempfile.gettempdir(), hurry=True), calm, time.monotonic() + seconds)

    def measure(self, row: Row, *names: str) -> Result:
        with mock.patch.object(measuring, "MODULE", STEPS):
            return self.stage().measure(row, [by_name(name) for name in names])

    def test_wrong_results_have_no_figure(self) -> None:
        row = Row("test/row", "a row", rounds=2, seconds=0.01, limit=1.5)
        result = self.measure(row, OURS, "torch", "jax", "autograd", "mygrad", "torch-compiled")
        entries = result.entries
        self.assertEqual(len(entries[OURS].values), 1)
        self.assertGreater(entries["torch"].values[0], 0)
        self.assertRegex(entries["jax"].failure, r"WRONG: computes .*, where most compute")
        self.assertEqual(entries["autograd"].failure, "no such function")
        self.assertEqual(entries["mygrad"].failure, "its process ended with 3")
        self.assertRegex(entries["torch-compiled"].failure, "more than .* s for the first calls")
        for name in ("jax", "autograd", "mygrad", "torch-compiled"):
            self.assertEqual(entries[name].values, [])
        self.assertTrue(any(flag.startswith("jax WRONG") for flag in result.flags))

    def test_a_peer_that_timed_out_is_not_measured_again(self) -> None:
        stage = self.stage()
        rows = [Row(f"test/{i}", "a row", rounds=1, seconds=0.01, limit=1.0) for i in (1, 2)]
        with mock.patch.object(measuring, "MODULE", STEPS):
            for row in rows:
                result = stage.measure(row, [by_name("torch-compiled")])
        self.assertRegex(result.entries["torch-compiled"].failure, "for the first calls, in test/1")

    def test_no_peer_is_measured_after_the_deadline(self) -> None:
        result = self.stage(-1.0).measure(Row("test/row", "a row"), [by_name(OURS)])
        self.assertEqual(result.entries[OURS].failure, "the time of the run was up")

    def test_values_that_steps_return(self) -> None:
        row = Row("value/row", "a row", "MB", returned=True, rounds=1, checks=0, only=(OURS, "torch"))
        result = self.measure(row, OURS, "torch", "jax")
        self.assertEqual({name: entry.values for name, entry in result.entries.items()}, {OURS: [7.0], "torch": [8.0]})

    def test_a_process_is_kept_for_rows_together(self) -> None:
        stage = self.stage()
        rows = chosen(["function/add/1/*"])
        try:
            found = [stage.measure(row, [by_name(OURS)]).entries[OURS] for row in rows]
            self.assertEqual(list(stage.waiting), [OURS])
        finally:
            stage.close()
        self.assertEqual([len(entry.values) for entry in found], [3, 3])
        self.assertLess(max(entry.median for entry in found), 0.1)

    @unittest.skipIf(missing(by_name(COMPILED)), "needs llvmlite and scipy: pip install wengert[compile]")
    def test_eager_and_compiled_agree(self) -> None:
        (row,) = chosen(["function/tanh/1000/gradient"])
        stage = self.stage()
        try:
            entries = stage.measure(row, [by_name(OURS), by_name(COMPILED)]).entries
        finally:
            stage.close()
        self.assertEqual([entry.failure for entry in entries.values()], ["", ""])
        self.assertGreater(entries[OURS].memory, 0)

    def test_rows_that_keep_processes_are_of_one_series(self) -> None:
        rows = {row.name: row for row in ROWS}
        self.assertEqual(rows["growth/batch/8"].group, "growth/batch")
        self.assertEqual(rows["function/add/1/forward"].group, "function")
        self.assertEqual(rows["function/add/1/forward"].family, "function/add")
        self.assertEqual(rows["network/cnn"].family, "network/cnn")

    def test_a_contestant_works_as_often_as_it_is_asked(self) -> None:
        contestant = Contestant("a", STEPS, "wengert test/row", 1, checks=2, limit=30.0)
        try:
            self.assertEqual(len(contestant.run(3, 2)), 3)
            self.assertEqual((contestant.loss, len(contestant.numbers)), (1.5, 2))
            self.assertGreater(contestant.peak(), 5.0)
            with self.assertRaisesRegex(Failed, "no such function"):
                contestant.make("autograd test/row")
            contestant.make("torch test/row")
            self.assertEqual(contestant.value(), 1.5)
        finally:
            contestant.close()
        self.assertEqual(contestant.process.returncode, 0)


class CatalogueTest(unittest.TestCase):
    def test_rows_are_chosen_by_name(self) -> None:
        self.assertEqual([row.name for row in chosen(["chain"])], ["chain/1", "chain/100000"])
        self.assertEqual([row.name for row in chosen(["*work/cnn", "chain/1"])], ["chain/1", "network/cnn"])
        with self.assertRaisesRegex(ValueError, "no row is called chains, x/y; there are chain, network"):
            chosen(["chains", "x/y", "network"])

    def test_names_are_unique_and_known(self) -> None:
        self.assertEqual(len({row.name for row in ROWS}), len(ROWS))
        self.assertLessEqual({row.topic for row in ROWS}, PROBLEMS.keys())
        self.assertLess(len(QUICK), 20)
        peers = {peer.name for peer in PEERS} | {"numba", "numpy"}
        for row in ROWS:
            self.assertLessEqual({*row.only, *row.without}, peers, row.name)

    def test_targets_are_of_rows(self) -> None:
        names = {row.name for row in ROWS}
        for target in TARGETS:
            self.assertIn(target.base, {"", *names}, target)
            self.assertTrue(target.row in names or target.figure.startswith(("exponent", *SUMMARIES)), target)

    def test_peers_are_chosen_by_name(self) -> None:
        self.assertEqual(
            [peer.name for peer in command.peers_of(["torch*"])], [OURS, "torch", "torch-compiled", "numpy"]
        )
        self.assertEqual([peer.name for peer in command.peers_of(["none"])], [OURS, "numpy"])
        self.assertEqual([peer.name for peer in command.peers_of([])][-2:], ["numba", "numpy"])
        self.assertEqual(len(command.peers_of([])), len(PEERS) + 2)
        with self.assertRaisesRegex(ValueError, "no peer is called tensorflow; there are wengert"):
            command.peers_of(["tensorflow"])

    def test_what_is_missing_is_said(self) -> None:
        with mock.patch.dict("os.environ", {"WENGERT_BENCHMARKS_DEZERO": ""}):
            self.assertRegex(missing(by_name("dezero")), "no checkout given")
        with mock.patch.dict("os.environ", {"WENGERT_BENCHMARKS_DEZERO": "/nowhere"}):
            self.assertEqual(missing(by_name("dezero")), "/nowhere holds no package dezero")
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertEqual(missing(by_name("jax")), "jax is not installed")
        self.assertEqual(missing(by_name(OURS)), "")


class RecordTest(unittest.TestCase):
    def test_a_file_gives_back_what_was_saved(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "new" / "record.json"
            stored().save(path)
            self.assertEqual(Record.load(path), stored())
            self.assertEqual([file.name for file in path.parent.iterdir()], ["record.json"])

    def test_runs_that_no_row_is_of_are_left_out(self) -> None:
        record = stored()
        for commit in ("b", "c"):
            record.runs.append(Run("2026-01-03", record.runs[0].machine, {}, commit, 1))
        record.rows["chain/1"].run = 2
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "record.json"
            record.save(path)
            found = Record.load(path)
        self.assertEqual([run.commit for run in found.runs], ["abc", "c"])
        self.assertEqual(found.rows["chain/1"].run, 1)

    def test_another_file_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "record.json"
            path.write_text('{"format": 7}')
            with self.assertRaisesRegex(ValueError, "must be a record of benchmarks of format 1, but its format is 7"):
                Record.load(path)
            path.write_text("[]")
            with self.assertRaisesRegex(ValueError, "its format is 'list'"):
                Record.load(path)

    def test_medians_quartiles_and_ratios(self) -> None:
        entry = Entry([3.0, 1.0, 2.0, 5.0, 4.0])
        self.assertEqual((entry.median, quartiles(entry.values)), (3.0, (2.0, 4.0)))
        self.assertAlmostEqual(entry.spread, 2 / 3)
        self.assertEqual(ratio([2.0, 20.0, 3.0], [1.0, 10.0, 1.0]), 2.0)
        self.assertTrue(math.isnan(ratio([], [])))
        self.assertTrue(math.isnan(Entry().median))
        self.assertEqual(
            [shown(x, "s") for x in (12.0, 0.0123, 4.56e-6, 2e-10)], ["12.0 s", "12.3 ms", "4.56 us", "0.200 ns"]
        )


class TargetTest(unittest.TestCase):
    def verdict(self, target: Target) -> tuple[str, float]:
        with mock.patch("benchmarks.targets.TARGETS", (target,)):
            (verdict,) = verdicts(stored())
        return verdict.word, round(verdict.found, 6)

    def test_a_target_is_to_the_least_of_the_peers(self) -> None:
        target = Target("", "chain/1", 0.5, COMPILED, ("torch", "torch-compiled", "jax"))
        self.assertEqual(self.verdict(target), ("met", 0.4))
        self.assertEqual(self.verdict(Target("", "chain/1", 0.3, COMPILED, ("torch", "jax"))), ("missed", 0.4))

    def test_other_figures(self) -> None:
        self.assertEqual(self.verdict(Target("", "start/size", 1.0)), ("missed", 1.5))
        memory = Target("", "network/cnn", 1.0, COMPILED, ("torch",), "memory")
        self.assertEqual(self.verdict(memory), ("missed", round(12 / 11, 6)))
        growth = Target("", "growth/length", 1.1, OURS, (), "exponent of values")
        self.assertEqual(self.verdict(growth), ("met", 1.0))

    def test_series_of_rows(self) -> None:
        rows = {"writes/forward/lu": (1.0, 4.0), "writes/forward/adi": (3.0, 3.0)}
        results = {
            name: Result(name, "s", 0, {COMPILED: Entry([ours]), "numpy": Entry([theirs])})
            for name, (ours, theirs) in rows.items()
        }
        largest, mean = (
            Target("", "writes/forward", 1.0, COMPILED, ("numpy",), figure) for figure in reversed(SUMMARIES)
        )
        self.assertEqual((largest.found(Record([], results)), mean.found(Record([], results))), (1.0, 0.5))
        pattern = Target("", "writes/*/lu", 1.0, COMPILED, ("numpy",), "largest")
        self.assertEqual(pattern.found(Record([], results)), 0.25)
        results["writes/forward/adi"].entries[COMPILED] = Entry(failure="more than 20 s")
        self.assertEqual((largest.found(Record([], results)), mean.found(Record([], results))), (math.inf, math.inf))
        results["writes/forward/adi"].entries["numpy"] = Entry(failure="more than 20 s")
        self.assertEqual(largest.found(Record([], results)), 0.25)  # whoever cannot do a row is left out of it

    def test_another_row_is_the_base(self) -> None:
        target = Target("", "growth/length/1000", 2.0, OURS, (OURS,), base="growth/length/100")
        self.assertEqual(self.verdict(target), ("missed", 10.0))
        self.assertEqual(self.verdict(replace(target, base="growth/length/1"))[0], "not measured")

    def test_what_was_not_measured_is_not_met(self) -> None:
        self.assertEqual(self.verdict(Target("", "chain/1", 0.5, OURS, ("autograd",)))[0], "not measured")
        self.assertEqual(self.verdict(Target("", "chain/1", 0.5, "mygrad", ("torch",)))[0], "not measured")
        self.assertEqual(self.verdict(Target("", "network/gpt", 0.5, OURS, ("torch",)))[0], "not measured")

    def test_exponents(self) -> None:
        self.assertEqual(fitted([(1, 2.0), (10, 200.0), (100, 20000.0)]), 2.0)
        self.assertTrue(math.isnan(fitted([(1, 2.0)])))
        self.assertEqual(exponent(stored(), "growth/length", OURS, "memory"), 1.0)  # of what is above 2 MB
        self.assertTrue(math.isnan(exponent(stored(), "growth/length", "torch")))


class ReportTest(unittest.TestCase):
    def test_all_blocks_are_written_of_any_record(self) -> None:
        for name, block in BLOCKS.items():
            with self.subTest(name):
                self.assertTrue(all(isinstance(line, str) for line in block(stored())))
                self.assertTrue(all(isinstance(line, str) for line in block(Record())))

    def test_a_table_has_figures_dashes_and_reasons(self) -> None:
        text = "\n".join(BLOCKS["chains"](stored()))
        self.assertIn("| 11.0 us ± 5 % |", text)
        self.assertIn("**20.0 ns** ± 0 %", text)
        self.assertNotIn("no | chains", text)
        self.assertIn("2.50 s", text)  # of the first call, with what was made before it
        record = stored()
        record.rows["chain/100000"] = record.rows["chain/1"]
        record.rows["chain/1"] = Result("other", "s", 0, {OURS: Entry([1.0]), "mygrad": Entry([1.0])})
        text = "\n".join(BLOCKS["chains"](record))
        self.assertIn("– (1)", text)
        self.assertIn("(1) has no \\| chains", text)

    def test_doubtful_rows_are_marked(self) -> None:
        text = "\n".join(BLOCKS["networks"](stored()))
        self.assertIn("LeNet-style CNN, batch 64 ? |", text)
        self.assertIn("of which 1 on a machine that was busy", "\n".join(BLOCKS["machine"](stored())))

    def test_targets_are_said_to_be_met_or_missed(self) -> None:
        text = "\n".join(BLOCKS["targets"](stored()))
        self.assertIn("| chain of scalars, compiled | 0.5 | 0.4 | met |", text)
        self.assertIn("| CNN step, compiled | 0.8 | 0.556 | met |", text)
        self.assertIn("| CNN step's memory, compiled | 1 | 1.09 | **missed** |", text)
        self.assertIn("| not measured |", text)

    def test_pages_are_written_between_markers(self) -> None:
        page = "a\n<!-- measured: machine -->\nold\n<!-- end -->\nb\n<!-- measured: start -->\n<!-- end -->\nc\n"
        new = filled(page, stored())
        self.assertRegex(
            new, r"(?s)^a\n<!-- measured: machine -->\n\nMeasured 2026-01-02.*<!-- end -->\nb\n<!--.*\nc\n$"
        )
        self.assertNotIn("old", new)
        self.assertEqual(filled(new, stored()), new)
        with self.assertRaisesRegex(ValueError, "wants what is measured of 'weather'; there are summary, machine"):
            filled("<!-- measured: weather -->\n<!-- end -->", stored())

    def test_the_pages_of_the_project_have_every_block_once(self) -> None:
        pages = [ROOT / "README.md", ROOT / "docs" / "benchmarks.md"]
        found = [match["name"] for page in pages for match in MARKED.finditer(page.read_text("utf-8"))]
        self.assertEqual(sorted(found), sorted(BLOCKS))

    @unittest.skipIf(importlib.util.find_spec("matplotlib") is None, "needs matplotlib: pip install matplotlib")
    def test_the_command_draws_and_writes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            record, page, charts = (Path(folder) / name for name in ("record.json", "page.md", "charts"))
            stored().save(record)
            page.write_text("<!-- measured: targets -->\n<!-- end -->\n")
            with contextlib.redirect_stdout(io.StringIO()) as out:
                self.assertEqual(report([str(record), "--pages", str(page), "--charts", str(charts)]), 0)
            self.assertIn("**missed**", page.read_text("utf-8"))
            drawn = {path.stem: path.read_text("utf-8") for path in charts.iterdir()}
        self.assertIn("missed", out.getvalue())
        self.assertLessEqual({"overview", "networks", "chain", "memory", "functions", "growth", "start"}, drawn.keys())
        self.assertTrue(all("<svg" in text and len(text) > 2000 for text in drawn.values()))


class CommandTest(unittest.TestCase):
    def run_command(self, *arguments: str) -> tuple[int, str]:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            return command.main(list(arguments)), out.getvalue()

    def test_one_row_of_wengert_alone(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "record.json"
            stored().save(path)
            given = ["--rows", "function/add/1/gradient", "--peers", "none", "--threads", "1", "--quick"]
            status, text = self.run_command(*given, "--output", str(path))
            record, content = Record.load(path), json.loads(path.read_text("utf-8"))
        self.assertEqual(status, 0, text)
        self.assertIn("function/add/1/gradient", text)
        entries = record.rows["function/add/1/gradient"].entries
        self.assertEqual((list(entries), len(entries[OURS].values)), ([OURS], 3))
        self.assertLess(entries[OURS].median, 0.1)
        run = record.runs[record.rows["function/add/1/gradient"].run]
        self.assertEqual((run.threads, list(run.versions), run.machine["numpy"]), (1, [OURS, "numpy"], np.__version__))
        self.assertIn("chain/1", record.rows)  # what was in the file stays
        self.assertEqual(content["format"], 1)

    def test_a_wrong_peer_makes_the_run_fail(self) -> None:
        given = ["--rows", "ode", "--peers", "jax", "--threads", "1", "--quick"]
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.object(measuring, "MODULE", STEPS),
            mock.patch.object(running, "missing", return_value=""),
            mock.patch.object(running, "version", return_value="1"),
        ):
            status, text = self.run_command(*given, "--output", str(Path(folder) / "record.json"))
        self.assertEqual(status, 1)
        self.assertRegex(text, "jax .*WRONG")

    def test_what_was_measured_is_kept_when_a_run_is_cut_off(self) -> None:
        rows, real = chosen(["function/add/1/*"]), Stage.measure
        calls = []

        def cut(stage: Stage, row: Row, peers: list) -> Result:
            calls.append(row.name)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return real(stage, row, peers)

        with tempfile.TemporaryDirectory() as folder, mock.patch.object(Stage, "measure", cut):
            path = Path(folder) / "record.json"
            given = [
                "--rows",
                "function/add/1/*",
                "--peers",
                "none",
                "--threads",
                "1",
                "--quick",
                "--output",
                str(path),
            ]
            with contextlib.redirect_stderr(io.StringIO()) as error:
                status, _ = self.run_command(*given)
            self.assertEqual(list(Record.load(path).rows), [rows[0].name])
        self.assertEqual(status, 130)
        self.assertIn("interrupted; what was measured is in", error.getvalue())

    def test_rows_for_which_there_is_no_time_are_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as error:
            path = Path(folder) / "record.json"
            given = ["--peers", "none", "--threads", "1", "--minutes", "0", "--output", str(path)]
            self.run_command(*given)
            left_out = Record.load(path).runs[0].left_out
        self.assertEqual(list(left_out), [row.name for row in ROWS])
        self.assertIn("the time of the run was up", error.getvalue())

    def test_mistakes_are_named(self) -> None:
        for given, message in (
            (["--rows", "chains"], "no row is called chains"),
            (["--peers", "tensorflow"], "no peer is called tensorflow"),
            (["--threads", "0"], "--threads must be at least 1, but is 0"),
        ):
            with self.subTest(given), contextlib.redirect_stderr(io.StringIO()) as error:
                with self.assertRaises(SystemExit):
                    command.main(given)
                self.assertIn(message, error.getvalue())

    def test_rows_are_listed(self) -> None:
        status, text = self.run_command("--list", "--rows", "chain", "--peers", "jax")
        self.assertEqual((status, text.count("chain/")), (0, 2))


if __name__ == "__main__":
    unittest.main()
