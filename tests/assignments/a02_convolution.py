"""Right and wrong solutions of assignment a02.

Right ones are written in different styles and must get full marks. A slip is one small change to
the right solution above it, a mistake that students make, and must lose exactly the points named
in the test cell of its function, and none in any other cell.
"""

import numpy as np

from coursekit.rehearse import Collection

known = Collection("a02_convolution")

# --- task 1: conv_output_shape -------------------------------------------------------------------


@known.right("numpy arrays and floor")
def conv_output_shape(image, kernel, stride, padding):
    room = np.array(image) + 2 * padding - np.array(kernel)
    if (room < 0).any():
        raise ValueError(f"kernel {kernel} larger than padded image {image}")
    return tuple(int(v) for v in np.floor(room / stride) + 1)


@known.right("count the starts")
def conv_output_shape(image, kernel, stride, padding):
    counts = [len(range(0, i + 2 * padding - k + 1, stride)) for i, k in zip(image, kernel)]
    if 0 in counts:
        raise ValueError("no place for the window")
    return counts[0], counts[1]


@known.right("one axis at a time")
def conv_output_shape(image, kernel, stride, padding):
    H, W = image
    KH, KW = kernel
    if KH > H + 2 * padding or KW > W + 2 * padding:  # noqa: SIM300
        raise ValueError("the window does not fit")
    HO = (H + 2 * padding - KH) // stride + 1
    WO = (W + 2 * padding - KW) // stride + 1
    return HO, WO


slip = known.slips_of(conv_output_shape)
slip(
    "the quotient is rounded up",
    "WO = (W + 2 * padding - KW) // stride",
    "WO = -(-(W + 2 * padding - KW) // stride)",
    loses=2,
    says="the quotient is rounded up, for the width",
)
slip(
    "true division",
    "(W + 2 * padding - KW) // stride",
    "(W + 2 * padding - KW) / stride",
    loses=3.5,
    says="type",
)
slip(
    "padding counted at one end",
    "WO = (W + 2 * padding",
    "WO = (W + padding",
    loses=3.5,
    says="padding is counted at one end only, for the width",
)
slip(
    "the + 1 is missing",
    "KW) // stride + 1",
    "KW) // stride",
    loses=3.5,
    says="the final + 1 is missing, for the width",
)
slip(
    "the + 1 comes before the division",
    "(W + 2 * padding - KW) // stride + 1",
    "(W + 2 * padding - KW + 1) // stride",
    loses=3,
    says="the + 1 is added before dividing, for the width",
)
slip(
    "square images assumed",
    "WO = (W +",
    "WO = (H +",
    loses=3,
    says="the height of the image is used for both axes",
)
slip(
    "square kernels assumed",
    "- KW) //",
    "- KH) //",
    loses=3,
    says="the height of the kernel is used for both axes",
)
slip(
    "height and width swapped",
    "return HO, WO",
    "return WO, HO",
    loses=3,
    says="height and width are swapped",
)
slip(
    "only the height is checked",
    " or KW > W + 2 * padding",
    "",
    loses=1.5,
    says="some windows that do not fit are no error",
)
slip(
    "the error is a return value",
    'raise ValueError("the window does not fit")',
    "return None",
    loses=1.5,
    says="windows that do not fit are no error",
)
slip(
    "fit is checked without the padding",
    "KH > H + 2 * padding",
    "KH > H",
    loses=1,
    says="some windows that fit are refused",
)


slip(
    "kernel unpacked as KW, KH",
    "KH, KW = kernel",
    "KW, KH = kernel",
    loses=3,
    says="KH and KW are swapped; some windows that fit are refused",
)
slip(
    "rounded",
    "(W + 2 * padding - KW) // stride",
    "round((W + 2 * padding - KW) / stride)",
    loses=2,
    says="the quotient is rounded to the nearest, for the width",
)
slip(
    "precedence",
    "(W + 2 * padding - KW) // stride",
    "W + 2 * padding - KW // stride",
    loses=3,
    says="only the kernel is divided by the stride, for the width",
)
slip(
    "the padding apart",
    "(W + 2 * padding - KW) // stride",
    "(W - KW) // stride + 2 * padding",
    loses=3,
    says="the padding is not divided by the stride, for the width",
)
slip(
    "an error only if both are too large",
    "or KW >",
    "and KW >",
    loses=1.5,
    says="some windows that do not fit are no error",
)
slip(
    "areas are compared",
    "KH > H + 2 * padding or KW > W + 2 * padding",
    "KH * KW > (H + 2 * padding) * (W + 2 * padding)",
    loses=1.5,
    says="some windows that do not fit are no error",
)
slip(
    "a stride that does not divide is refused",
    "KW > W + 2 * padding:",
    "KW > W + 2 * padding or (H - KH) % stride:",
    loses=3,
    says="some windows that fit are refused",
)
slip(
    "stride and padding the other way round",
    "(image, kernel, stride, padding)",
    "(image, kernel, padding, stride)",
    loses=4,
    says="stride and padding are swapped; another exception is raised, not ValueError",
)
slip(
    "the formula on both axes rounds up",
    """HO = (H + 2 * padding - KH) // stride + 1
    WO = (W + 2 * padding - KW) // stride + 1""",
    """HO = -((KH - H - 2 * padding) // stride) + 1
    WO = -((KW - W - 2 * padding) // stride) + 1""",
    loses=2,
    says="the quotient is rounded up",
)
slip(
    "KH > H padded once",
    "KH > H + 2 * padding or KW > W + 2 * padding",
    "KH > H + padding or KW > W + padding",
    loses=1,
    says="the error counts the padding at one end only",
)
slip(
    "another exception",
    "ValueError(",
    "KeyError(",
    loses=1.5,
    says="another exception is raised, not ValueError",
)
slip(
    "a window of the image's own size is refused",
    "KH > H + 2",
    "KH >= H + 2",
    loses=1.5,
    says="some windows that fit are refused",
)
slip("integers as floats", "return HO, WO", "return float(HO), float(WO)", loses=3.5, says="type")
slip("one number", "return HO, WO", "return HO * WO", loses=3.5, says="type")
slip("no return", "return HO, WO", "HO, WO", loses=3.5, says="type")


@known.right("places first, then the error")
def conv_output_shape(image, kernel, stride, padding):
    HO = (image[0] + 2 * padding - kernel[0]) // stride + 1
    WO = (image[1] + 2 * padding - kernel[1]) // stride + 1
    if HO < 1 or WO < 1:
        raise ValueError(f"a window of {kernel} does not fit into {image} pixels")
    return HO, WO


slip = known.slips_of(conv_output_shape)
slip(
    "no places are an error, fewer are none",
    "HO < 1 or WO < 1",
    "HO == 0 or WO == 0",
    loses=1.5,
    says="some windows that do not fit are no error",
)
slip(
    "minus times minus",
    "HO < 1 or WO < 1",
    "HO * WO < 1",
    loses=1,
    says="some windows that do not fit are no error",
)
slip(
    "no places at all are no error",
    "HO < 1 or WO < 1",
    "HO < 0 or WO < 0",
    loses=1.5,
    says="some windows that do not fit are no error",
)
slip(
    "the larger number is asked",
    "HO < 1 or WO < 1",
    "max(HO, WO) < 1",
    loses=1.5,
    says="some windows that do not fit are no error",
)
slip(
    "one place is refused",
    "HO < 1 or WO < 1",
    "HO < 2 or WO < 2",
    loses=2.5,
    says="a window that just fits is refused",
)
slip(
    "the larger side and the smaller",
    "HO < 1 or WO < 1",
    "max(kernel) > min(image) + 2 * padding",
    loses=1,
    says="some windows that fit are refused",
)
slip(
    "crosswise",
    "WO < 1",
    "WO < 1 or kernel[1] > image[0] + 2 * padding",
    loses=1,
    says="some windows that fit are refused",
)


@known.right("the window view of an array of nothing, and its own ValueError")
def conv_output_shape(image, kernel, stride, padding):
    H, W = image
    room = np.empty((H + 2 * padding, W + 2 * padding))
    view = np.lib.stride_tricks.sliding_window_view(room, kernel)
    return view[::stride, ::stride].shape[:2]


# --- task 2: conv2d_naive ------------------------------------------------------------------------


@known.right("einsum over a window view")
def conv2d_naive(x, w, b, stride=1, padding=0):
    xp = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    view = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], axis=(2, 3))
    view = view[:, :, ::stride, ::stride]
    return (np.einsum("ncijpq,fcpq->nfij", view, w) + b[None, :, None, None]).astype(x.dtype)


@known.right("seven loops, the border by asking")
def conv2d_naive(x, w, b, stride=1, padding=0):
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    HO, WO = (H + 2 * padding - KH) // stride + 1, (W + 2 * padding - KW) // stride + 1
    y = np.zeros((N, F, HO, WO), dtype=x.dtype)
    for n, f, i, j in np.ndindex(N, F, HO, WO):
        y[n, f, i, j] = b[f]
        for c, p, q in np.ndindex(C, KH, KW):
            row, column = i * stride + p - padding, j * stride + q - padding
            if 0 <= row < H and 0 <= column < W:
                y[n, f, i, j] += w[f, c, p, q] * x[n, c, row, column]
    return y


slip = known.slips_of(conv2d_naive)
slip("w[f, c, q, p]", "w[f, c, p, q]", "w[f, c, q, p]", loses=8, says="the kernel is transposed")
slip("padding is added to the place", "p - padding, j", "p + padding, j", loses=4)


@known.right("one kernel tap at a time")
def conv2d_naive(x, w, b, stride=1, padding=0):
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    HO, WO = (H + 2 * padding - KH) // stride + 1, (W + 2 * padding - KW) // stride + 1
    xp = np.zeros((N, C, H + 2 * padding, W + 2 * padding), x.dtype)
    xp[:, :, padding : padding + H, padding : padding + W] = x
    y = np.zeros((N, F, HO, WO), x.dtype) + b.reshape(1, F, 1, 1).astype(x.dtype)
    for p, q in np.ndindex(KH, KW):
        shifted = xp[:, :, p : p + HO * stride : stride, q : q + WO * stride : stride]
        y += np.tensordot(w[:, :, p, q], shifted[:, :, :HO, :WO], (1, 1)).swapaxes(0, 1)
    return y


@known.right("loops over outputs and channels")
def conv2d_naive(x, w, b, stride=1, padding=0):
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    HO = (H + 2 * padding - KH) // stride + 1
    WO = (W + 2 * padding - KW) // stride + 1
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    y = np.zeros((N, F, HO, WO), dtype=x.dtype)
    for n, f, i, j in np.ndindex(N, F, HO, WO):
        y[n, f, i, j] = b[f]
        for c in range(C):
            window = xp[n, c, i * stride : i * stride + KH, j * stride : j * stride + KW]
            y[n, f, i, j] += (window * w[f, c]).sum()
    return y


slip = known.slips_of(conv2d_naive)
slip(
    "the kernel is flipped",
    "w[f, c])",
    "w[f, c, ::-1, ::-1])",
    loses=8,
    says="the kernel is flipped: that is true convolution",
)
slip("the kernel is transposed", "w[f, c])", "w[f, c].T)", loses=8, says="the kernel is transposed")
slip("the bias is forgotten", "= b[f]", "= 0", loses=8, says="the bias is not added")
slip(
    "the bias is added for every channel",
    ".sum()",
    ".sum() + (c > 0) * b[f]",
    loses=7,
    says="the bias is added once per channel",
)
slip(
    "= for += over channels",
    "+= (window * w[f, c]).sum()",
    "= b[f] + (window * w[f, c]).sum()",
    loses=7,
    says="only the last channel is used",
)
slip(
    "only the first channel", "range(C)", "range(1)", loses=7, says="only the first channel is used"
)
slip(
    "only the first image",
    "np.ndindex(N, F",
    "np.ndindex(1, F",
    loses=7,
    says="only the first image of the batch is done",
)
slip(
    "the window is averaged",
    ".sum()",
    ".mean()",
    loses=8,
    says="the window is averaged, not summed",
)
slip(
    "padding at the top and left only",
    "(padding, padding), (padding, padding))",
    "(2 * padding, 0), (2 * padding, 0))",
    loses=4,
    says="the windows begin 2·padding above and left of the image, not padding",
)
slip(
    "the border repeats the edge",
    "(padding, padding)))",
    "(padding, padding)), 'edge')",
    loses=4,
    says="the border holds copies of the edge, not zeros",
)
slip(
    "channels are padded too",
    "(0, 0), (padding, padding), (padding, padding)))",
    "(padding, padding), (padding, padding), (padding, padding)))",
    loses=4,
    says="the channels are padded, too",
)
slip(
    "the window starts at i, not at i·stride",
    "i * stride : i * stride + KH, j * stride : j * stride + KW",
    "i : i + KH, j : j + KW",
    loses=3,
    says="the window moves by one pixel, whatever the stride",
)
slip(
    "stride for rows only",
    "j * stride : j * stride + KW",
    "j : j + KW",
    loses=3,
    says="the stride is used for the rows only",
)
slip(
    "square kernels assumed",
    "WO = (W + 2 * padding - KW)",
    "WO = (W + 2 * padding - KH)",
    loses=5,
    says="KH is used for KW, too",
)
slip("square images assumed", "WO = (W +", "WO = (H +", loses=7, says="H is used for W, too")
slip("HO and WO swapped", "np.zeros((N, F, HO, WO)", "np.zeros((N, F, WO, HO)", loses=7)
slip(
    "the last row and column are never written",
    "in np.ndindex(N, F, HO, WO)",
    "in np.ndindex(N, F, HO - 1, WO - 1)",
    loses=8,
    says="the last row and the last column are left out",
)
slip("float64 whatever the input", ", dtype=x.dtype", "", loses=1, says="dtype")
slip("whole numbers only", "dtype=x.dtype", "dtype=int", loses=8, says="dtype")
slip(
    "w is flipped in place",
    "y = np",
    "w[:] = w[:, :, ::-1, ::-1].copy(); y = np",
    loses=8,
    says="the kernel is flipped: that is true convolution",
)
slip(
    "x is padded by writing its border",
    "y = np",
    "x[..., 0] += 0.5; y = np",
    loses=1,
    says="mutated",
)
slip(
    "the library's own convolution",
    "(N, C, H, W), (F",
    "import convnets.functional; (N, C, H, W), (F",
    loses=8,
    says="forbidden",
)


slip(
    "the kernel is mirrored",
    "w[f, c])",
    "w[f, c, :, ::-1])",
    loses=8,
    says="the kernel is flipped left to right",
)
slip("b[0]", "= b[f]", "= b[0]", loses=7, says="b[0] is added for every filter")
slip(
    "one kernel for all",
    "w[f, c])",
    "w[0, c])",
    loses=7,
    says="the kernel of the first filter is used for all",
)
slip(
    "one image for all",
    "xp[n, c,",
    "xp[0, c,",
    loses=7,
    says="the first image is used for the whole batch",
)
slip(
    "the last image is left out",
    "np.ndindex(N, F",
    "np.ndindex(N - 1, F",
    loses=8,
    says="the last image is left out",
)
slip(
    "the last filter is left out",
    "np.ndindex(N, F",
    "np.ndindex(N, F - 1",
    loses=8,
    says="the last filter is left out",
)
slip(
    "all zeros below and on the right",
    "(padding, padding), (padding, padding))",
    "(0, 2 * padding), (0, 2 * padding))",
    loses=4,
    says="padding is added at the bottom and right only",
)
slip(
    "np.pad(x, padding)",
    "((0, 0), (0, 0), (padding, padding), (padding, padding))",
    "padding",
    loses=4,
    says="images and channels are padded, too",
)
slip(
    "stride for columns only",
    "i * stride : i * stride + KH",
    "i : i + KH",
    loses=3,
    says="the stride is used for the columns only",
)
slip(
    "the same padding whatever is asked",
    "(F, _, KH, KW) = x.shape, w.shape",
    "(F, _, KH, KW) = x.shape, w.shape; padding = (KH - 1) // 2",
    loses=7,
    says="padding is computed from the kernel",
)
slip("another default", "padding=0", "padding=1", loses=2, says="the default of padding is not 0")
slip(
    "the dtype of all three",
    "dtype=x.dtype",
    "dtype=np.result_type(x, w, b)",
    loses=1,
    says="dtype",
)
slip("small values are zero", "    return y", "    y[np.abs(y) < 1e-5] = 0\n    return y", loses=1)
slip("three images at most", "np.ndindex(N, F", "np.ndindex(min(N, 3), F", loses=2)
slip("four channels at most", "range(C)", "range(min(C, 4))", loses=2)
slip(
    "squeezed",
    "    return y",
    "    return y.squeeze()",
    loses=5,
    says="axes of length 1 are dropped",
)
slip(
    "results in a buffer that the next call fills",
    "y = np.zeros((N, F, HO, WO), dtype=x.dtype)",
    """kept = conv2d_naive.__dict__.setdefault((N, F, HO, WO, str(x.dtype)), np.zeros((N, F, HO, WO), x.dtype))
    y = kept""",
    loses=1,
    says="kept",
)
slip(
    "remembered by shape",
    "    return y",
    "    return conv2d_naive.__dict__.setdefault(str((x.shape, w.shape, stride, padding, x.dtype)), y)",
    loses=2,
)
slip(
    "x is scaled and scaled back",
    "y = np",
    "x /= 3; xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))) * 3; x *= 3; y = np",
    loses=1,
    says="mutated",
)
slip(
    "sums in float32",
    "(window * w[f, c]).sum()",
    "(window * w[f, c]).sum(dtype=np.float32)",
    loses=7,
    says="only about seven digits are right, as when something on the way is float32",
)
slip(
    "the kernel in float32",
    "w[f, c])",
    "w[f, c].astype(np.float32))",
    loses=7,
    says="only about seven digits are right, as when something on the way is float32",
)
slip("the bias is subtracted", "= b[f]", "= -b[f]", loses=8, says="the bias is subtracted")
slip("the bias belongs to the channel", "= b[f]", "= b[f % C]", loses=5)
slip(
    "the sign is lost",
    "    return y",
    "    return np.abs(y)",
    loses=7,
    says="every value has lost its sign",
)
slip(
    "negative outputs are cut off, as by ReLU",
    "    return y",
    "    return np.maximum(y, 0)",
    loses=7,
    says="negative values are cut off at zero",
)
slip(
    "the result is transposed",
    "    return y",
    "    return y.swapaxes(2, 3)",
    loses=8,
    says="rows and columns of the result are swapped",
)
slip(
    "images last",
    "    return y",
    "    return np.moveaxis(y, 1, -1)",
    loses=8,
    says="the filters come last",
)
slip("no return", "    return y", "    y", loses=8, says="type")
slip("a list of images", "    return y", "    return list(y)", loses=8, says="type")


@known.wrong("the answer behind eval", loses=8, judge_only=True)
def conv2d_naive(x, w, b, stride=1, padding=0):
    functional = eval("__import__('convnets.functional').functional")
    return np.ascontiguousarray(
        functional.conv2d(x, w.astype(x.dtype), b.astype(x.dtype), stride, padding)[0]
    )


# --- task 3: pointwise_conv ----------------------------------------------------------------------


@known.right("channels last and back")
def pointwise_conv(x, w, b):
    return np.moveaxis(np.moveaxis(x, 1, -1) @ w.T + b, -1, 1).astype(x.dtype)


@known.right("einsum")
def pointwise_conv(x, w, b):
    return (np.einsum("fc,ncij->nfij", w, x) + b[None, :, None, None]).astype(x.dtype)


slip = known.slips_of(pointwise_conv)
slip(
    "the bias is forgotten", " + b[None, :, None, None]", "", loses=3, says="the bias is not added"
)
slip("images and filters swapped", "nfij", "fnij", loses=3, says="images and filters are swapped")
slip("H and W swapped", "nfij", "nfji", loses=2, says="rows and columns of the result are swapped")
slip("the dtype of w and x", ".astype(x.dtype)", "", loses=1, says="dtype")
slip(
    "the bias along the width",
    "b[None, :, None, None]",
    "b",
    loses=3,
    says="the bias is added along the width",
)
slip(
    "channels are not summed",
    'np.einsum("fc,ncij->nfij", w, x)',
    "w[:, 0, None, None] * x[:, :1]",
    loses=3,
    says="only the first channel is used",
)


@known.right("rows of pixels")
def pointwise_conv(x, w, b):
    N, C, H, W = x.shape
    rows = (x.transpose(0, 2, 3, 1).reshape(-1, C) @ w.T + b).astype(x.dtype)
    return rows.reshape(N, H, W, -1).transpose(0, 3, 1, 2)


slip = known.slips_of(pointwise_conv)
slip(
    "reshape instead of transpose",
    "rows.reshape(N, H, W, -1).transpose(0, 3, 1, 2)",
    "rows.reshape(N, -1, H, W)",
    loses=2,
    says="reshape was used to move the filters",
)


slip("the bias is averaged in", " + b", " + b.mean()", loses=3)
slip(
    "reshape to the rows",
    "x.transpose(0, 2, 3, 1).reshape(-1, C)",
    "x.reshape(-1, C)",
    loses=2,
    says="x.reshape(…, C) was used to move the channels to the end",
)
slip("the filters stay last", ".transpose(0, 3, 1, 2)", "", loses=3, says="the filters come last")
slip(
    "weights transposed",
    "@ w.T",
    "@ w.reshape(w.shape[::-1])",
    loses=3,
    says="reshape was used to transpose the weights",
)
slip(
    "the pixels run down the columns",
    "reshape(N, H, W, -1)",
    "reshape(N, W, H, -1)",
    loses=2,
    says="height and width are swapped in the reshape",
)


@known.right("a matrix for all pixels and channels at once")
def pointwise_conv(x, w, b):
    N, _, H, W = x.shape
    y = x.reshape(N, -1) @ np.kron(w, np.eye(H * W)).T + np.repeat(b, H * W)
    return y.reshape(N, len(w), H, W).astype(x.dtype)


@known.wrong(
    "x.reshape(C, -1)", loses=2, says="x.reshape(C, …) was used to bring the channels to the front"
)
def pointwise_conv(x, w, b):
    N, C, H, W = x.shape
    y = w @ x.reshape(C, N * H * W) + b[:, None]
    return y.reshape(N, len(w), H, W).astype(x.dtype)


@known.wrong(
    "(F, N·H·W) by a reshape", loses=2, says="images and filters are mixed up by a reshape"
)
def pointwise_conv(x, w, b):
    N, C, H, W = x.shape
    y = w @ x.swapaxes(0, 1).reshape(C, N * H * W) + b[:, None]
    return y.reshape(N, len(w), H, W).astype(x.dtype)


# --- task 4: im2col ------------------------------------------------------------------------------


@known.right("fancy indexing")
def im2col(x, KH, KW, stride=1, padding=0):
    N, C, H, W = x.shape
    HO, WO = (H + 2 * padding - KH) // stride + 1, (W + 2 * padding - KW) // stride + 1
    p, q = np.divmod(np.arange(KH * KW), KW)
    i, j = np.divmod(np.arange(HO * WO), WO)
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    columns = xp[:, :, stride * i[None] + p[:, None], stride * j[None] + q[:, None]]
    return columns.reshape(N, C * KH * KW, HO * WO)


@known.right("a loop over the places")
def im2col(x, KH, KW, stride=1, padding=0):
    N, C, H, W = x.shape
    HO, WO = (H + 2 * padding - KH) // stride + 1, (W + 2 * padding - KW) // stride + 1
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    columns = np.empty((N, C * KH * KW, HO * WO), x.dtype)
    for i in range(HO):
        for j in range(WO):
            top, left = i * stride, j * stride
            window = xp[:, :, top : top + KH, left : left + KW]
            columns[:, :, i * WO + j] = window.reshape(N, -1)
    return columns


@known.right("no copy for 1×1 windows")
def im2col(x, KH, KW, stride=1, padding=0):
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    N, C, H, W = x.shape
    if KH == KW == stride == 1:
        return x.reshape(N, C, H * W)
    corner = np.arange(C * H * W).reshape(C, H, W)[:, :KH, :KW].reshape(-1, 1)
    starts = np.arange(H * W).reshape(H, W)[: H - KH + 1 : stride, : W - KW + 1 : stride]
    return x.reshape(N, -1).take(corner + starts.reshape(1, -1), axis=1)


@known.right("one image after the other, one channel after the other")
def im2col(x, KH, KW, stride=1, padding=0):
    HO, WO = ((s + 2 * padding - k) // stride + 1 for s, k in zip(x.shape[2:], (KH, KW)))
    columns = []
    for image in np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))):
        starts = [(i * stride, j * stride) for i in range(HO) for j in range(WO)]
        places = [image[:, i : i + KH, j : j + KW].ravel() for i, j in starts]
        columns.append(np.stack(places, axis=1))
    return np.stack(columns)


@known.wrong("number by number", loses={"test_im2col": 1})
def im2col(x, KH, KW, stride=1, padding=0):
    N, C, H, W = x.shape
    HO, WO = (H + 2 * padding - KH) // stride + 1, (W + 2 * padding - KW) // stride + 1
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    columns = np.empty((N, C, KH, KW, HO, WO), x.dtype)
    for n, c, p, q, i, j in np.ndindex(*columns.shape):
        columns[n, c, p, q, i, j] = xp[n, c, i * stride + p, j * stride + q]
    return columns.reshape(N, C * KH * KW, HO * WO)


@known.right("window view")
def im2col(x, KH, KW, stride=1, padding=0):
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    view = np.lib.stride_tricks.sliding_window_view(xp, (KH, KW), axis=(2, 3))
    view = view[:, :, ::stride, ::stride].transpose(0, 1, 4, 5, 2, 3)
    return view.reshape(x.shape[0], x.shape[1] * KH * KW, -1)


slip = known.slips_of(im2col)
slip(
    "rows run over (p, q, c)",
    "(0, 1, 4, 5, 2, 3)",
    "(0, 4, 5, 1, 2, 3)",
    loses=7,
    says="the rows run over (p, q, c)",
)
slip(
    "rows run over (c, q, p)",
    "(0, 1, 4, 5, 2, 3)",
    "(0, 1, 5, 4, 2, 3)",
    loses=8,
    says="the rows run over (c, q, p)",
)
slip(
    "places run down the columns",
    "(0, 1, 4, 5, 2, 3)",
    "(0, 1, 4, 5, 3, 2)",
    loses=7,
    says="the places run down the columns of the output",
)
slip(
    "one row for each window",
    "* KH * KW, -1)",
    "* KH * KW, -1).swapaxes(1, 2)",
    loses=8,
    says="rows and columns of the matrix are swapped",
)
slip("padding is ignored", "(xp, (KH", "(x, (KH", loses=4, says="padding is ignored")
slip("stride is ignored", "[:, :, ::stride, ::stride]", "", loses=3, says="stride is ignored")
slip(
    "stride for rows only",
    "::stride, ::stride]",
    "::stride]",
    loses=3,
    says="the stride is used for the rows only",
)
slip("float64 whatever the input", "-1)", "-1).astype(float)", loses=1, says="dtype")


slip(
    "no transpose",
    ".transpose(0, 1, 4, 5, 2, 3)",
    "",
    loses=8,
    says="the window view is reshaped as it is",
)
slip(
    "rows by a reshape",
    "(0, 1, 4, 5, 2, 3)",
    "(0, 2, 3, 1, 4, 5)",
    loses=8,
    says="windows in rows are reshaped to columns",
)
slip(
    "images among the rows",
    "(0, 1, 4, 5, 2, 3)",
    "(1, 4, 5, 0, 2, 3)",
    loses=7,
    says="images and rows are mixed up by a reshape",
)
slip("KW by KH", "(xp, (KH, KW)", "(xp, (KW, KH)", loses=5, says="KH and KW are swapped")
slip(
    "all zeros below and on the right",
    "(padding, padding), (padding, padding))",
    "(0, 2 * padding), (0, 2 * padding))",
    loses=4,
    says="padding is added at the bottom and right only",
)
slip(
    "stride for columns only",
    "[:, :, ::stride, ::stride]",
    "[:, :, :, ::stride]",
    loses=3,
    says="the stride is used for the columns only",
)
slip("padding of two at most", "    xp =", "    padding = min(padding, 2)\n    xp =", loses=1)
slip(
    "no stride for 1×1 windows",
    "    xp =",
    "    stride = 1 if KH == KW == 1 else stride\n    xp =",
    loses=1,
)
slip(
    "one channel for all",
    "    view = np.lib",
    "    xp = xp[:, :1] + 0 * xp\n    view = np.lib",
    loses=7,
    says="the first channel is used for all",
)
slip(
    "a view of the padded image that the next call fills",
    "return view.reshape(x.shape[0], x.shape[1] * KH * KW, -1)",
    """made = view.reshape(x.shape[0], x.shape[1] * KH * KW, -1)
    kept = im2col.__dict__.setdefault(str((made.shape, made.dtype)), np.empty_like(made))
    kept[...] = made
    return kept""",
    loses=1,
    says="kept",
)
slip("columns in float32", "-1)", "-1).astype(np.float32)", loses=8, says="dtype")
slip(
    "the border repeats the edge",
    "(padding, padding)))",
    "(padding, padding)), 'edge')",
    loses=4,
    says="the border holds copies of the edge, not zeros",
)
slip(
    "the window is flipped",
    "::stride, ::stride]",
    "::stride, ::stride, ::-1, ::-1]",
    loses=8,
    says="the window is flipped",
)
slip(
    "images in one matrix",
    "-1)",
    "-1).swapaxes(0, 1).reshape(x.shape[1] * KH * KW, -1)",
    loses=8,
    says="all images lie side by side in one matrix",
)


# --- task 5: conv2d_from_columns -----------------------------------------------------------------


@known.right("einsum")
def conv2d_from_columns(columns, w, b, HO, WO):
    y = np.einsum("nkp,fk->nfp", columns, w.reshape(w.shape[0], -1))
    return (y + b.reshape(1, -1, 1)).reshape(y.shape[0], y.shape[1], HO, WO).astype(columns.dtype)


@known.right("one image at a time")
def conv2d_from_columns(columns, w, b, HO, WO):
    rows = w.reshape(len(w), -1)
    maps = [(rows @ c + b[:, None]).reshape(-1, HO, WO) for c in columns]
    return np.stack(maps).astype(columns.dtype)


@known.right("one large product for the whole batch")
def conv2d_from_columns(columns, w, b, HO, WO):
    N, K, P = columns.shape
    y = w.reshape(-1, K) @ columns.transpose(1, 0, 2).reshape(K, N * P) + b[:, None]
    return y.reshape(-1, N, HO, WO).swapaxes(0, 1).astype(columns.dtype)


slip = known.slips_of(conv2d_from_columns)
slip("the bias is forgotten", " + b[:, None]", "", loses=3, says="the bias is not added")
slip(
    "images and filters are not swapped back",
    ".swapaxes(0, 1)",
    "",
    loses=2,
    says="images and filters are swapped",
)
slip(
    "reshape instead of transpose",
    "y.reshape(-1, N, HO, WO).swapaxes(0, 1)",
    "y.reshape(N, -1, HO, WO)",
    loses=2,
    says="images and filters are mixed up by a reshape",
)
slip(
    "HO and WO swapped",
    "HO, WO).swap",
    "WO, HO).swap",
    loses=3,
    says="height and width are swapped in the reshape",
)
slip(
    "kernels laid out last axis first",
    "w.reshape(-1, K)",
    'w.reshape(-1, K, order="F")',
    loses=2,
    says="the kernels are laid out in another order than the rows of the columns",
)
slip(
    "columns are not gathered by image",
    "columns.transpose(1, 0, 2).reshape",
    "columns.reshape",
    loses=2,
    says="reshape was used where axes of the columns should move",
)


@known.right("places first, then filters")
def conv2d_from_columns(columns, w, b, HO, WO):
    N, K = columns.shape[:2]
    y = (columns.transpose(0, 2, 1) @ w.reshape(-1, K).T + b).astype(columns.dtype)
    return y.swapaxes(1, 2).reshape(N, -1, HO, WO)


slip = known.slips_of(conv2d_from_columns)
slip(
    "the filters by a reshape",
    ".swapaxes(1, 2)",
    "",
    loses=2,
    says="reshape was used to move the filters",
)
slip(
    "columns by a reshape",
    "columns.transpose(0, 2, 1)",
    "columns.reshape(N, -1, K)",
    loses=3,
    says="reshape was used where axes of the columns should move",
)
slip(
    "kernels by a reshape",
    "w.reshape(-1, K).T",
    "w.reshape(K, -1)",
    loses=2,
    says="reshape was used to transpose the weights",
)
slip(
    "w in the order (c, q, p)",
    "w.reshape",
    "w.swapaxes(2, 3).reshape",
    loses=2,
    says="the kernels are laid out in another order than the rows of the columns",
)
slip(
    "w in the order (p, q, c)",
    "w.reshape",
    "w.transpose(0, 2, 3, 1).reshape",
    loses=2,
    says="the kernels are laid out in another order than the rows of the columns",
)
slip(
    "the places run down",
    "reshape(N, -1, HO, WO)",
    "reshape(N, -1, WO, HO).swapaxes(2, 3)",
    loses=2,
    says="the pixels run down the columns",
)
slip("the dtype of w", "columns.dtype", "w.dtype", loses=1, says="dtype")
slip(
    "the bias along the places where it fits",
    " + b)",
    " + (b[: , None] if len(b) == HO * WO else b))",
    loses=1,
)
slip(
    "the bias along the width",
    "return y.swapaxes(1, 2).reshape(N, -1, HO, WO)",
    "return (y - b).swapaxes(1, 2).reshape(N, -1, HO, WO) + b",
    loses=2,
    says="the bias is added along the width",
)


@known.right("the bias as one more row")
def conv2d_from_columns(columns, w, b, HO, WO):
    N, K, P = columns.shape
    more = np.concatenate([columns, np.ones((N, 1, P), columns.dtype)], axis=1)
    y = np.hstack([w.reshape(-1, K), b.reshape(-1, 1)]) @ more
    return y.astype(columns.dtype).reshape(N, -1, HO, WO)


# --- task 6: conv2d_backward ---------------------------------------------------------------------


@known.right("im2col, two matrix products and a fold")
def conv2d_backward(dy, x, w, stride=1, padding=0):
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    HO, WO = dy.shape[2:]
    flat = dy.reshape(N, F, -1)
    columns = im2col(x, KH, KW, stride, padding)
    dw = (flat @ columns.swapaxes(1, 2)).sum(0).reshape(w.shape).astype(x.dtype)
    dcolumns = (w.reshape(F, -1).T @ flat).reshape(N, C, KH, KW, HO, WO)
    dxp = np.zeros((N, C, H + 2 * padding, W + 2 * padding), x.dtype)
    for i, j in np.ndindex(HO, WO):
        top, left = i * stride, j * stride
        dxp[:, :, top : top + KH, left : left + KW] += dcolumns[:, :, :, :, i, j]
    return (
        dxp[:, :, padding : padding + H, padding : padding + W],
        dw,
        flat.sum((0, 2)).astype(x.dtype),
    )


@known.right("dx as a convolution of the dilated dy with the flipped kernel")
def conv2d_backward(dy, x, w, stride=1, padding=0):
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    HO, WO = dy.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(xp, (KH, KW), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride][:, :, :HO, :WO]
    dw = np.tensordot(dy, windows, ((0, 2, 3), (0, 2, 3)))
    wide = np.zeros((N, F, H + 2 * padding + KH - 1, W + 2 * padding + KW - 1), x.dtype)
    rows = slice(KH - 1, KH - 1 + stride * (HO - 1) + 1, stride)
    columns = slice(KW - 1, KW - 1 + stride * (WO - 1) + 1, stride)
    wide[:, :, rows, columns] = dy
    back = np.lib.stride_tricks.sliding_window_view(wide, (KH, KW), axis=(2, 3))
    dxp = np.tensordot(back, w[:, :, ::-1, ::-1], ((1, 4, 5), (0, 2, 3)))
    dx = np.moveaxis(dxp, -1, 1)[:, :, padding : padding + H, padding : padding + W]
    return tuple(a.astype(x.dtype) for a in (dx, dw, dy.sum((0, 2, 3))))


@known.right("loops over outputs")
def conv2d_backward(dy, x, w, stride=1, padding=0):
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dxp, dw, db = np.zeros_like(xp), np.zeros(w.shape, x.dtype), np.zeros(F, x.dtype)
    for n, f, i, j in np.ndindex(dy.shape):
        top, left = i * stride, j * stride
        db[f] += dy[n, f, i, j]
        dw[f] += dy[n, f, i, j] * xp[n, :, top : top + KH, left : left + KW]
        dxp[n, :, top : top + KH, left : left + KW] += dy[n, f, i, j] * w[f]
    dx = dxp[:, :, padding : padding + H, padding : padding + W]
    return dx, dw, db


slip = known.slips_of(conv2d_backward)
slip(
    "= for += where windows overlap in dx",
    "left : left + KW] += dy",
    "left : left + KW] = dy",
    loses=5,
    says="windows that overlap overwrite each other in dx",
)
slip("= for += in dw", "dw[f] +=", "dw[f] =", loses=4, says="in dw, only the last place counts")
slip("= for += in db", "db[f] +=", "db[f] =", loses=4, says="in db, only the last place counts")
slip(
    "[p:-p] with padding 0",
    "padding : padding + H, padding : padding + W",
    "padding:-padding, padding:-padding",
    loses=5,
    says="dx[..., p:-p] is empty for padding 0",
)
slip(
    "dx keeps its padding",
    "dx = dxp[:, :, padding : padding + H, padding : padding + W]",
    "dx = dxp",
    loses=3,
    says="dx still has the padding around it",
)
slip(
    "the padding is cut off at the wrong end",
    "dx = dxp[:, :, padding : padding + H, padding : padding + W]",
    "dx = dxp[:, :, :H, :W]",
    loses=3,
    says="dx is cut at the bottom and right only",
)
slip(
    "stride is ignored on the way back",
    "top, left = i * stride, j * stride",
    "top, left = i, j",
    loses=6,
    says="the windows of dw are one pixel apart, whatever the stride; the windows of dx are one pixel apart, whatever the stride",
)
slip(
    "stride for rows only",
    "j * stride",
    "j",
    loses=6,
    says="the windows of dw are one pixel apart along a row, whatever the stride; the windows of dx are one pixel apart along a row, whatever the stride",
)
slip(
    "the kernel is flipped in dx",
    "* w[f]",
    "* w[f, :, ::-1, ::-1]",
    loses=6,
    says="the kernel is the wrong way round in dx",
)
slip(
    "dw is averaged over the batch",
    "return dx, dw,",
    "return dx, dw / N,",
    loses=4,
    says="in dw, the sum is divided by the number of images",
)
slip(
    "db is averaged over the batch",
    "return dx, dw, db",
    "return dx, dw, db / N",
    loses=4,
    says="in db, the sum is divided by the number of images",
)
slip(
    "db is summed over the batch only",
    "return dx, dw, db",
    "return dx, dw, dy.sum(0)",
    loses=5,
    says="db is summed over the batch only",
)
slip(
    "only the first image",
    "np.ndindex(dy.shape)",
    "np.ndindex(1, *dy.shape[1:])",
    loses=9,
    says="in db, only the first image counts; in dw, only the first image counts; in dx, only the first image counts",
)
slip(
    "the bias is taken for a factor",
    "db[f] += dy[n, f, i, j]",
    "db[f] += dy[n, f, i, j] * w[f].sum()",
    loses=5,
)
slip(
    "float64 whatever the input",
    "return dx, dw, db",
    "return dx.astype(float), dw, db",
    loses=1,
    says="dtype",
)
slip(
    "dy is used up",
    "        dxp[n, :, top : top + KH, left : left + KW] += dy[n, f, i, j] * w[f]",
    "        dxp[n, :, top : top + KH, left : left + KW] += dy[n, f, i, j] * w[f]\n        dy[n, f, i, j] = 0",
    loses=1,
    says="mutated",
)
slip(
    "another order of the gradients",
    "return dx, dw, db",
    "return db, dx, dw",
    loses=10,
    says="the values are returned as (db, dx, dw), not as (dx, dw, db)",
)
slip("db is not returned", "return dx, dw, db", "return dx, dw", loses=10, says="type")
slip(
    "dx and dw swapped",
    "return dx, dw, db",
    "return dw, dx, db",
    loses=8,
    says="the values are returned as (dw, dx, db), not as (dx, dw, db)",
)
slip(
    "dx is summed over the filters with the first kernel",
    "* w[f]",
    "* w[0]",
    loses=5,
    says="the kernel of the first filter is used for all in dx",
)
slip(
    "dw is flipped",
    "return dx, dw, db",
    "return dx, dw[:, :, ::-1, ::-1], db",
    loses=5,
    says="dw is flipped",
)
slip(
    "db is a mean",
    "return dx, dw, db",
    "return dx, dw, db / dy[:, 0].size",
    loses=4,
    says="in db, a mean over images and places is taken",
)
slip(
    "db is left as one number for each image",
    "return dx, dw, db",
    "return dx, dw, dy.sum((2, 3))",
    loses=5,
    says="db is not summed over the batch",
)
slip(
    "the padding of x is forgotten in dw",
    "dw[f] += dy[n, f, i, j] * xp[n, :, top : top + KH, left : left + KW]",
    """part = x[n, :, top : top + KH, left : left + KW]
        dw[f, :, : part.shape[2], : part.shape[3]] += dy[n, f, i, j] * part""",
    loses=10,
)
slip(
    "dx has the wrong sign",
    "return dx, dw, db",
    "return -dx, dw, db",
    loses=6,
    says="every value of dx has the opposite sign",
)
slip("dx only", "return dx, dw, db", "return dx", loses=10, says="type")
slip(
    "dw and db are not there yet",
    "return dx, dw, db",
    "return dx, None, None",
    loses=7,
    says="type",
)
slip(
    "x is turned and turned back",
    "    return dx, dw, db",
    "    x *= 3; x /= 3\n    return dx, dw, db",
    loses=1,
    says="mutated",
)
slip(
    "dx over N",
    "return dx, dw, db",
    "return dx / N, dw, db",
    loses=5,
    says="in dx, the sum is divided by the number of images",
)
slip(
    "dw over images and places",
    "return dx, dw, db",
    "return dx, dw / dy[:, 0].size, db",
    loses=4,
    says="in dw, a mean over images and places is taken",
)
slip(
    "dx from 2·padding on",
    "dx = dxp[:, :, padding : padding + H, padding : padding + W]",
    "dx = dxp[:, :, 2 * padding :, 2 * padding :]",
    loses=3,
    says="dx is cut at the top and left only",
)
slip(
    "dx up to H and W",
    "dx = dxp[:, :, padding : padding + H, padding : padding + W]",
    "dx = dxp[:, :, padding:H, padding:W]",
    loses=3,
    says="dx ends at row H and column W of the padded x",
)
slip(
    "dw as (C, F, KH, KW)",
    "return dx, dw, db",
    "return dx, dw.swapaxes(0, 1), db",
    loses=4,
    says="dw is indexed (C, F, KH, KW)",
)
slip(
    "keepdims",
    "return dx, dw, db",
    "return dx, dw, dy.sum((0, 2, 3), keepdims=True).astype(x.dtype)",
    loses=5,
    says="db has axes of length 1 left",
)
slip(
    "db over the filters",
    "return dx, dw, db",
    "return dx, dw, dy.sum((1, 2, 3)).astype(x.dtype)",
    loses=4,
    says="db is summed over filters, not images",
)
slip(
    "the last image is left out",
    "np.ndindex(dy.shape)",
    "np.ndindex(dy.shape[0] - 1, *dy.shape[1:])",
    loses=10,
    says="in dx, the last image is left out; in db, the last image is left out; in dw, the last image is left out",
)
slip(
    "the last places are left out",
    "np.ndindex(dy.shape)",
    "np.ndindex(*dy.shape[:2], dy.shape[2] - 1, dy.shape[3] - 1)",
    loses=10,
    says="in dx, the last row and column of places are left out; in db, the last row and column of places are left out; in dw, the last row and column of places are left out",
)
slip(
    "the kernel is mirrored in dx",
    "* w[f]",
    "* w[f, :, :, ::-1]",
    loses=6,
    says="the kernel is flipped left to right in dx",
)
slip(
    "dx from the last filter",
    "* w[f]",
    "* w[f] * (f == F - 1)",
    loses=5,
    says="in dx, only the last filter counts",
)
slip("another default", "stride=1", "stride=2", loses=3)
slip(
    "the dtypes of the arguments",
    "dw, db = np.zeros_like(xp), np.zeros(w.shape, x.dtype)",
    "dw, db = np.zeros_like(xp), np.zeros(w.shape, w.dtype)",
    loses=1,
    says="dtype",
)
slip(
    "dx ends with the last windows",
    "dx = dxp[:, :, padding : padding + H, padding : padding + W]",
    "dx = dxp[:, :, padding : min(padding + H, top + KH), padding : min(padding + W, left + KW)]",
    loses=3,
    says="dx ends where the last windows end",
)
slip(
    "gradients add up from call to call",
    "return dx, dw, db",
    """total = conv2d_backward.__dict__.setdefault(str(w.shape), np.zeros(w.shape))
    total += dw
    return dx, total.astype(x.dtype), db""",
    loses=2,
)


@known.right("each gradient by a helper of its own, with einsum over taps")
def conv2d_backward(dy, x, w, stride=1, padding=0):
    def taps():
        for p, q in np.ndindex(*w.shape[2:]):
            yield (
                p,
                q,
                slice(p, p + stride * dy.shape[2], stride),
                slice(q, q + stride * dy.shape[3], stride),
            )

    edge = ((0, 0), (0, 0), (padding, padding + stride), (padding, padding + stride))
    xp = np.pad(x, edge)
    dxp, dw = np.zeros_like(xp), np.empty(w.shape, x.dtype)
    for p, q, rows, columns in taps():
        met = xp[:, :, rows, columns]
        dw[:, :, p, q] = np.tensordot(dy, met, ((0, 2, 3), (0, 2, 3)))
        dxp[:, :, rows, columns] += np.einsum("nfij,fc->ncij", dy, w[:, :, p, q])
    H, W = x.shape[2:]
    return (
        dxp[:, :, padding : padding + H, padding : padding + W],
        dw,
        dy.sum((0, 2, 3)).astype(x.dtype),
    )


slip = known.slips_of(conv2d_backward)
slip(
    "= for += over kernel positions",
    "columns] += np",
    "columns] = np",
    loses=5,
    says="the shares of the kernel positions overwrite each other in dx",
)


@known.right("np.add.at, and -padding or None")
def conv2d_backward(dy, x, w, stride=1, padding=0):
    (HO, WO), (KH, KW) = dy.shape[2:], w.shape[2:]
    rows = (stride * np.arange(HO)[:, None] + np.arange(KH))[:, None, :, None]
    columns = (stride * np.arange(WO)[:, None] + np.arange(KW))[None, :, None, :]
    xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dxp, shares = np.zeros_like(xp), np.einsum("nfij,fcpq->ncijpq", dy, w).astype(x.dtype)
    np.add.at(dxp, (slice(None), slice(None), rows, columns), shares)
    dw = np.einsum("nfij,ncijpq->fcpq", dy, xp[:, :, rows, columns]).astype(x.dtype)
    inside = slice(padding, -padding or None)
    return dxp[:, :, inside, inside], dw, dy.sum(-1).sum(-1).sum(0).astype(x.dtype)


@known.right("finite differences, which are exact where everything is linear")
def conv2d_backward(dy, x, w, stride=1, padding=0):
    def share(x, w):
        xp = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        view = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], (2, 3))
        y = np.einsum("ncijpq,fcpq->nfij", view[:, :, ::stride, ::stride], w)
        return (dy * y).sum((1, 2, 3))

    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for index in np.ndindex(*x.shape[1:]):
        one = np.zeros((1, *x.shape[1:]))
        one[(0, *index)] = 1
        dx[(slice(None), *index)] = share(one, w)
    for index in np.ndindex(*w.shape):
        one = np.zeros(w.shape)
        one[index] = 1
        dw[index] = share(x, one).sum()
    return tuple(a.astype(x.dtype) for a in (dx, dw, dy.sum((0, 2, 3))))
