"""A room that lies about tensors and gradients brings down itself, and changes no result here."""

import socket
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.sandbox import Limits, Proxy, Room, RoomDied, RoomError, WireError, leaves
from coursekit.sandbox.wire import Handle, Writer
from coursekit.sandbox.wire.format import HEAD, SIZE

LIMITS = Limits(call_seconds=0.5, message=2**20)
ONE = torch.ones(2)
NEW = {"data": ONE, "bumped": False, "requires_grad": True}


class Liar:
    """The other end of a room's wire, which says what a test tells it."""

    def __enter__(self):
        self.end, end = socket.socketpair()
        self.leash, leash = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.room = Room(end, leash, LIMITS, float("inf"), lambda name: set())
        self.f = Proxy(self.room, 0, "function", "f")
        return self

    def __exit__(self, *error):
        self.room.close()
        self.end.close()
        self.leash.close()

    def say(self, value, *, joined=b"", dropped=(), born=(), changed=(), outputs=(), sources=()):
        """A reply, with what it says of tensors; `joined` takes the place of its value."""
        about = tuple(map(list, (dropped, born, changed, outputs, sources)))
        body = message((*value[:1], None, *value[2:])) if joined else message(value)
        body = body.replace(b"N", joined, 1) if joined else body
        data = HEAD + message((False, about)) + body
        self.end.sendall(struct.pack("<Q", len(data)) + data)

    def give(self, value=None, **about):
        """What a call gives."""
        self.say(("value", value, [], "", []), **about)


def message(value):
    return Writer(lambda value: value if isinstance(value, Handle) else Handle(0, "x")).message(
        value
    )


def leaf(number):
    return b"L" + SIZE.pack(number)


def computed(number):
    return b"J" + SIZE.pack(number)


@pytest.fixture
def liar():
    with Liar() as made:
        yield made


def ended(liar):
    """Whether the room has ended, and answers nothing more."""
    with pytest.raises(RoomDied):
        liar.f()
    return liar.room.failure is not None


# --- what it tells the truth about ---------------------------------------------------------------


def test_what_it_may_say(liar):
    x = torch.ones(2, requires_grad=True)
    liar.give(joined=computed(3), outputs=[(3, ONE * 5)], sources=[0])
    y = liar.f(x)
    liar.give([torch.tensor([7.0, 8.0])])
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([5.0, 5.0], [7.0, 8.0])
    liar.give(joined=leaf(5), born=[(5, True, NEW)])
    p = liar.f()
    assert isinstance(p, torch.nn.Parameter)
    liar.give(None, changed=[(5, {"grad": ONE, "fresh": True}), (0, {"data": ONE, "bumped": True})])
    liar.f()
    assert (p.grad.tolist(), x.tolist()) == ([1.0, 1.0], [1.0, 1.0])


# --- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "gradients",
    [
        [torch.ones(3)],
        [torch.ones(2, 1)],
        [torch.ones(2, dtype=torch.float64)],
        [torch.ones(2, dtype=torch.int64)],
        [torch.ones(2, device="meta")],
        [ONE, ONE],
        [],
        ONE,
        None,
        [1.0],
        ["x"],
        [[ONE]],
        [Handle(0, "tensor")],
        {0: ONE},
        (ONE,),
    ],
    ids=repr,
)
def test_gradients_that_were_not_asked_for_end_the_room(liar, gradients):
    x = torch.ones(2, requires_grad=True)
    liar.give(joined=computed(1), outputs=[(1, ONE)], sources=[0])
    y = liar.f(x)
    liar.give(gradients)
    with pytest.raises(WireError, match="gradient"):
        y.sum().backward()
    assert x.grad is None
    assert ended(liar)


def test_no_gradient_at_all_is_no_gradient(liar):
    x = torch.ones(2, requires_grad=True)
    liar.give(joined=computed(1), outputs=[(1, ONE)], sources=[0])
    y = liar.f(x)
    liar.give([None])
    y.sum().backward()
    assert x.grad is None


def test_an_answer_to_another_question_ends_the_room(liar):
    x = torch.ones(2, requires_grad=True)
    liar.give(joined=computed(1), outputs=[(1, ONE)], sources=[0])
    y = liar.f(x)
    liar.say(("ran", [], None))
    with pytest.raises(WireError):
        y.sum().backward()
    assert ended(liar)


def test_a_gradient_that_never_comes_is_waited_for_as_long_as_for_a_call(liar):
    x = torch.ones(2, requires_grad=True)
    liar.give(joined=computed(1), outputs=[(1, ONE)], sources=[0])
    y = liar.f(x)
    with pytest.raises(RoomError, match=r"0\.5 s"):
        y.sum().backward()
    assert ended(liar)


def test_tensors_that_were_never_passed_get_no_gradient(liar):
    x, secret = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    liar.give(joined=computed(1), outputs=[(1, ONE)], sources=[0])
    y = liar.f(x)
    liar.give([ONE])
    (y * secret).sum().backward()
    assert secret.grad.tolist() == [1.0, 1.0]  # which is y
    liar.give(None, changed=[(2, {"grad": ONE, "fresh": True})])
    with pytest.raises(WireError):
        liar.f(x)


# --- tensors -------------------------------------------------------------------------------------

NONSENSE = {
    "a tensor nobody knows": {"joined": leaf(1)},
    "a tensor of the judge nobody knows": {"joined": leaf(4)},
    "an output that was not announced": {"joined": computed(3), "outputs": [(1, ONE)]},
    "an even number": {"outputs": [(2, ONE)]},
    "a negative even number": {"born": [(-2, False, NEW)]},
    "the number of a tensor of the judge": {"born": [(0, False, NEW)]},
    "one number twice": {"born": [(1, False, NEW), (1, False, NEW)]},
    "a leaf and an output of one number": {"born": [(1, False, NEW)], "outputs": [(1, ONE)]},
    "a number that is none": {"outputs": [("x", ONE)]},
    "a source nobody knows": {"outputs": [(1, ONE)], "sources": [7]},
    "a source twice": {"outputs": [(1, ONE)], "sources": [0, 0]},
    "a source that is a list": {"outputs": [(1, ONE)], "sources": [[0]]},
    "an output of whole numbers": {"outputs": [(1, torch.ones(2, dtype=torch.int64))]},
    "an output that is no tensor": {"outputs": [(1, [1.0])]},
    "a handle for an output": {"outputs": [(1, Handle(0, "tensor"))]},
    "a leaf without data": {"born": [(1, False, {})]},
    "a leaf of the wrong form": {"born": [(1, False)]},
    "a leaf that is a string": {"born": ["leaf"]},
    "data that are no tensor": {"born": [(1, True, NEW | {"data": 3})]},
    "whole numbers that require a gradient": {
        "born": [(1, False, NEW | {"data": torch.ones(2, dtype=torch.int64)})]
    },
    "a gradient of another shape": {"changed": [(0, {"grad": torch.ones(3), "fresh": True})]},
    "a gradient of another dtype": {"changed": [(0, {"grad": ONE.double(), "fresh": True})]},
    "a gradient that is no tensor": {"changed": [(0, {"grad": 1.0, "fresh": True})]},
    "data without a version": {"changed": [(0, {"data": ONE * 2})]},
    "data of whole numbers": {"changed": [(0, {"data": torch.ones(2, dtype=torch.int64)})]},
    "data elsewhere": {"changed": [(0, {"data": torch.ones(2, device="meta"), "bumped": True})]},
    "news of a tensor nobody knows": {"changed": [(9, {"data": ONE})]},
    "news that are no news": {"changed": [(0, "x")]},
    "numbers to drop that are none": {"dropped": [[1]]},
}


@pytest.mark.parametrize("about", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_about_tensors_ends_the_room(liar, about):
    x = torch.ones(2, requires_grad=True)
    liar.give(**about)
    with pytest.raises(WireError):
        liar.f(x)
    assert ended(liar)
    assert (x.tolist(), x.dtype, x.requires_grad) == ([1.0, 1.0], torch.float32, True)


@pytest.mark.parametrize(
    "head", [None, 3, (), (True,), (1, None), (True, ()), (True, [])], ids=repr
)
def test_a_head_that_makes_no_sense_ends_the_room(liar, head):
    data = HEAD + message(head) + message(("value", 1, [], "", []))
    liar.end.sendall(struct.pack("<Q", len(data)) + data)
    with pytest.raises(WireError):
        liar.f()
    assert ended(liar)


def test_a_head_cannot_name_tensors(liar):
    x = torch.ones(2, requires_grad=True)
    data = HEAD + message((False, ([], [], [(0, {"data": None, "bumped": True})], [], [])))
    data = data.replace(b"N", leaf(0), 1) + message(("value", 1, [], "", []))
    liar.end.sendall(struct.pack("<Q", len(data)) + data)
    with pytest.raises(WireError, match="where none can be known"):
        liar.f(x)


def test_leaves_are_bounded(liar, monkeypatch):
    monkeypatch.setattr(leaves, "MOST", 3)
    liar.give(born=[(2 * i + 1, False, NEW) for i in range(4)])
    with pytest.raises(WireError, match="too many"):
        liar.f()
    with Liar() as other:
        monkeypatch.setattr(leaves, "MOST_BYTES", 2**10)
        big = NEW | {"data": torch.ones(100)}
        other.give([], born=[(1, False, big), (3, False, big), (5, False, big)])
        with pytest.raises(WireError, match="take more than"):
            other.f()


# --- what it asks --------------------------------------------------------------------------------


def asks(liar, known, wanted):
    """Let it ask for gradients of what a callback gave it."""
    w = torch.ones(2, requires_grad=True)
    liar.say(("callback", 0, (), {}))
    liar.say(("gradients", known, wanted))
    liar.give(1)
    return liar.f(lambda: w * 3)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ([(4, ONE)], []),
        ([(0, ONE)], [1]),
        ([(0, ONE)], [0]),
        ([(0, ONE)], [[]]),
    ],
    ids=repr,
)
def test_what_it_was_not_given_it_cannot_ask_about(liar, known, wanted):
    with pytest.raises(WireError, match="never sent"):
        asks(liar, known, wanted)
    assert ended(liar)


@pytest.mark.parametrize(
    "known", [[(0, 1)], [(0, None)], [(0, Handle(1, "x"))], [Handle(1, "x")], [3], [[]]], ids=repr
)
def test_a_question_without_gradients_ends_the_room(liar, known):
    with pytest.raises(WireError, match="is known of gradients"):
        asks(liar, known, [])
    assert ended(liar)


def test_a_question_that_torch_refuses_is_answered_with_its_error(liar):
    assert asks(liar, [(0, torch.ones(3))], []) == 1


replies = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.just(ONE) | st.just(Handle(1, "x")),
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NEW, "grad", "fresh"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(replies, max_size=2), min_size=5, max_size=5), replies)
def test_anything_said_about_tensors_gives_a_value_or_an_error(about, value):
    with Liar() as liar:
        data = HEAD + message((False, tuple(about))) + message(("value", value, [], "", []))
        liar.end.sendall(struct.pack("<Q", len(data)) + data)
        liar.end.shutdown(socket.SHUT_WR)
        liar.leash.send(b"it ended.")
        try:
            liar.f(torch.ones(2, requires_grad=True))
        except RoomError:
            assert liar.room.failure
