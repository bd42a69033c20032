"""What crosses a room's wall arrives as it was sent; what must not cross does no harm."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.sandbox import WireError
from coursekit.sandbox.wire import Handle, Reader, Writer


def refuse(value):
    raise TypeError(f"{value!r} may not cross")


def encoded(value, share=False):
    return Writer(refuse, share=share).message(value)


def decoded(data, share=False):
    return Reader(data, refuse, share=share).message()


def crossed(value, share=False):
    return decoded(encoded(value, share), share)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.binary(),
)
keys = st.one_of(st.none(), st.integers(), st.text(), st.tuples(st.integers(), st.text()))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.sets(keys, max_size=4),
        st.frozensets(keys, max_size=4),
    ),
    max_leaves=20,
)


@given(values)
def test_plain_data_arrives_as_it_was_sent(value):
    got = crossed(value)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    "value",
    [float("inf"), -0.0, slice(1, None, 2), range(3, 9, 2), ..., float, np.float32, torch.bfloat16],
)
def test_special_values_arrive(value):
    assert repr(crossed(value)) == repr(value)


def test_nan_arrives():
    assert math.isnan(crossed(float("nan")))


NUMBERS = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "array",
    [
        NUMBERS,
        NUMBERS.transpose(2, 0, 1),
        NUMBERS[:, ::-1, ::2],
        np.asfortranarray(NUMBERS),
        np.broadcast_to(np.float32(3), (2, 5)),
        np.array(7, np.int16),
        np.zeros((0, 3), np.uint8),
        np.array([True, False]),
        np.array(["ab", "ç"]),
        np.array([b"ab"]),
        np.array([1 + 2j], np.complex64),
        np.array([1, 2], ">i4"),
        np.array([1.5], np.float16),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_arrive_with_dtype_and_order_of_axes(array):
    got = crossed(array)
    np.testing.assert_array_equal(got, array)
    assert (got.dtype, got.flags.writeable) == (array.dtype, array.flags.writeable)
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    assert got.transpose(order).flags.c_contiguous


def test_an_array_subclass_arrives_as_a_plain_array():
    assert type(crossed(np.ma.masked_equal([1, 2], 1))) is np.ndarray


def test_a_truth_value_arrives_as_0_or_1():
    strange = np.array([0, 1, 2, 255], np.uint8).view(bool)
    assert crossed(strange).view(np.uint8).tolist() == [0, 1, 1, 1]


def test_numpy_numbers_keep_their_dtype():
    got = crossed((np.float32(1.5), np.int8(-3), np.bool_(True)))
    assert [type(x) for x in got] == [np.float32, np.int8, np.bool_]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6.0).reshape(2, 3).t(),
        torch.ones(2, dtype=torch.bfloat16),
        torch.tensor(3),
        torch.tensor([True, False]),
        torch.empty(0, 2),
        torch.ones(3).to(torch.complex64).conj(),
    ],
    ids=lambda t: f"{t.dtype}{tuple(t.shape)}",
)
def test_tensors_arrive(tensor):
    got = crossed(tensor)
    assert torch.equal(got, tensor)
    assert (got.dtype, got.stride()) == (tensor.dtype, tensor.stride())


def test_a_tensor_with_a_gradient_goes_by_its_number():
    leaf = torch.ones(2, requires_grad=True)
    computed, frozen = leaf * 2, torch.nn.Parameter(torch.ones(1), requires_grad=False)
    known = [leaf, computed, frozen]
    writer = Writer(
        refuse, share=True, join=lambda value: next(i for i, k in enumerate(known) if k is value)
    )
    data = writer.message([leaf, computed, computed, frozen])
    reader = Reader(data, refuse, share=True, joined=known.__getitem__)
    assert all(
        a is b for a, b in zip(reader.message(), [leaf, computed, computed, frozen], strict=True)
    )
    assert [value is computed for value in writer.shared] == [False, True]  # leaves are not shared
    assert [value is computed for value in reader.shared] == [False, True]
    with pytest.raises(WireError, match="none can be known"):
        decoded(data, share=True)


def test_a_tensor_without_data_arrives_without_data():
    got = crossed(torch.empty(2, 10**9, device="meta"))
    assert (got.device.type, tuple(got.shape)) == ("meta", (2, 10**9))


def test_a_random_generator_goes_on_where_it_was():
    rng = np.random.default_rng(3)
    rng.integers(10, size=3, dtype=np.uint32)
    got = crossed(rng)
    np.testing.assert_array_equal(got.standard_normal(5), rng.standard_normal(5))


def test_one_list_sent_twice_is_one_list_again():
    inner = [1]
    first, second = crossed((inner, inner), share=True)
    assert first is second


def test_what_is_no_data_crosses_as_a_number_only():
    sent = []
    data = Writer(lambda value: sent.append(value) or Handle(7, "function")).message([len])
    assert sent == [len]
    assert Reader(data, lambda handle: handle).message() == [Handle(7, "function")]


def test_an_array_of_objects_does_not_cross_by_value():
    with pytest.raises(TypeError, match="may not cross"):
        encoded(np.array([{}, None]))


def test_a_list_that_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(WireError, match="nested"):
        encoded(endless)


def test_references_are_refused_from_the_room():
    with pytest.raises(WireError, match="refers"):
        decoded(b"R" + bytes(8))


SAMPLE = {
    "a": [1, 2.5, "text", b"raw", (None, True, 3j)],
    ("k", 1): NUMBERS[:, :1],
    "rng": np.random.default_rng(0),
    "t": torch.ones(2, 3),
    "s": {1, "b"},
}


def harmless(data):
    """Decode; only a WireError may come of it."""
    try:
        return decoded(data)
    except WireError as error:
        return error
    except TypeError as error:
        assert "may not cross" in str(error)  # a handle, which `refuse` does not know
        return error


def test_every_truncated_message_is_refused():
    data = encoded(SAMPLE)
    assert all(isinstance(harmless(data[:end]), WireError) for end in range(len(data)))


@settings(max_examples=300)
@given(st.data())
def test_a_garbled_message_does_no_harm(choose):
    data = bytearray(encoded(SAMPLE))
    for _ in range(choose.draw(st.integers(1, 4))):
        place = choose.draw(st.integers(0, len(data) - 1))
        data[place] = choose.draw(st.integers(0, 255))
    harmless(bytes(data))


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_do_no_harm(data):
    harmless(data)


@pytest.mark.parametrize(
    "data",
    [
        b"l" + b"\xff" * 8,
        b"s" + b"\xff" * 8,
        b"i" + (10**6).to_bytes(8, "little") + bytes(10**6),
        b"l\x01" + bytes(7) + b"N extra",
        (b"t\x01" + bytes(7)) * 100 + b"N",
        b"d\x02" + bytes(7) + encoded([]) + b"N",
        b"r" + encoded((0, 1, 0))[1:],
        b"D" + encoded("numpy object_")[1:],
        b"D" + encoded("torch nn")[1:],
        b"Y" + encoded("eval")[1:],
    ],
)
def test_nonsense_is_refused(data):
    with pytest.raises(WireError):
        decoded(data)


@pytest.mark.parametrize(
    "about",
    [
        ("|O", (1,), (0,), True),
        ("<f8", (2,), (0,), True),
        ("<f8", (-1,), (0,), True),
        ("<f8", (1,), (5,), True),
        ("<f8", (2**62, 0), (0, 1), True),
        ("<f8", "x", (0,), True),
        {"bit_generator": "MT19937"},
        None,
    ],
)
def test_an_array_that_its_bytes_do_not_make_is_refused(about):
    for tag in (b"a", b"c", b"G"):
        with pytest.raises(WireError):
            decoded(tag + encoded(about) + (8).to_bytes(8, "little") + bytes(8))


def test_keys_that_collide_do_not_take_for_ever():
    colliding = {n * (2**61 - 1) for n in range(1000)}  # all of hash 0
    assert crossed(colliding) == colliding
    with pytest.raises(WireError, match="keys"):
        decoded(encoded(list(range(30_000))).replace(b"l", b"m", 1))
