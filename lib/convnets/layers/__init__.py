"""Thin objects over `convnets.functional`: parameters, mode and a repr."""

from convnets.layers.activations import ReLU, Sigmoid, Softplus, Tanh
from convnets.layers.base import Buffer, Layer, Parameter, Positionwise
from convnets.layers.batch_norm import BatchNorm1d, BatchNorm2d
from convnets.layers.containers import Concat, Container, Residual, Sequential
from convnets.layers.conv import Conv2d, LocallyConnected2d
from convnets.layers.drop_connect import DropAll, DropConnectLinear
from convnets.layers.dropout import DropMaps2d, Dropout, StochasticDepth, VanillaDropout
from convnets.layers.fields import Field
from convnets.layers.filter_response_norm import FilterResponseNorm, ThresholdedLinear
from convnets.layers.folding import fold
from convnets.layers.group_norm import GroupNorm, InstanceNorm2d, LayerNorm
from convnets.layers.linear import Flatten, Linear
from convnets.layers.norms import LocalResponseNorm
from convnets.layers.pool import AvgPool2d, FractionalMaxPool2d, GlobalAvgPool2d, MaxPool2d
from convnets.layers.population import population_statistics
from convnets.layers.state import average_states
from convnets.layers.variational_dropout import VariationalDropout
from convnets.layers.weight_norm import MeanOnlyBatchNorm1d, MeanOnlyBatchNorm2d, WeightNorm

__all__ = [
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "Concat",
    "Container",
    "Conv2d",
    "DropAll",
    "DropConnectLinear",
    "DropMaps2d",
    "Dropout",
    "Field",
    "FilterResponseNorm",
    "Flatten",
    "FractionalMaxPool2d",
    "GlobalAvgPool2d",
    "GroupNorm",
    "InstanceNorm2d",
    "Layer",
    "LayerNorm",
    "Linear",
    "LocalResponseNorm",
    "LocallyConnected2d",
    "MaxPool2d",
    "MeanOnlyBatchNorm1d",
    "MeanOnlyBatchNorm2d",
    "Parameter",
    "Positionwise",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softplus",
    "StochasticDepth",
    "Tanh",
    "ThresholdedLinear",
    "VanillaDropout",
    "VariationalDropout",
    "WeightNorm",
    "average_states",
    "fold",
    "population_statistics",
]
