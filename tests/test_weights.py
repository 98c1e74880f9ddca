"""Weights in files: exchanged with other frameworks, whole whatever happens, refused where they do not fit."""

import errno
import importlib.util
import itertools
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from wengert.core.variable import Parameter
from wengert.layers.layer import Layer
from wengert.layers.weights import (
    _stem,
    load_weights,
    read_arrays,
    read_metadata,
    read_weights,
    save_weights,
    write_arrays,
)

SAFETENSORS = importlib.util.find_spec("safetensors") is not None
ROOT = Path(__file__).resolve().parent.parent


class Line(Layer):
    """A stand-in for Linear with the layout of PyTorch's, and a buffer."""

    def __init__(self, inputs: int = 3, outputs: int = 2, dtype: Any = np.float32, seen: bool = False) -> None:
        rng = np.random.default_rng(inputs)
        self.weight = Parameter(rng.normal(size=(outputs, inputs)).astype(dtype))
        self.bias = Parameter(rng.normal(size=outputs).astype(dtype))
        if seen:
            self.seen = np.array(5)

    def forward(self, x: Any) -> Any:
        return x @ self.weight.T + self.bias


class Block(Layer):
    """The parts of a block of GPT-2, by its names."""

    def __init__(self, width: int = 4) -> None:
        self.h = [Layer(), Layer()]
        for h in self.h:
            h.attn, h.mlp = Layer(), Layer()
            h.attn.c_attn, h.attn.c_proj = Line(width, 3 * width), Line(width, width)
            h.mlp.c_fc = Line(width, 4 * width)


@unittest.skipUnless(SAFETENSORS, "needs safetensors: pip install wengert[train]")
class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "model.safetensors"

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def assert_same(self, one: Layer, other: Layer) -> None:
        ours, theirs = one.state_dict(), other.state_dict()
        self.assertEqual(list(ours), list(theirs))
        for name, array in ours.items():
            np.testing.assert_array_equal(array, theirs[name], strict=True)


class RoundTripTest(InAFolder):
    def test_everything_comes_back(self) -> None:
        for dtype in (np.float16, np.float32, np.float64):
            theirs, ours = Line(dtype=dtype, seen=True), Line(dtype=dtype, seen=True)
            theirs.weight.data[...] = 7
            theirs.seen[...] = 9
            save_weights(theirs, self.path)
            load_weights(ours, self.path)
            self.assert_same(theirs, ours)
        self.assertEqual(self.names(), ["model.safetensors"])

    def test_each_kind_of_array(self) -> None:
        arrays = {code: np.ones((2, 3), code) for code in ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")}
        arrays |= {code: np.full((2, 3), 1.5, code) for code in ("f2", "f4", "f8", "c8", ">f4", ">i8")}
        arrays |= {"0-d": np.array(2.0), "empty": np.zeros((0, 3)), "transposed": np.arange(6.0).reshape(2, 3).T}
        arrays |= {"strided": np.arange(12.0)[::2], "broadcast": np.broadcast_to(np.float32(1), (2, 2))}
        write_arrays(self.path, arrays, {}, "a test")
        found, metadata = read_arrays(self.path, "a test")
        self.assertEqual(metadata, {})
        self.assertEqual(set(found), set(arrays))
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array.astype(array.dtype.newbyteorder("=")), strict=True)

    def test_what_the_format_cannot_hold(self) -> None:
        for dtype in (np.complex128, np.longdouble, object, "M8[s]"):
            with self.assertRaisesRegex(TypeError, "cannot hold 'a', ndarray of shape .* convert it first"):
                write_arrays(self.path, {"a": np.zeros(2, dtype)}, {}, "a test")
        self.assertEqual(self.names(), [])

    def test_metadata(self) -> None:
        save_weights(Line(), self.path, {"epoch": "3", "von": "Österreich"})
        self.assertEqual(read_metadata(self.path), {"format": "pt", "epoch": "3", "von": "Österreich"})
        with self.assertRaisesRegex(TypeError, r"metadata must be of strings, but got 'epoch': 3; write str\(value\)"):
            save_weights(Line(), self.path, {"epoch": 3})  # type: ignore[dict-item]

    def test_not_a_layer(self) -> None:
        with self.assertRaisesRegex(TypeError, "save_weights takes a Layer, but got dict"):
            save_weights({}, self.path)  # type: ignore[arg-type]
        with self.assertRaisesRegex(TypeError, "load_weights takes a Layer, but got str"):
            load_weights(str(self.path), self.path)  # type: ignore[arg-type]

    def test_loading_does_not_hold_the_file(self) -> None:
        save_weights(Line(), self.path)
        arrays = read_weights(self.path)
        self.path.write_bytes(b"gone")
        np.testing.assert_array_equal(arrays["weight"], Line().weight.data)

    def test_a_link_stays_a_link(self) -> None:
        save_weights(Line(), self.path)
        link = self.folder / "latest.safetensors"
        link.symlink_to(self.path)
        changed = Line()
        changed.bias.data[...] = 0
        save_weights(changed, link)
        self.assertTrue(link.is_symlink())
        np.testing.assert_array_equal(read_weights(self.path)["bias"], 0)

    @unittest.skipUnless(os.name == "posix", "permissions of POSIX")
    def test_permissions_stay(self) -> None:
        save_weights(Line(), self.path)
        mask = os.umask(0)
        os.umask(mask)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o666 & ~mask)
        self.path.chmod(0o640)
        save_weights(Line(), self.path)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    def test_it_says_what_is_missing(self) -> None:
        with (
            mock.patch.dict(sys.modules, {"safetensors": None, "safetensors.numpy": None}),
            self.assertRaisesRegex(ImportError, r"saving weights needs safetensors; .* pip install wengert\[train\]"),
        ):
            save_weights(Line(), self.path)


class OtherFrameworksTest(InAFolder):
    def test_names_by_dict_prefix_and_function(self) -> None:
        save_weights(Line(), self.path)
        for names in ({"weight": "0.weight", "bias": "0.bias"}, lambda name: f"0.{name}"):
            model = Layer()
            vars(model)["0"] = Line()
            model.params()["0.weight"].data[...] = 0
            load_weights(model, self.path, names)
            self.assert_same(vars(model)["0"], Line())
        write_arrays(self.path, {"net.weight": np.ones((2, 3)), "net.bias": np.ones(2), "w": np.ones(1)}, {}, "a test")
        line = Line()
        load_weights(line, self.path, {"net.": "", "w": None})
        np.testing.assert_array_equal(line.weight.data, np.ones((2, 3), np.float32), strict=True)

    def test_bfloat16_without_anybodys_help(self) -> None:
        values = np.array([[1.0, -2.5, 3.140625], [0.0, np.inf, 1e-38]], np.float32)
        upper = (values.view(np.uint32) >> 16).astype(np.uint16)
        header = b'{"weight":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}'
        self.path.write_bytes(len(header).to_bytes(8, "little") + header + upper.tobytes())
        line = Line()
        load_weights(line, self.path, strict=False)
        expected = (upper.astype(np.uint32) << 16).view(np.float32)
        np.testing.assert_array_equal(line.weight.data, expected, strict=True)
        np.testing.assert_array_equal(expected[0], values[0])

    def test_a_dtype_that_numpy_has_not(self) -> None:
        header = b'{"w":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}'
        self.path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x00\x00")
        with self.assertRaisesRegex(ValueError, "'w' in .*model.safetensors is of dtype F8_E4M3, .* to float32 where"):
            read_weights(self.path)

    def test_gpt2_layout(self) -> None:
        ours, expected = Block(), Block()
        for p in ours.params().values():
            p.data[...] = 0
        arrays = {name: a.T if a.ndim == 2 else a for name, a in expected.state_dict().items()}
        arrays["h.0.attn.bias"] = np.ones((1, 1, 8, 8), bool)  # the causal mask, in old files
        write_arrays(self.path, arrays, {}, "a test")

        def names(theirs: str) -> str | None:
            return None if theirs.endswith(".attn.bias") else theirs

        patterns = ["h.*.c_attn.weight", "*.c_proj.weight", "*.c_fc.weight"]
        load_weights(ours, self.path, names, transposed=patterns)
        self.assert_same(ours, expected)
        with self.assertRaisesRegex(ValueError, r"transposed has '\*.wte', but no matrix in .* such a name: h.0.attn"):
            load_weights(ours, self.path, names, transposed="*.wte")

    @unittest.skipIf(importlib.util.find_spec("torch") is None, "needs torch: pip install torch==2.13.0")
    def test_pytorch_reads_ours_and_writes_for_us(self) -> None:
        import safetensors.torch
        import torch

        x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
        theirs: Any = torch.nn.Sequential(torch.nn.Linear(3, 2))
        for dtype, tolerance in ((torch.float32, 1e-6), (torch.float16, 1e-3), (torch.bfloat16, 1e-2)):
            safetensors.torch.save_file(theirs.to(dtype).state_dict(), self.path)
            ours = Line()
            load_weights(ours, self.path, {"0.": ""})
            expected = theirs.float()(torch.from_numpy(x)).detach().numpy()
            np.testing.assert_allclose(ours(x).data, expected, rtol=tolerance, atol=tolerance)
        ours.weight.data[...] = 3
        save_weights(ours, self.path)
        theirs[0].load_state_dict(safetensors.torch.load_file(self.path))
        np.testing.assert_array_equal(theirs[0].weight.detach().numpy(), ours.weight.data)

    @unittest.skipIf(importlib.util.find_spec("torch") is None, "needs torch: pip install torch==2.13.0")
    def test_our_linear_is_pytorchs(self) -> None:
        import safetensors.torch
        import torch

        theirs = torch.nn.Linear(3, 2)
        safetensors.torch.save_file(theirs.state_dict(), self.path)
        ours = wengert.layers.Linear(3, 2)
        load_weights(ours, self.path)
        x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
        np.testing.assert_allclose(ours(x).data, theirs(torch.from_numpy(x)).detach().numpy(), rtol=1e-5, atol=1e-6)


class BadFilesTest(InAFolder):
    def test_every_way_to_be_broken(self) -> None:
        save_weights(Line(), self.path)
        whole = self.path.read_bytes()
        broken = {
            "it is empty": b"",
            r"header too small \(it has 5 bytes\); is it truncated": whole[:5],
            r"\(it has 40 bytes\)": whole[:40],
            r"not fully covered \(it has \d+ bytes\)": whole[:-1],
            "not a complete safetensors file": b"\xff" * 100,
            "Error while deserializing": whole[:8] + b"[" + whole[9:],
            "it looks like a pickle, which is not read": b"PK\x03\x04 as of torch.save",
        }
        line = Line()
        line.weight.data[...] = 5
        for message, content in broken.items():
            self.path.write_bytes(content)
            with self.subTest(message), self.assertRaisesRegex(ValueError, f"model.safetensors.*{message}"):
                load_weights(line, self.path)
        self.path.write_bytes(b"\x80\x04\x95pickle")
        with self.assertRaisesRegex(ValueError, "looks like a pickle"):
            read_weights(self.path)
        np.testing.assert_array_equal(line.weight.data, 5)

    def test_every_truncation_and_every_flipped_header_byte_is_a_clear_error(self) -> None:
        save_weights(Line(), self.path)
        whole = self.path.read_bytes()
        for size in range(len(whole)):
            self.path.write_bytes(whole[:size])
            with self.assertRaisesRegex(ValueError, "model.safetensors is not a complete"):
                read_weights(self.path)
        for place, flip in itertools.product(range(len(whole)), (0x15, 0x01, 0x20)):
            self.path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
            # (Only what cannot be read any more as our note, or as JSON's blanks, may pass.)
            try:
                load_weights(Line(), self.path)
            except ValueError:
                continue
            name = whole.index(b"wengert_crc32")
            noted = name <= place < name + len("wengert_crc32")
            self.assertTrue(noted or whole[place : place + 1] == b" ", whole[place - 9 : place + 9])

    def test_a_flipped_bit_among_the_numbers_or_notes_is_noticed(self) -> None:
        save_weights(Line(), self.path, {"epoch": "3"})
        whole = self.path.read_bytes()
        self.assertEqual(read_metadata(self.path), {"format": "pt", "epoch": "3"})
        for place in (len(whole) - 1, whole.index(b'"3"') + 1):
            self.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with self.assertRaisesRegex(ValueError, r"model.safetensors is damaged: its checksum is \w{8}, but should"):
                load_weights(Line(), self.path)

    def test_a_damaged_name_of_the_checksum_hides_no_other_damage(self) -> None:
        save_weights(Line(), self.path)
        whole = self.path.read_bytes()
        name = whole.index(b"wengert_crc32")
        for place in range(name, name + len("wengert_crc32")):
            damaged = bytearray(whole)
            damaged[place] ^= 1
            damaged[-1] ^= 1
            self.path.write_bytes(damaged)
            with self.assertRaisesRegex(
                ValueError, "model.safetensors is damaged: its metadata has '.*', which should"
            ):
                load_weights(Line(), self.path)

    def test_what_is_larger_than_the_format_allows(self) -> None:
        save_weights(Line(), self.path)
        before = self.path.read_bytes()
        with self.assertRaisesRegex(
            ValueError, "saving weights failed, because the format does not support this: .*header"
        ):
            save_weights(Line(), self.path, {"notes": "x" * 100_000_001})
        self.assertEqual(self.path.read_bytes(), before)

    def test_no_file_and_a_folder(self) -> None:
        with self.assertRaises(FileNotFoundError):
            load_weights(Line(), self.path)
        with self.assertRaises(OSError):
            load_weights(Line(), self.folder)
        with self.assertRaises(FileNotFoundError):
            save_weights(Line(), self.folder / "none" / "model.safetensors")

    def test_of_another_model(self) -> None:
        save_weights(Line(4), self.path)
        line = Line(seen=True)
        before = line.state_dict()
        pattern = r"(?s)does not fit Line:.*seen is missing.*weight has the shape \(2, 3\), but got \(2, 4\)"
        with self.assertRaisesRegex(ValueError, pattern) as caught:
            load_weights(line, self.path)
        self.assertEqual(caught.exception.__notes__, [f"read from {self.path}"])
        np.testing.assert_array_equal(line.bias.data, before["bias"])

    def test_of_no_values_yet(self) -> None:
        lazy = Layer()
        lazy.weight = Parameter(None)
        with self.assertRaisesRegex(ValueError, "no values yet for weight; call it once on data"):
            save_weights(lazy, self.path)
        self.assertEqual(self.names(), [])


class FullDiskTest(InAFolder):
    def test_the_old_file_stays_and_nothing_else(self) -> None:
        save_weights(Line(), self.path)
        before = self.path.read_bytes()
        full = OSError(errno.ENOSPC, "No space left on device")
        for place in ("os.fsync", "os.replace", "os.fchmod"):
            with (
                self.subTest(place),
                mock.patch(f"wengert.layers.weights.{place}", side_effect=full),
                self.assertRaisesRegex(OSError, "No space left"),
            ):
                save_weights(Line(4), self.path)
            self.assertEqual(self.path.read_bytes(), before)
            self.assertEqual(self.names(), ["model.safetensors"])

    def test_control_c_while_writing(self) -> None:
        with (
            mock.patch("wengert.layers.weights.os.fsync", side_effect=KeyboardInterrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            save_weights(Line(), self.path)
        self.assertEqual(self.names(), [])

    @unittest.skipIf(importlib.util.find_spec("resource") is None, "limits of POSIX")
    def test_a_real_limit_on_the_size_of_files(self) -> None:
        save_weights(Line(), self.path)
        before = self.path.read_bytes()
        script = f"""
            import resource
            from tests.test_weights import Line
            from wengert.layers.weights import save_weights
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
            try:
                save_weights(Line(1000, 1000), {str(self.path)!r})
            except OSError as error:
                print(error)
        """
        run = python(script)
        output, errors = run.communicate(timeout=60)
        self.assertIn("File too large", output, errors)
        self.assertEqual(self.path.read_bytes(), before)
        self.assertEqual(self.names(), ["model.safetensors"])


@unittest.skipUnless(os.name == "posix", "signals of POSIX")
class KillTest(InAFolder):
    def test_killed_at_any_moment_it_leaves_a_whole_file(self) -> None:
        script = f"""
            import itertools
            from tests.test_weights import Line
            from wengert.layers.weights import save_weights
            line = Line(300, 300)
            for number in itertools.count():
                for p in line.params().values():
                    p.data[...] = number
                save_weights(line, {str(self.path)!r})
                if number == 2:
                    print("started", flush=True)
        """
        parts = 0
        for _ in range(int(os.environ.get("WENGERT_KILLS", 5))):
            run = python(script)
            self.assertEqual(run.stdout.readline(), "started\n")
            time.sleep(random.uniform(0, 0.03))
            run.kill()
            run.communicate()
            arrays = read_weights(self.path)
            numbers = np.concatenate([arrays["weight"].ravel(), arrays["bias"]])
            self.assertEqual(numbers.size, 300 * 301)
            self.assertGreaterEqual(numbers[0], 2)
            np.testing.assert_array_equal(numbers, numbers[0])
            left = [name for name in self.names() if name != "model.safetensors"]
            self.assertLessEqual(len(left), 1, "each save removes what a killed one has left")
            parts += len(left)
        save_weights(Line(), self.path)
        self.assertEqual(self.names(), ["model.safetensors"])

    def test_what_a_living_process_writes_is_left_alone(self) -> None:
        save_weights(Line(), self.path)
        other = self.folder / f"{_stem(self.path)}{os.getppid()}-12.part"
        foreign = self.folder / f"{_stem(self.path)}notes.part"
        other.touch()
        foreign.touch()
        save_weights(Line(), self.path)
        self.assertTrue(other.exists())
        self.assertTrue(foreign.exists())


def python(script: str) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )


if __name__ == "__main__":
    unittest.main()
