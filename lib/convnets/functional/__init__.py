"""Forward and backward functions of layers and losses: pure, for NumPy arrays and torch tensors.

They stand beside autograd, not within it: a tensor that requires a gradient is refused, unless
autograd is switched off, as under `torch.no_grad()` and inside a `torch.autograd.Function`.
"""

from convnets.functional.activations import (
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from convnets.functional.batch_norm import batch_norm, batch_norm_backward
from convnets.functional.conv import conv2d, conv2d_backward
from convnets.functional.drop_all import drop_all, drop_all_backward, drop_all_eval
from convnets.functional.drop_connect import (
    drop_connect,
    drop_connect_backward,
    drop_connect_eval,
    drop_connect_gaussian,
    drop_connect_moments,
)
from convnets.functional.dropout import (
    drop_maps,
    drop_maps_backward,
    dropout,
    dropout_backward,
    vanilla_dropout,
    vanilla_dropout_backward,
    vanilla_dropout_eval,
)
from convnets.functional.filter_response_norm import (
    filter_response_norm,
    filter_response_norm_backward,
    thresholded_linear,
    thresholded_linear_backward,
)
from convnets.functional.fractional_pool import (
    fractional_max_pool2d,
    fractional_max_pool2d_backward,
)
from convnets.functional.group_norm import (
    group_norm,
    group_norm_backward,
    instance_norm,
    instance_norm_backward,
)
from convnets.functional.layer_norm import layer_norm, layer_norm_backward
from convnets.functional.linear import flatten, flatten_backward, linear, linear_backward
from convnets.functional.locally_connected import (
    locally_connected2d,
    locally_connected2d_backward,
)
from convnets.functional.losses import (
    hinge_loss,
    hinge_loss_backward,
    log_softmax,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from convnets.functional.norms import local_response_norm, local_response_norm_backward
from convnets.functional.pool import (
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from convnets.functional.stochastic_depth import (
    stochastic_depth,
    stochastic_depth_backward,
    survival_probability,
)
from convnets.functional.variational_dropout import (
    variational_dropout,
    variational_dropout_backward,
    variational_kl,
)
from convnets.functional.weight_norm import (
    mean_only_batch_norm,
    mean_only_batch_norm_backward,
    weight_norm,
    weight_norm_backward,
)

__all__ = [
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "conv2d",
    "conv2d_backward",
    "drop_all",
    "drop_all_backward",
    "drop_all_eval",
    "drop_connect",
    "drop_connect_backward",
    "drop_connect_eval",
    "drop_connect_gaussian",
    "drop_connect_moments",
    "drop_maps",
    "drop_maps_backward",
    "dropout",
    "dropout_backward",
    "filter_response_norm",
    "filter_response_norm_backward",
    "flatten",
    "flatten_backward",
    "fractional_max_pool2d",
    "fractional_max_pool2d_backward",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "group_norm",
    "group_norm_backward",
    "hinge_loss",
    "hinge_loss_backward",
    "instance_norm",
    "instance_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "linear",
    "linear_backward",
    "local_response_norm",
    "local_response_norm_backward",
    "locally_connected2d",
    "locally_connected2d_backward",
    "log_softmax",
    "max_pool2d",
    "max_pool2d_backward",
    "mean_only_batch_norm",
    "mean_only_batch_norm_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "softplus",
    "softplus_backward",
    "stochastic_depth",
    "stochastic_depth_backward",
    "survival_probability",
    "tanh",
    "tanh_backward",
    "thresholded_linear",
    "thresholded_linear_backward",
    "vanilla_dropout",
    "vanilla_dropout_backward",
    "vanilla_dropout_eval",
    "variational_dropout",
    "variational_dropout_backward",
    "variational_kl",
    "weight_norm",
    "weight_norm_backward",
]
