"""Thin objects over `convnets.functional`: parameters, mode and a repr."""

from convnets.layers.activations import ReLU, Sigmoid, Softplus, Tanh
from convnets.layers.base import Buffer, Layer, Parameter, Positionwise
from convnets.layers.batch_norm import BatchNorm1d, BatchNorm2d
from convnets.layers.containers import Concat, Container, Residual, Sequential
from convnets.layers.conv import Conv2d, LocallyConnected2d
from convnets.layers.drop_connect import DropAll, DropConnectLinear
from convnets.layers.dropout import DropMaps2d, Dropout, StochasticDepth, VanillaDropout
from convnets.layers.fields import Field
from convnets.layers.linear import Flatten, Linear
from convnets.layers.norms import LocalResponseNorm
from convnets.layers.pool import AvgPool2d, FractionalMaxPool2d, GlobalAvgPool2d, MaxPool2d
from convnets.layers.state import average_states
from convnets.layers.variational_dropout import VariationalDropout

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
    "Flatten",
    "FractionalMaxPool2d",
    "GlobalAvgPool2d",
    "Layer",
    "Linear",
    "LocalResponseNorm",
    "LocallyConnected2d",
    "MaxPool2d",
    "Parameter",
    "Positionwise",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softplus",
    "StochasticDepth",
    "Tanh",
    "VanillaDropout",
    "VariationalDropout",
    "average_states",
]
