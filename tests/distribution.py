"""Whether what `make dist` made can be released: ``python -m tests.distribution dist``.

Looks into the wheel and the source archive, installs the wheel into an empty environment, beside NumPy alone, and runs
programs there.
"""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

__all__ = ["check_source_archive", "check_wheel"]

LARGEST_WHEEL, LARGEST_SOURCE = 1_500_000, 4_000_000  # bytes, compressed
PROGRAMS = (
    # the first lines of README.md, in short
    "import numpy as np; from wengert import Variable; x = Variable(np.array(0.5)); y = np.exp(x ** 2) ** 2; "
    "y.backward(); assert abs(x.grad - 3.297442541400256) < 1e-12",
    "import numpy as np, wengert; assert wengert.grad(wengert.grad(np.sin))(0.0) == 0",
    "import numpy as np, wengert; y = np.sin(wengert.Variable(np.ones(2))); "
    "assert 'svg' in wengert.draw(y)._repr_mimebundle_()['image/svg+xml']",
    # without an extra: the error names it
    "import sys, wengert\ntry: wengert.compile(lambda x: x)\n"
    "except ImportError as error: assert 'wengert[compile]' in str(error)",
)


def fail(text: str) -> None:
    raise SystemExit(f"dist-check: {text}")


def check_wheel(wheel: Path) -> str:
    """Look into a wheel and return the version of its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        fields = email.message_from_bytes(archive.read(metadata))
    outside = [n for n in names if not n.startswith(("wengert/", metadata.rpartition("/")[0]))]
    if outside:
        fail(f"the wheel must hold wengert/ alone, but holds {outside[:5]}")
    unwanted = [n for n in names if "__pycache__" in n or n.endswith((".pyc", ".so", ".orig"))]
    if unwanted:
        fail(f"the wheel must hold sources alone, but holds {unwanted[:5]}")
    package = Path(__file__).resolve().parent.parent / "wengert"
    data = {p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    lacking = sorted({p.relative_to(package.parent).as_posix() for p in data} - set(names))
    if lacking:
        fail(f"the wheel lacks {lacking[:5]}")
    if wheel.stat().st_size > LARGEST_WHEEL:
        fail(f"the wheel must be at most {LARGEST_WHEEL:,} bytes, but is {wheel.stat().st_size:,}")
    for field in ("Name", "Version", "Summary", "License-Expression", "Requires-Python", "Description-Content-Type"):
        if not fields[field]:
            fail(f"the metadata lacks {field}")
    needed = [line for line in fields.get_all("Requires-Dist") or [] if "extra ==" not in line]
    if [line.split(">")[0].strip() for line in needed] != ["numpy"]:
        fail(f"wengert must need NumPy alone, but needs {needed}")
    return str(fields["Version"])


def check_source_archive(source: Path) -> None:
    """Look into a source archive."""
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md", "Makefile", "wengert/__init__.py"):
        if name not in names:
            fail(f"the source archive lacks {name}")
    for folder in ("tests/", "examples/", "benchmarks/", "docs/"):
        if not any(name.startswith(folder) for name in names):
            fail(f"the source archive lacks {folder}")
    if source.stat().st_size > LARGEST_SOURCE:
        fail(f"the source archive must be at most {LARGEST_SOURCE:,} bytes, but is {source.stat().st_size:,}")


def run_in_empty_environment(wheel: Path, version: str) -> str:
    """Install a wheel into an environment of its own, run programs there, and return NumPy's version."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = next(p for p in (Path(folder, "bin", "python"), Path(folder, "Scripts", "python.exe")) if p.exists())

        def run(*command: str) -> str:
            found = subprocess.run([str(python), *command], cwd=folder, capture_output=True, text=True, check=False)
            if found.returncode:
                fail(f"{' '.join(command)} failed:\n{found.stderr}")
            return found.stdout.strip()

        run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel.resolve()))
        if run("-c", "import wengert; print(wengert.__version__)") != version:
            fail(f"the installed version must be {version}")
        for program in PROGRAMS:
            run("-W", "error", "-c", program)
        return run("-c", "import numpy; print(numpy.__version__)")


def main() -> None:
    folder = Path(sys.argv[1])
    wheels, sources = list(folder.glob("*.whl")), list(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sources) != 1:
        fail(f"{folder} must hold one wheel and one source archive, but holds {len(wheels)} and {len(sources)}")
    version = check_wheel(wheels[0])
    check_source_archive(sources[0])
    numpy = run_in_empty_environment(wheels[0], version)
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.2f} MB" for path in (wheels[0], sources[0]))
    print(f"{sizes}: installed beside NumPy {numpy}, and runs")


if __name__ == "__main__":
    main()
