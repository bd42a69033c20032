"""A room that speaks the protocol itself, and means no good, brings down nothing but itself."""

import socket
import struct
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.checks.findings import NotAllowed
from coursekit.sandbox import Limits, Proxy, Room, RoomDied, RoomError, RoomTimeout, WireError
from coursekit.sandbox.wire import Handle, Writer

LIMITS = Limits(call_seconds=0.3, cell_seconds=0.3, message=2**20, output=2**10)
REPORT = {"types": ["ValueError", "Exception"], "message": "no", "traceback": "", "line": ""}


class Impostor:
    """The other end of a room's wire."""

    def __enter__(self):
        self.end, judge_end = socket.socketpair()
        self.leash, judge_leash = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.room = Room(judge_end, judge_leash, LIMITS, float("inf"), lambda name, allow: [])
        self.proxy = Proxy(self.room, 0, "function", "f")
        return self

    def __exit__(self, *error):
        self.room.close()
        self.end.close()
        self.leash.close()

    def guarded(self):
        """A function that may not call everything."""
        self.proxy.__allow__(("numpy",))
        return self.proxy

    def say(self, *replies):
        """Put replies on the wire, before anything is asked."""
        for reply in replies:
            raw = reply if isinstance(reply, bytes) else Writer(handle_of).message(reply)
            self.end.sendall(struct.pack("<Q", len(raw)) + raw)


def handle_of(value):
    """Anything else goes as a handle."""
    return value if isinstance(value, Handle) else Handle(0, "object")


def ask_all(impostor):
    """Every kind of request, as the judge makes it."""
    yield lambda: impostor.room.run_cell("1")
    yield lambda: impostor.room.look_up(["f"])
    yield lambda: impostor.proxy(np.ones(2), [1], key={"a": 1})
    yield lambda: impostor.proxy.attribute
    yield lambda: impostor.proxy.__foreign__(("numpy",))
    yield lambda: impostor.guarded()(np.ones(2), [1])


REQUESTS = range(6)


def outcome(raw, request):
    """What comes of a request that is answered by `raw`; an exception is an outcome."""
    with Impostor() as impostor:
        impostor.say(raw)
        impostor.end.shutdown(socket.SHUT_WR)
        impostor.leash.send(b"it ended.")
        try:
            return list(ask_all(impostor))[request]()
        except Exception as error:
            return error


NONSENSE = [
    None,
    (),
    ("value",),
    ("error", "no report", [], "", []),
    ("error", {"types": "ValueError"}, [], "", []),
    ("error", REPORT | {"message": 3}, [], "", []),
    ("ran", "no list", None),
    ("ran", [{"type": "stream", "name": "file", "text": "x"}], None),
    ("ran", [{"type": "display_data", "data": {"text/html": "<script>"}}], None),
    ("ran", [{"type": "display_data", "data": {"image/png": b"<script>"}}], None),
    ("ran", [{"type": "display_data", "data": {("a", "b"): "x"}}], None),
    ("ran", [{"type": "error", "name": "E", "value": "", "traceback": [1]}], None),
    ("ran", [{"type": "stream", "name": "stdout", "text": ""}] * 1100, None),
    ("value", 1, [(7, 2)], "", []),
    ("value", 1, [(0, [1])], "", []),
    ("value", 1, [(0, np.ones(3, np.int8))], "", []),
    ("value", 1, [(1, {})], "", []),
    ("value", 1, [], "", ["a warning"]),
    ("value", 1, [], 3, []),
    ("refused", "torch.relu", [], "", []),
    ("callback", 0, (), {}),
    ("callback", -1, (), {}),
    ("callback", "eval", (), {}),
    b"",
    b"\x00" * 100,
    b"l" + b"\xff" * 8,
]


@pytest.mark.parametrize("reply", NONSENSE, ids=lambda reply: repr(reply)[:60])
def test_a_reply_that_makes_no_sense_ends_the_room(reply):
    with Impostor() as impostor:
        impostor.say(reply)
        ran = isinstance(reply, tuple) and reply[:1] == ("ran",)
        with pytest.raises(RoomError):
            impostor.room.run_cell("1") if ran else impostor.proxy(np.ones(2), [1])
        assert impostor.room.failure
        with pytest.raises(RoomDied):
            impostor.room.run_cell("1")


@pytest.mark.parametrize("called", [None, 3, "", "a b", "<b>&", "x" * 300, ["torch"]], ids=repr)
def test_a_refusal_that_makes_no_sense_ends_the_room(called):
    with Impostor() as impostor:
        impostor.say(("refused", called, [], "", []))
        with pytest.raises(WireError):
            impostor.guarded()()
        assert impostor.room.failure


@pytest.mark.parametrize(
    "said",
    [
        None,
        "torch",
        {},
        (),
        [()],
        [("a", "b")],
        [("a", "b", 3)],
        [["a", "b", "c"]],
        [("a",) * 3] * 1001,
    ],
    ids=lambda said: repr(said)[:40],
)
def test_uses_that_make_no_sense_end_the_room(said):
    with Impostor() as impostor:
        impostor.say(("value", said))
        with pytest.raises(WireError):
            impostor.proxy.__foreign__(("numpy",))
        assert impostor.room.failure


def test_uses_that_make_some_are_cut_and_made_plain():
    with Impostor() as impostor:
        impostor.say(("value", [("torch", "\x1b[31m", "long" * 1000)]))
        ((module, name, line),) = impostor.proxy.__foreign__(("numpy",))
        assert (module, name, len(line)) == ("torch", " [31m", 400)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=120), st.sampled_from(REQUESTS))
def test_any_bytes_give_a_value_or_an_error(raw, request):
    result = outcome(raw, request)
    assert not isinstance(result, Exception) or isinstance(result, RoomError)


replies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(Handle(1, "x")),
    lambda inner: (
        st.lists(inner, max_size=5).map(tuple)
        | st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*REPORT, "type", "name", "data", "text"]), inner)
    ),
    max_leaves=12,
)
starts = st.sampled_from(["value", "error", "refused", "ran", "callback", "done"])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(starts, st.lists(replies, max_size=4), st.sampled_from(REQUESTS))
def test_any_well_formed_reply_gives_a_value_or_an_error(start, parts, request):
    result = outcome(Writer(handle_of).message((start, *parts)), request)
    expected = isinstance(result, RoomError | NotAllowed) or hasattr(result, "line_in_room")
    assert not isinstance(result, Exception) or expected


@pytest.mark.parametrize("request_number", REQUESTS)
def test_a_reported_exception_is_raised_as_what_it_is(request_number):
    reply = Writer(handle_of).message(("error", REPORT, [], "", []))
    result = outcome(reply, request_number)
    assert isinstance(result, ValueError) or getattr(result, "error", "") == "ValueError: no"


def test_no_reply_at_all():
    with Impostor() as impostor, pytest.raises(RoomTimeout, match=r"0\.3 s"):
        impostor.proxy()


def test_a_reply_that_never_ends():
    with Impostor() as impostor:
        stop = threading.Event()

        def drip():
            impostor.end.sendall(struct.pack("<Q", 10**5))
            while not stop.wait(0.01):
                impostor.end.send(b"N")

        dripping = threading.Thread(target=drip)
        dripping.start()
        with pytest.raises(RoomTimeout):
            impostor.proxy()
        stop.set()
        dripping.join()


def test_callbacks_without_end():
    with Impostor() as impostor:
        calls = []

        def again():
            calls.append(None)
            impostor.say(("callback", 0, (), {}))

        impostor.say(("callback", 0, (), {}))
        with pytest.raises(RoomTimeout):
            impostor.proxy(again)
        assert calls


@pytest.mark.parametrize("size", [2**20 + 1, 2**40, 2**64 - 1])
def test_a_reply_that_announces_too_much(size):
    with Impostor() as impostor:
        impostor.end.sendall(struct.pack("<Q", size))
        with pytest.raises(WireError, match="too large"):
            impostor.proxy()


def test_a_room_that_reads_nothing():
    with Impostor() as impostor, pytest.raises(RoomTimeout):
        impostor.proxy(np.zeros(10**6))


def test_a_reply_that_comes_late_is_not_taken_for_another():
    with Impostor() as impostor:
        with pytest.raises(RoomTimeout):
            impostor.proxy()
        with pytest.raises(RoomDied):
            impostor.proxy()


def test_its_last_words_are_shown_as_text():
    with Impostor() as impostor:
        impostor.leash.send(b"\xff it ended.")
        impostor.end.close()
        with pytest.raises(RoomDied, match="it ended"):
            impostor.proxy()
