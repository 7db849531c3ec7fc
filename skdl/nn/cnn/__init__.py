"""Convolutional networks by name, for images and, with one-dimensional kernels, for series.

Each builder takes ``(in_channels, size, n_outputs)``, where ``size`` is ``(height, width)`` or ``(length,)``. At the
size of its paper a network is the paper's; on smaller inputs the stem keeps the resolution and poolings that would
leave nothing are left out, as the file of each network says.
"""

from collections.abc import Callable

from torch import nn

from skdl.nn.cnn.alexnet import alexnet
from skdl.nn.cnn.auto import auto
from skdl.nn.cnn.dilated import dilated
from skdl.nn.cnn.googlenet import googlenet
from skdl.nn.cnn.lenet import lenet
from skdl.nn.cnn.mobilenet import mobilenet
from skdl.nn.cnn.multiscale import multiscale
from skdl.nn.cnn.nin import nin
from skdl.nn.cnn.resnet import resnet18, resnet34, resnet50, senet
from skdl.nn.cnn.vgg import vgg11, vgg13, vgg16, vgg19

ARCHITECTURES: dict[str, Callable[[int, tuple[int, ...], int], nn.Module]] = {
    "auto": auto,
    "lenet": lenet,
    "alexnet": alexnet,
    "vgg11": vgg11,
    "vgg13": vgg13,
    "vgg16": vgg16,
    "vgg19": vgg19,
    "nin": nin,
    "googlenet": googlenet,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "senet": senet,
    "mobilenet": mobilenet,
    "dilated": dilated,
    "multiscale": multiscale,
}

__all__ = ["ARCHITECTURES"]
