"""Downloads against a server of our own: whole, broken, wrong and missing files."""

import gzip
import hashlib
import io
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from convnets.data import DataError, load, published
from convnets.data.download import CHUNK, RemoteFile, fetch

CONTENT = np.random.default_rng(0).bytes(6 * CHUNK + 123)


def md5(content):
    return hashlib.md5(content).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files` and keeps a log of what was asked and how much was sent.

    Attributes:
        files: content by path.
        breaks: for each coming request, after how many bytes its connection is cut.
        ranges: "honoured", "ignored", or "wrong" (the part sent begins elsewhere).
        log: (path, Range header or None, bytes sent) of each request.
        gate: no request is answered before it is set.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.breaks, self.ranges, self.log = {}, [], "honoured", []
        self.gate = threading.Event()
        self.gate.set()
        self.address = f"http://127.0.0.1:{self.server_port}"

    @property
    def asked(self):
        return [header for _, header, _ in self.log]

    @property
    def bytes_sent(self):
        return sum(sent for _, _, sent in self.log)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.gate.wait(30)
        header = self.headers.get("Range")
        content = self.server.files.get(self.path)
        if content is None:
            self.server.log.append((self.path, header, 0))
            return self.send_error(404)
        start = int(header.removeprefix("bytes=").removesuffix("-")) if header else 0
        start = 0 if self.server.ranges == "ignored" else start
        if start >= len(content):
            self.server.log.append((self.path, header, 0))
            return self.send_error(416)
        start -= 1 if start and self.server.ranges == "wrong" else 0
        limit = self.server.breaks.pop(0) if self.server.breaks else len(content)
        body = content[start:][:limit]
        self.server.log.append((self.path, header, len(body)))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("CONVNETS_DATA", "CONVNETS_MIRROR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def file(server):
    server.files["/set/data.bin"] = CONTENT
    return RemoteFile("set/data.bin", f"{server.address}/set/data.bin", md5(CONTENT))


def names(cache):
    """What lies in the cache, but for locks."""
    return sorted(p.name for p in (cache / "set").iterdir() if p.suffix != ".lock")


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_file_is_downloaded_whole_with_a_progress_bar(server, file, tmp_path, capsys):
    path = fetch(file, tmp_path)
    assert path == tmp_path / "set" / "data.bin"
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == ["data.bin"]
    assert server.bytes_sent == len(CONTENT)
    assert "data.bin: 100%" in capsys.readouterr().out


def test_the_progress_bar_can_be_left_out(file, tmp_path, capsys):
    fetch(file, tmp_path, progress=False)
    assert capsys.readouterr().out == ""


def test_the_second_call_needs_no_network(server, file, tmp_path):
    first = fetch(file, tmp_path)
    server.files.clear()
    assert fetch(file, tmp_path) == first
    assert len(server.log) == 1


def test_the_cache_is_the_argument_or_the_environment(file, tmp_path, monkeypatch):
    monkeypatch.setenv("CONVNETS_DATA", str(tmp_path / "of_environment"))
    assert fetch(file).parent == tmp_path / "of_environment" / "set"
    assert fetch(file, tmp_path / "of_argument").parent == tmp_path / "of_argument" / "set"


def test_a_broken_connection_is_resumed_at_once(server, file, tmp_path):
    server.breaks = [2 * CHUNK, 3 * CHUNK]
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={2 * CHUNK}-", f"bytes={5 * CHUNK}-"]
    assert server.bytes_sent == len(CONTENT)


def test_a_later_call_fetches_only_the_rest(server, file, tmp_path):
    server.breaks = [4 * CHUNK, 0]
    with pytest.raises(DataError, match=r"broke off before the end[\s\S]*0\.1 MB are kept"):
        fetch(file, tmp_path)
    assert names(tmp_path) == ["data.bin.part"]
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.bytes_sent == len(CONTENT)
    assert names(tmp_path) == ["data.bin"]


def leave_part(cache, content):
    (cache / "set").mkdir()
    (cache / "set" / "data.bin.part").write_bytes(content)


def test_half_a_file_in_the_cache_is_completed(server, file, tmp_path):
    leave_part(tmp_path, CONTENT[:1000])
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.bytes_sent == len(CONTENT) - 1000


@pytest.mark.parametrize("ranges", ["ignored", "wrong"])
def test_a_server_that_cannot_resume_makes_it_start_over(server, file, tmp_path, ranges):
    server.ranges = ranges
    leave_part(tmp_path, CONTENT[:1000])
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.asked[0] == "bytes=1000-"


def test_a_part_as_long_as_the_file_makes_it_start_over(server, file, tmp_path):
    leave_part(tmp_path, b"x" * len(CONTENT))
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-", None]


def test_a_damaged_part_makes_it_start_over(server, file, tmp_path):
    leave_part(tmp_path, b"x" * 1000)
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-", None]


def test_a_wrong_checksum_leaves_nothing_behind(server, file, tmp_path):
    server.files["/set/data.bin"] = CONTENT[:-1] + b"!"
    with pytest.raises(DataError, match="wrong checksum"):
        fetch(file, tmp_path)
    assert names(tmp_path) == []
    assert len(server.log) == 1


def test_a_damaged_file_in_the_cache_is_fetched_again(server, file, tmp_path):
    path = fetch(file, tmp_path)
    path.write_bytes(CONTENT[:500])
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert len(server.log) == 2


def test_a_damaged_file_is_not_taken_for_good_without_a_network(server, file, tmp_path):
    fetch(file, tmp_path).write_bytes(CONTENT[:500])
    server.files.clear()
    with pytest.raises(DataError, match="404"):
        fetch(file, tmp_path)


def test_a_missing_file_is_one_error_that_says_what_to_do(server, file, tmp_path):
    server.files.clear()
    with pytest.raises(DataError) as caught:
        fetch(file, tmp_path)
    message = str(caught.value)
    for part in (
        file.url,
        "the server answered 404 Not Found",
        str(tmp_path / "set" / "data.bin"),
        file.md5,
        "CONVNETS_MIRROR",
        'load("textures")',
        'load("glyphs")',
    ):
        assert part in message
    assert "kept" not in message


def test_no_network_is_the_same_error(tmp_path):
    url = f"http://127.0.0.1:{closed_port()}/data.bin"
    with pytest.raises(DataError, match="no connection") as caught:
        fetch(RemoteFile("set/data.bin", url, md5(CONTENT)), tmp_path)
    assert url in str(caught.value)


def test_mirrors_are_tried_in_order_before_the_official_address(server, file, tmp_path):
    server.files["/second/set/data.bin"] = CONTENT
    mirror = f"{server.address}/first {server.address}/second/"
    assert fetch(file, tmp_path, mirror=mirror).read_bytes() == CONTENT
    assert [path for path, _, _ in server.log] == ["/first/set/data.bin", "/second/set/data.bin"]


def test_a_mirror_comes_from_the_environment_and_may_fail(server, file, tmp_path, monkeypatch):
    server.files["/mirror/set/data.bin"] = b"an error page"
    monkeypatch.setenv("CONVNETS_MIRROR", f"{server.address}/mirror")
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert [path for path, _, _ in server.log] == ["/mirror/set/data.bin", "/set/data.bin"]


def test_all_addresses_that_failed_are_named(server, file, tmp_path):
    server.files.clear()
    mirror = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(DataError) as caught:
        fetch(file, tmp_path, mirror=mirror)
    assert f"{mirror}/set/data.bin\n    no connection" in str(caught.value)
    assert f"{file.url}\n    the server answered 404" in str(caught.value)


def test_a_cache_that_cannot_be_written_is_told_with_its_path(server, file, tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot be read or written[\s\S]*CONVNETS_DATA") as caught:
        fetch(file, tmp_path / "taken")
    assert str(tmp_path / "taken" / "set" / "data.bin") in str(caught.value)
    assert server.log == []


def test_a_full_disk_is_told_before_anything_is_written(file, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DataError, match=r"disk is full: 0 MB are needed, 0 MB are free"):
        fetch(file, tmp_path)
    assert names(tmp_path) == []


def test_two_processes_at_once_download_once(server, file, tmp_path):
    program = (
        "import sys; from convnets.data.download import RemoteFile, fetch; "
        "print('ready', flush=True); fetch(RemoteFile(*sys.argv[1:4]), sys.argv[4])"
    )
    command = [sys.executable, "-c", program, file.path, file.url, file.md5, str(tmp_path)]
    server.gate.clear()
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.stdout.readline() for process in both] == ["ready\n", "ready\n"]
    server.gate.set()
    for process in both:
        process.communicate(timeout=60)
    assert [process.returncode for process in both] == [0, 0]
    assert (tmp_path / "set" / "data.bin").read_bytes() == CONTENT
    assert len(server.log) == 1


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def fashion(server, monkeypatch):
    """Two splits in the published format; returns their images and labels."""
    rng = np.random.default_rng(0)
    arrays, files = {}, {}
    for split, n in (("train", 7), ("test", 3)):
        arrays[split] = rng.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n, dtype=np.uint8)
        files[split] = ()
        for kind, array in zip(("images", "labels"), arrays[split], strict=True):
            path = f"fashion_mnist/{split}-{kind}.gz"
            server.files[f"/{path}"] = idx(array)
            files[split] += (RemoteFile(path, f"{server.address}/{path}", md5(idx(array))),)
    monkeypatch.setattr(published, "FASHION_MNIST", files)
    return arrays


@pytest.mark.parametrize("split", ["train", "test"])
def test_fashion_mnist_is_read(fashion, tmp_path, split):
    images, labels = fashion[split]
    data = load("fashion_mnist", split, cache=tmp_path, progress=False)
    np.testing.assert_allclose(data.images[:, 0], images / 255, atol=1e-7)
    np.testing.assert_array_equal(data.labels, labels)
    assert data.images.dtype == np.float32
    assert data.classes[9] == "Ankle boot"


@pytest.fixture
def cifar(server, monkeypatch):
    """The published archive with two images a batch; returns their records by batch."""
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{i}.bin" for i in (3, 1, 2, 5, 4)), "test_batch.bin"]
    records = {name: rng.integers(0, 10, (2, 3073), np.uint8) for name in names}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in [
            ("readme.html", b"<p>"),
            *((n, r.tobytes()) for n, r in records.items()),
        ]:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    path, content = "cifar10/cifar-10-binary.tar.gz", buffer.getvalue()
    server.files[f"/{path}"] = content
    file = RemoteFile(path, f"{server.address}/{path}", md5(content))
    monkeypatch.setattr(published, "CIFAR10", file)
    return records


def test_cifar10_is_read_in_the_order_of_its_batches(cifar, server, tmp_path):
    train = load("cifar10", cache=tmp_path, progress=False)
    records = np.concatenate([cifar[f"data_batch_{i}.bin"] for i in range(1, 6)])
    np.testing.assert_array_equal(train.labels, records[:, 0])
    green = records[:, 1 + 1024 : 1 + 2048].reshape(-1, 32, 32)
    np.testing.assert_allclose(train.images[:, 1], green / 255, atol=1e-7)
    assert train.images.shape == (10, 3, 32, 32)
    test = load("cifar10", "test", cache=tmp_path, progress=False)
    np.testing.assert_array_equal(test.labels, cifar["test_batch.bin"][:, 0])
    assert len(server.log) == 1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\0\0\x08\x01" + (5).to_bytes(4, "big") + b"1234", "holds 4 bytes.* 5 = 5"),
        (b"\0\0\x0d\x01" + (1).to_bytes(4, "big") + b"1234", "no IDX file of bytes"),
        (b"\0\0\x08\x03" + (1).to_bytes(4, "big"), "no IDX file of bytes"),
        (b"<html>", "begins with b'<htm'"),
        (b"", "begins with b''"),
    ],
    ids=["too short", "floats", "half a header", "a page", "nothing"],
)
def test_what_is_no_idx_file_of_bytes_is_refused(raw, message, tmp_path):
    path = tmp_path / "wrong.gz"
    path.write_bytes(gzip.compress(raw))
    with pytest.raises(ValueError, match=rf"wrong\.gz.*{message}"):
        published.read_idx(path)
