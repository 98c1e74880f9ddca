"""Downloads: resumed, verified by checksum, and renamed when complete."""

import contextlib
import hashlib
import http.client
import importlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from wengert.checks import options
from wengert.datasets.file_lock import only_one
from wengert.datasets.shared_folder import open_file, open_own_file, remove_foreign

__all__ = ["cache_folder", "download"]

BLOCK = 1 << 18
ATTEMPTS = 3  # consecutive requests of a URL, as long as each makes progress
AGENT = {"User-Agent": "wengert", "Accept-Encoding": "identity"}


class Unavailable(Exception):
    """A URL failed."""


class Broken(Unavailable):
    """A URL sent a part of the file; another request may send the rest."""


def cache_folder() -> Path:
    """Return the folder of downloads: ``WENGERT_DATA``, or the system's cache folder.

    That is ``~/.cache/wengert`` (or in ``XDG_CACHE_HOME``), ``~/Library/Caches/wengert`` on macOS, and
    ``%LOCALAPPDATA%\\wengert`` on Windows.

    Examples
    --------
    >>> import os
    >>> before = os.environ.get("WENGERT_DATA")
    >>> os.environ["WENGERT_DATA"] = "data"
    >>> cache_folder().as_posix()
    'data'
    >>> _ = os.environ.pop("WENGERT_DATA") if before is None else os.environ.update(WENGERT_DATA=before)
    """
    if chosen := os.environ.get("WENGERT_DATA"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        root = "~/Library/Caches"
    else:
        root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "wengert"


def download(
    urls: str | Sequence[str],
    folder: str | os.PathLike[str] | None = None,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    name: str | None = None,
    timeout: float = 30.0,
    progress: bool = True,
) -> Path:
    """Return the path of a file; download it if it is missing.

    The file gets its name when it is complete and its checksum is right; until then it is a ``.part`` file beside it,
    which the next call resumes. If several processes need the same file, one downloads it, and the others wait.

    Parameters
    ----------
    urls : str or sequence of str
        The URLs of the file (``http`` or ``https``); the next is tried when one fails.
    folder : path, optional
        By default `cache_folder`.
    sha256, md5 : str, optional
        The checksum, in hexadecimal digits. Without one, only the length that the server announced is checked.
    name : str, optional
        The name of the file; by default, the last part of the first URL.
    timeout : float
        Seconds without an answer after which a URL has failed.
    progress : bool
        Show a bar on a terminal, if tqdm is installed.

    Raises
    ------
    ConnectionError
        If all URLs fail. The message says where to put the file by hand.
    ValueError
        If the checksum is wrong: of the existing file, or of all downloads.

    Examples
    --------
    >>> download("https://example.org/text.txt", "data", sha256="86c4e6...")  # doctest: +SKIP
    PosixPath('data/text.txt')
    """
    if not isinstance(urls, (str, tuple, list)):
        raise TypeError(f"urls of download must be a URL, or a list of URLs, but got {options.received(urls)}")
    timeout = options.real(timeout, "timeout", "download", above=0, most=1e6)
    progress = options.flag(progress, "progress", "download")
    addresses = [urls] if isinstance(urls, str) else list(urls)
    for url in addresses:
        if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")) or not _splits(url):
            raise ValueError(f"download takes URLs that begin with http:// or https://, but got {url!r}")
    if not addresses:
        raise ValueError("download takes one or more URLs, but got none")
    checksum = Checksum(sha256, md5)
    name = unquote(urlsplit(addresses[0]).path).rpartition("/")[2] if name is None else name
    if not isinstance(name, str) or not name or name in (".", "..") or set(name) & set('/\\:*?"<>|\0'):
        raise ValueError(f"download takes the name of a file, but got {name!r}; give name=")
    directory = cache_folder() if folder is None else Path(options.path(folder, "folder", "download"))
    path = directory / name
    if not path.exists():
        try:
            make_folder(directory)
        except OSError as error:
            error.add_note("the folder for downloads is chosen by folder=, or by the environment variable WENGERT_DATA")
            raise
        with only_one(path.with_name(name + ".lock")):
            if not path.exists():  # else another process has downloaded it
                _fetch(addresses, path, checksum, timeout, progress)
                return path
    if not path.is_file():
        raise ValueError(f"{path} is not a file; remove it to download it")
    found = checksum.of(path)
    if found != checksum.expected:
        raise ValueError(
            f"{path} is not the expected file: its {checksum.kind} is {found}, but should be {checksum.expected}; "
            f"delete it to download it again"
        )
    return path


def make_folder(directory: Path) -> None:
    """Make a folder and its parents; the default cache folder is private to this user, as it also holds code."""
    private = [] if os.environ.get("WENGERT_DATA") else [cache_folder(), cache_folder().parent]
    for folder in reversed([directory, *directory.parents]):
        folder.mkdir(0o700 if folder in private else 0o777, exist_ok=True)


def _splits(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


class Checksum:
    """The expected checksum of a file."""

    def __init__(self, sha256: str | None, md5: str | None) -> None:
        if sha256 is not None and md5 is not None:
            raise ValueError("download takes sha256 or md5, not both")
        self.kind = "md5" if md5 is not None else "sha256"
        given = md5 if md5 is not None else sha256
        digits = 32 if md5 is not None else 64
        if not isinstance(given, (str, type(None))):
            raise TypeError(f"{self.kind} has {digits} hexadecimal digits, but got {options.received(given)}")
        if given is not None and (len(given) != digits or set(given.lower()) - set("0123456789abcdef")):
            raise ValueError(f"{self.kind} has {digits} hexadecimal digits, but got {given!r}")
        self.expected = None if given is None else given.lower()

    def of(self, path: Path) -> str | None:
        """Return the checksum of a file; None if none is expected."""
        if self.expected is None:
            return None
        with open_file(path) as file:
            # (usedforsecurity=False: it guards against damage only, so md5 is allowed in FIPS mode)
            return hashlib.file_digest(file, lambda: hashlib.new(self.kind, usedforsecurity=False)).hexdigest()


def _fetch(addresses: list[str], path: Path, checksum: Checksum, timeout: float, progress: bool) -> None:
    """Download to a part file from the first URL that works, and rename."""
    part = path.with_name(path.name + ".part")
    remove_foreign(part)
    failures: list[str] = []
    wrong: list[str] = []
    for url in addresses:
        if checksum.expected is None and failures:
            part.unlink(missing_ok=True)  # without a checksum, two halves of different files would go unnoticed
        resumed = part.exists()
        try:
            _fetch_from(url, part, timeout, progress)
            if (found := checksum.of(part)) != checksum.expected and resumed:
                part.unlink()  # the part file may have been of another file
                _fetch_from(url, part, timeout, progress)
                found = checksum.of(part)
        except Unavailable as error:
            failures.append(f"  {url}: {error}")
            continue
        if found == checksum.expected:
            with open_own_file(part) as file:
                os.fsync(file.fileno())
            os.replace(part, path)
            return
        part.unlink()
        failures.append(f"  {url}: its {checksum.kind} is {found}, but should be {checksum.expected}")
        wrong.append(url)
    message = (
        f"{path.name} could not be downloaded:\n" + "\n".join(failures) + f"\nWithout a network: get the file from any "
        f"of these URLs elsewhere, put it into {path.parent.absolute()} as {path.name}, and run this again. "
        f"(For another folder set the environment variable WENGERT_DATA.)"
    )
    if len(wrong) == len(addresses):
        raise ValueError(message)
    raise ConnectionError(message)


def _fetch_from(url: str, part: Path, timeout: float, progress: bool) -> None:
    """Complete a part file from one URL; retry where the connection breaks."""
    for attempt in range(ATTEMPTS):
        before = part.stat().st_size if part.exists() else 0
        try:
            _request(url, part, before, timeout, progress)
            return
        except Broken:
            if attempt == ATTEMPTS - 1 or part.stat().st_size <= before:
                raise


def _request(url: str, part: Path, have: int, timeout: float, progress: bool) -> None:
    """Request the missing part of a file, once, and append it."""
    request = urllib.request.Request(url, headers=AGENT | ({"Range": f"bytes={have}-"} if have else {}))
    with _failing(Unavailable):
        try:
            response = urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 416 or not have:
                    raise Unavailable(f"HTTP {error.code} {error.reason}") from None
            if error.headers.get("Content-Range") == f"bytes */{have}":
                return  # the part file was complete
            part.unlink()
            return _request(url, part, 0, timeout, progress)
    with response, open_own_file(part) as file:
        start, whole = _announced(response)
        if start != have:  # the server ignored the range: most often, it sends the file from the start
            if start:
                raise Unavailable(f"the server was asked for the file from byte {have}, but sent it from {start}")
            file.truncate(0)
            have = 0
        for block in _blocks(response, part.name, have, whole, progress):
            file.write(block)  # (a full disk is not a failure of the URL)
            have += len(block)
        if whole is not None and have != whole:
            raise Broken(f"the connection broke after {have} of {whole} bytes")


def _announced(response: Any) -> tuple[int, int | None]:
    """Return the byte at which a response begins, and the length of the whole file if known."""
    length = response.headers.get("Content-Length")
    if response.status != 206:
        return 0, int(length) if length and length.isdecimal() else None
    unit, _, rest = (response.headers.get("Content-Range") or "").partition(" ")
    first, _, whole = rest.partition("/")
    start = first.partition("-")[0]
    if unit != "bytes" or not start.isdecimal():
        raise Unavailable("the server sent a part of the file, but did not say which")
    return int(start), int(whole) if whole.isdecimal() else None


def _blocks(response: Any, name: str, have: int, whole: int | None, progress: bool) -> Iterator[bytes]:
    bar = _bar(name.removesuffix(".part"), have, whole) if progress else None
    try:
        while True:
            with _failing(Broken):
                block = response.read(BLOCK)
            if not block:
                return
            yield block
            if bar is not None:
                bar.update(len(block))
    finally:
        if bar is not None:
            bar.close()


def _bar(name: str, have: int, whole: int | None) -> Any:
    """Return a progress bar, or None without tqdm; it is silent outside of a terminal."""
    try:
        tqdm = importlib.import_module("tqdm")
    except ImportError:
        return None
    return tqdm.tqdm(desc=name, initial=have, total=whole, unit="B", unit_scale=True, disable=None, leave=False)


@contextlib.contextmanager
def _failing(kind: type[Unavailable]) -> Iterator[None]:
    """Convert network errors to one exception class."""
    try:
        yield
    except urllib.error.URLError as error:
        raise kind(f"no connection: {error.reason}") from error
    except http.client.IncompleteRead as error:
        raise kind(f"the connection broke: {len(error.partial)} bytes were lost") from error
    except TimeoutError as error:
        raise kind("no answer in time") from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # (the last: a URL with non-ASCII characters)
        raise kind(f"the connection failed: {error or type(error).__name__}") from error
