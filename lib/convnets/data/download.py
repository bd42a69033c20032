"""Files from the network, kept in a cache: checked, resumed where they broke off, moved in whole.

`pooch` checks the sum and moves the file into place. What it lacks is resuming: that is
`ResumingDownloader`, which collects the bytes in a `.part` file beside the target.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 14  # bytes; a break loses no more than this
OFFLINE = 'Without a network use load("digits"), load("textures") or load("glyphs").'


class DataError(RuntimeError):
    """A data set could not be had. The message says where it was sought and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        path: where it lies below the cache folder, and below a mirror's address.
        url: its official address.
        md5: its published checksum.
    """

    path: str
    url: str
    md5: str


def cache_folder(cache: str | os.PathLike | None = None) -> Path:
    """Where downloads are kept: `cache`, else $CONVNETS_DATA, else the user's cache folder.

    >>> cache_folder("data").as_posix()
    'data'
    """
    import pooch

    chosen = cache or os.environ.get("CONVNETS_DATA") or pooch.os_cache("convnets")
    return Path(chosen).expanduser()


def addresses(file: RemoteFile, mirror: str | None = None) -> list[str]:
    """Where to look for `file`: the mirrors in their order, then the official address.

    Args:
        file: what is sought.
        mirror: base addresses separated by spaces, by default $CONVNETS_MIRROR. A mirror is laid
            out like the cache, so that a cache folder served over HTTP is one.

    >>> file = RemoteFile("cifar10/a.tar.gz", "https://example.org/a.tar.gz", md5="0" * 32)
    >>> addresses(file, mirror="http://10.0.0.1:8000/")
    ['http://10.0.0.1:8000/cifar10/a.tar.gz', 'https://example.org/a.tar.gz']
    """
    mirrors = os.environ.get("CONVNETS_MIRROR", "") if mirror is None else mirror
    return [f"{base.rstrip('/')}/{file.path}" for base in mirrors.split()] + [file.url]


def fetch(
    file: RemoteFile,
    cache: str | os.PathLike | None = None,
    mirror: str | None = None,
    progress: bool = True,
) -> Path:
    """The path of a good copy of `file`, downloaded unless the cache holds one.

    The checksum is verified every time, so a damaged copy is fetched again. Several processes may
    ask at once: one downloads, the others wait for it.

    Args:
        file: what is wanted.
        cache: see `cache_folder`.
        mirror: see `addresses`.
        progress: show a progress bar while downloading.
    Raises:
        DataError: no address delivers the file, or the cache cannot be read or written.
    """
    from filelock import FileLock

    path = cache_folder(cache) / file.path
    try:
        if not _is_good(path, file.md5):
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"):
                _download(file, path, addresses(file, mirror), progress)
    except OSError as error:
        raise DataError(_cache_trouble(path, error)) from error
    return path


def _is_good(path: Path, md5: str) -> bool:
    import pooch

    return path.exists() and pooch.file_hash(str(path), alg="md5") == md5


def _download(file: RemoteFile, path: Path, urls: list[str], progress: bool) -> None:
    from requests import RequestException

    failures = []
    for url in urls:
        try:
            return _retrieve(url, file.md5, path, progress)
        except (RequestException, ValueError) as error:
            failures.append(f"  {url}\n    {_reason(error)}")
    raise DataError(_no_source(file, path, failures))


def _retrieve(url: str, md5: str, path: Path, progress: bool) -> None:
    import pooch
    from requests import RequestException

    downloader = ResumingDownloader(path.with_name(path.name + ".part"), progress)
    resumes = _size(downloader.part) > 0

    def attempt():
        pooch.retrieve(url, f"md5:{md5}", path.name, path.parent, downloader=downloader)

    try:
        attempt()
    except RequestException:
        raise
    except ValueError:  # the wrong checksum
        if not resumes:
            raise
        attempt()  # what lay there may have been damaged or from another version: start over


class ResumingDownloader:
    """A downloader for pooch that goes on where an earlier attempt broke off.

    Args:
        part: where the bytes are collected. It outlives a failure; when complete it is moved to the
            file that pooch asks for, so that no bytes are taken over twice.
        progress: show a progress bar.
    """

    def __init__(self, part: Path, progress: bool = True):
        self.part = part
        self.progress = progress

    def __call__(self, url: str, output_file: str, pooch) -> None:
        """Download `url` to `output_file`; a broken connection is resumed while bytes arrive."""
        from requests.exceptions import ChunkedEncodingError, ConnectionError, Timeout

        arrived = _size(self.part)
        while True:
            try:
                self._receive(url)
                break
            except (ChunkedEncodingError, ConnectionError, Timeout):
                before, arrived = arrived, _size(self.part)
                if arrived <= before:
                    raise
        os.replace(self.part, output_file)

    def _receive(self, url: str) -> None:
        from tqdm import tqdm

        with self._request(url) as response:
            start = _size(self.part) if response.status_code == 206 else 0
            total = _length(response, start)
            _check_space(self.part.parent, 0 if total is None else total - start)
            bar = tqdm(
                desc=self.part.stem,
                initial=start,
                total=total,
                unit="B",
                unit_scale=True,
                disable=not self.progress,
                file=sys.stdout,
            )
            with bar, open(self.part, "ab" if start else "wb") as out:
                for chunk in response.iter_content(CHUNK):
                    out.write(chunk)
                    bar.update(len(chunk))

    def _request(self, url: str):
        """The response to a request for the missing bytes, or for all where that fails."""
        start = _size(self.part)
        response = _get(url, {"Range": f"bytes={start}-"} if start else {})
        continues = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if response.status_code == 416 or (response.status_code == 206 and not continues):
            response.close()
            self.part.unlink()
            response = _get(url, {})
        try:
            response.raise_for_status()
        except BaseException:
            response.close()
            raise
        return response


def _get(url: str, headers: dict[str, str]):
    import requests

    # "identity": the bytes on the wire are then the bytes of the file, which Range counts.
    headers = {"Accept-Encoding": "identity", **headers}
    return requests.get(url, headers=headers, stream=True, timeout=(10, 60))


def _length(response, start: int) -> int | None:
    """Size of the whole file in bytes, where the server tells."""
    rest = response.headers.get("Content-Length")
    return None if rest is None else start + int(rest)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC, f"{needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free"
        )


def _reason(error: Exception) -> str:
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError):
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "the connection broke off before the end"
    if isinstance(error, exceptions.ConnectionError):
        return f"no connection ({type(error).__name__}: {error})"
    if isinstance(error, exceptions.RequestException):
        return str(error)
    return "the file has the wrong checksum: damaged on the way, or not the published file"


def _no_source(file: RemoteFile, path: Path, failures: list[str]) -> str:
    part = path.with_name(path.name + ".part")
    kept = (
        f" {_size(part) / 1e6:.1f} MB are kept and will not be fetched again."
        if _size(part)
        else ""
    )
    return (
        f"could not download {path.name}:\n"
        + "\n".join(failures)
        + f"\nRun the same line again once the network works.{kept}"
        f"\nOr put the file there by hand: {path} (md5 {file.md5})."
        "\nOr name a mirror in the environment variable CONVNETS_MIRROR."
        f"\n{OFFLINE}"
    )


def _cache_trouble(path: Path, error: OSError) -> str:
    full = error.errno == errno.ENOSPC
    what = "the disk is full" if full else "the cache cannot be read or written"
    return (
        f"{what}: {error.strerror or error}\n  {path}\n"
        f"{'Free some space' if full else 'Make that folder yours to write'}, or choose another "
        "place with cache=… or the environment variable CONVNETS_DATA.\n"
        f"{OFFLINE}"
    )
