"""What crosses a room's wall arrives as it was sent; what must not cross does no harm."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from coursekit.sandbox import WireError, mutation
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


def lies(array):
    """What code can notice of how an array lies in memory, apart from the width of gaps."""
    ends = zip(array.shape, array.strides, strict=True)
    signs = [stride > 0 for n, stride in ends if n > 1 and array.size]
    flags = array.flags
    return flags.c_contiguous, flags.f_contiguous, flags.writeable, signs


@pytest.mark.parametrize(
    "array",
    [
        NUMBERS,
        NUMBERS.transpose(2, 0, 1),
        NUMBERS[:, ::-1],
        NUMBERS[:, ::-1, ::2],
        NUMBERS[..., ::2],
        NUMBERS[..., :2],
        NUMBERS[::-1, :, 1:3].T,
        NUMBERS[1:, ::-2, 2:3],
        np.asfortranarray(NUMBERS),
        np.lib.stride_tricks.sliding_window_view(NUMBERS, 2, axis=2),
        np.array(7, np.int16),
        np.zeros((0, 3), np.uint8),
        np.zeros((6, 3), np.uint8)[:0, ::2],
        np.array([True, False]),
        np.array([True, False, False, True])[::-2],
        np.array(["ab", "ç"]),
        np.array(["ab", "ç", "d"])[::2],
        np.array([b"ab"]),
        np.array([1 + 2j], np.complex64),
        np.array([1, 2], ">i4"),
        np.array([1.5], np.float16),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_arrays_arrive_with_dtype_and_as_they_lie_in_memory(array):
    got = crossed(array)
    np.testing.assert_array_equal(got, array)
    assert (got.dtype, got.shape) == (array.dtype, array.shape)
    assert lies(got) == lies(array)
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    steps = [abs(got.strides[axis]) for axis in order if got.shape[axis] > 1 and got.size]
    assert steps == sorted(steps, reverse=True)


def test_an_array_whose_elements_share_memory_arrives_not_contiguous():
    for array in (np.broadcast_to(np.float32(3), (2, 5)), np.broadcast_to(NUMBERS, (2, 2, 3, 4))):
        got = crossed(array)
        np.testing.assert_array_equal(got, array)
        assert lies(got)[:3] == (False, False, False)


@given(st.data())
def test_however_an_array_is_sliced_and_turned_it_arrives_so(choose):
    array = np.arange(120.0).reshape(2, 3, 4, 5)
    for axis, n in enumerate(array.shape):
        start, stop = sorted((choose.draw(st.integers(0, n)), choose.draw(st.integers(0, n))))
        array = array[(slice(None),) * axis + (slice(start, stop),)]
        step = choose.draw(st.sampled_from([1, 2, 3, -1, -2]))
        array = array[(slice(None),) * axis + (slice(None, None, step),)]
    array = array.transpose(choose.draw(st.permutations(range(4))))
    got = crossed(array)
    np.testing.assert_array_equal(got, array)
    assert lies(got) == lies(array)


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
        torch.ones(1, 2, 3, 4).to(memory_format=torch.channels_last),
    ],
    ids=lambda t: f"{t.dtype}{tuple(t.shape)}",
)
def test_tensors_arrive(tensor):
    got = crossed(tensor)
    assert torch.equal(got, tensor)
    assert (got.dtype, got.stride()) == (tensor.dtype, tensor.stride())


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_tensors_that_are_not_contiguous_arrive_so(device):
    whole = torch.arange(24.0).reshape(2, 3, 4).to(device)
    for tensor in (whole[..., ::2], whole[:, :2], whole[..., 1:3].mT, whole[:, :1].expand(2, 3, 4)):
        got = crossed(tensor)
        assert device == "meta" or torch.equal(got, tensor)
        assert (got.shape, got.device) == (tensor.shape, tensor.device)
        assert not got.is_contiguous() and not tensor.is_contiguous()


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


def spawned(rng, *counts):
    """Numbers from the children that a generator spawns one time after another."""
    return [child.integers(2**60) for count in counts for child in rng.spawn(count)]


@pytest.mark.parametrize(
    "rng",
    [
        np.random.default_rng(3),
        np.random.default_rng(),
        np.random.default_rng([3, 2**70, np.int64(5)]),
        np.random.default_rng(np.arange(4).reshape(2, 2)),
        np.random.default_rng(np.random.SeedSequence(3, spawn_key=(4, 1), pool_size=8)),
        np.random.default_rng(3).spawn(2)[1].spawn(1)[0],
        np.random.Generator(np.random.SFC64(3)),
        np.random.Generator(np.random.PCG64DXSM(3)),
    ],
    ids=(
        "one word",
        "no seed",
        "long words",
        "a table",
        "spawned",
        "twice spawned",
        "SFC64",
        "DXSM",
    ),
)
def test_a_random_generator_has_the_same_children_over_there(rng):
    rng.spawn(3)
    rng.random()
    got = crossed(rng)
    assert spawned(got, 2, 1) == spawned(rng, 2, 1)
    assert got.random() == rng.random()


class Own(np.random.bit_generator.ISeedSequence):
    def generate_state(self, n_words, dtype=np.uint32):
        return np.arange(n_words, dtype=dtype)


@pytest.mark.parametrize(
    "seed", [Own(), ["12"], list(range(5000)), np.random.SeedSequence(1, pool_size=50)]
)
def test_a_generator_whose_seed_cannot_cross_goes_on_where_it_was_and_has_no_children(seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    got = crossed(rng)
    assert got.random() == rng.random()
    with pytest.raises(TypeError, match="does not implement spawning"):
        got.spawn(1)
    again = crossed(got)
    assert again.random() == got.random()


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "SFC64"])
@pytest.mark.parametrize(
    "use",
    [
        lambda rng: rng.random(),
        lambda rng: rng.spawn(2),
        lambda rng: rng.integers(9, dtype=np.uint32),
        lambda rng: rng.bit_generator.seed_seq.spawn(1),
    ],
)
def test_the_use_of_a_generator_is_noticed_and_repeated(kind, use):
    used, other = (np.random.Generator(getattr(np.random, kind)(3)) for _ in range(2))
    before = mutation.snapshot([used])
    assert mutation.changed([used], before) == []
    use(used)
    mutation.repeat([other], crossed(mutation.changed([used], before)))
    assert other.bit_generator.seed_seq.n_children_spawned == (
        used.bit_generator.seed_seq.n_children_spawned
    )
    assert spawned(other, 1) == spawned(used, 1)
    assert other.integers(9, size=3).tolist() == used.integers(9, size=3).tolist()


@pytest.mark.parametrize("other", [4, [3, 3], np.random.SeedSequence(3, n_children_spawned=10**6)])
def test_a_generator_becomes_none_that_it_cannot_come_to(other):
    rng, new = np.random.default_rng(3), np.random.default_rng(other)
    with pytest.raises(WireError, match="cannot become"):
        mutation.repeat([rng], [(0, new)])
    old = np.random.default_rng(3)
    rng.spawn(1)
    with pytest.raises(WireError, match="-1 more children"):
        mutation.repeat([rng], [(0, old)])
    assert rng.bit_generator.seed_seq.n_children_spawned == 1


SEED = (3, (), 4, 0)


@pytest.mark.parametrize(
    "seed",
    [
        3,
        (3, (), 4),
        (-1, (), 4, 0),
        (2.0, (), 4, 0),
        ("3", (), 4, 0),
        (True, (), 4, 0),
        (None, (), 4, 0),
        ([3], (), 4, 0),
        (((3,),), (), 4, 0),
        (2**8000, (2**8000,) * 5, 4, 0),
        (tuple(range(2000)), (), 4, 0),
        (3, 4, 4, 0),
        (3, (-1,), 4, 0),
        (3, (0,) * 2000, 4, 0),
        (3, (), 2, 0),
        (3, (), 10**6, 0),
        (3, (), 4, -1),
        (3, (), 4, 2**32),
        (3, (), 4.0, 0),
    ],
)
def test_a_seed_that_makes_no_sense_is_refused(seed):
    state = np.random.default_rng(3).bit_generator.state

    def with_seed(seed):
        return b"G" + encoded((state, seed)) + bytes(8)

    assert decoded(with_seed(SEED)).random() == np.random.default_rng(3).random()
    with pytest.raises(WireError):
        decoded(with_seed(seed))


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
        ("|O", (1,), (0,), (), True),
        ("<f8", (2,), (0,), (), True),
        ("<f8", (-1,), (0,), (), True),
        ("<f8", (1,), (5,), (), True),
        ("<f8", (2**62, 0), (0, 1), (), True),
        ("<f8", "x", (0,), (), True),
        ("<f8", (1,), (0,), (3,), True),
        ("<f8", (1,), (0,), (0,), True),
        ("<f8", (1,), (0,), (2.0,), True),
        ("<f8", (1,), (0,), (1, 1), True),
        ("<f8", (1,), (0,), 2, True),
        ("<f8", (1,), (0,), True),
        ("float64", (1,), (0,), (-1,), "cpu"),
        ("float64", (2**40, 2**20), (0, 1), (2, 2), "meta"),
        ({"bit_generator": "MT19937"}, SEED),
        {"bit_generator": "MT19937"},
        None,
    ],
)
def test_an_array_that_its_bytes_do_not_make_is_refused(about):
    for tag in (b"a", b"c", b"G"):
        with pytest.raises(WireError):
            decoded(tag + encoded(about) + (8).to_bytes(8, "little") + bytes(8))


def test_gaps_take_little_room_however_many_there_are():
    about = ("|u1", (1,) * 31 + (1000,), tuple(range(32)), (2,) * 32, True)
    got = decoded(b"a" + encoded(about) + (1000).to_bytes(8, "little") + bytes(1000))
    assert got.shape[-1] == 1000 and got.strides[-1] == 2
    shape, axes = (2,) * 10, tuple(range(10))
    array = decoded(
        b"a"
        + encoded(("|u1", shape, axes, (2,) * 10, True))
        + (1024).to_bytes(8, "little")
        + bytes(1024)
    )
    assert array.strides[0] * 2 < 3 * 1024
    empty = ("<f8", (0, 2**61), (0, 1), (2, 2), True)
    with pytest.raises(WireError, match="does not lie"):
        decoded(b"a" + encoded(empty) + bytes(8))


def test_keys_that_collide_do_not_take_for_ever():
    colliding = {n * (2**61 - 1) for n in range(1000)}  # all of hash 0
    assert crossed(colliding) == colliding
    with pytest.raises(WireError, match="keys"):
        decoded(encoded(list(range(30_000))).replace(b"l", b"m", 1))
