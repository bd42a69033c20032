"""Where Bubblewrap is installed and not allowed, it is said in plain words what to do."""

import os
import shutil
import subprocess
import sys

import pytest

from coursekit import sandbox
from coursekit.sandbox import SandboxUnavailable, Warm, bubblewrap, trial

# What Bubblewrap 0.8 and 0.9 say in a container, where namespaces are used up, as root without the
# right to mount, and on Ubuntu 24.04.
FORBIDDEN = [
    "No permissions to create new namespace, likely because the kernel does not allow them.",
    "Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded",
    "Creating new namespace failed: Operation not permitted",
    "setting up uid map: Permission denied",
    "loopback: Failed RTM_NEWADDR: Operation not permitted",
]


def program(folder, text):
    """A bwrap that comes before the real one."""
    path = folder / "bin" / "bwrap"
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(0o755)
    return f"{path.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def refusing(tmp_path, monkeypatch):
    """Puts a bwrap first that says something and ends."""

    def put(said):
        text = f"#!/bin/sh\necho 'bwrap: {said}' >&2\nexit 1\n"
        monkeypatch.setenv("PATH", program(tmp_path, text))

    return put


@pytest.fixture
def masked(warm, tmp_path, monkeypatch):
    """Puts a bwrap first that starts, and hides a part of /proc as Docker does."""
    real = shutil.which("bwrap")
    text = f"""#!{sys.executable}
import os, sys
words = sys.argv[1:]
after = words.index("/proc") + 2
words[after:after] = ["--tmpfs", "/proc/tty"]
os.execv({real!r}, ["bwrap", *words])
"""
    monkeypatch.setenv("PATH", program(tmp_path, text))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings of a system that is no container, to write to."""
    folder = tmp_path / "sys"
    monkeypatch.setattr(bubblewrap, "_SYSTEM", folder)
    monkeypatch.setattr(bubblewrap, "_CONTAINER", ())

    def put(key, value):
        path = folder / key.replace(".", "/")
        path.parent.mkdir(parents=True)
        path.write_text(f"{value}\n")

    return put


def test_where_rooms_can_be_made_there_is_nothing_to_say(warm):
    assert sandbox.unavailable() == ""


def test_it_is_found_out_without_any_package(warm):
    # The interpreter behind that of the environment, without its site-packages.
    command = [os.path.realpath(sys.executable), "-S", "-P", trial.__file__]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_without_bubblewrap_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt install bubblewrap" in sandbox.unavailable()


@pytest.mark.parametrize("said", FORBIDDEN)
def test_a_system_that_forbids_namespaces_is_told_in_one_line(refusing, said):
    refusing(said)
    reason = sandbox.unavailable()
    assert reason.startswith("The sandbox cannot start: this system forbids user namespaces")
    assert "\n" not in reason
    with pytest.raises(SandboxUnavailable) as raised, Warm():
        pass
    assert str(raised.value) == reason


def test_a_container_that_allows_bubblewrap_but_no_room_is_told_before_anything_is_graded(masked):
    expected = "(?s)cannot start.*makes no room.*Operation not permitted: '/proc'"
    with pytest.raises(SandboxUnavailable, match=expected), Warm():
        pass
    assert "makes no room" in sandbox.unavailable()


def test_another_failure_is_shown_as_it_is(refusing):
    refusing("Unknown option --perms")
    assert sandbox.unavailable() == "The sandbox does not start.\nbwrap: Unknown option --perms"


def test_a_bubblewrap_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", program(tmp_path, "#!/bin/sh\nexec sleep 60\n"))
    monkeypatch.setattr(trial, "SECONDS", 0.1)
    assert sandbox.unavailable().endswith("no answer within 0.1 seconds")


@pytest.mark.parametrize(
    ("key", "forbids", "allow"),
    [
        ("user.max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"),
        ("kernel.unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_the_setting_that_forbids_namespaces_is_named(settings, key, forbids, allow):
    settings(key, forbids)
    assert allow in bubblewrap.refused(f"bwrap: {FORBIDDEN[0]}")


def test_a_setting_that_allows_them_is_not_blamed(settings):
    settings("user.max_user_namespaces", "96365")
    reason = bubblewrap.refused(f"bwrap: {FORBIDDEN[0]}")
    assert "sysctl" not in reason
    assert "virtual machine" in reason


def test_in_a_container_it_says_how_to_start_that(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(bubblewrap, "_CONTAINER", (tmp_path,))
    settings("user.max_user_namespaces", "0")
    reason = bubblewrap.refused(f"bwrap: {FORBIDDEN[1]}")
    assert "on the machine that runs this container" in reason
    assert "`--privileged`" in reason


def test_a_font_cache_that_may_not_be_read_is_left_out(monkeypatch):
    class Closed:
        def glob(self, pattern):
            raise PermissionError(pattern)

    monkeypatch.setattr(bubblewrap, "fonts_folder", Closed)
    assert not [word for word in bubblewrap.command("") if "fontlist" in word]
