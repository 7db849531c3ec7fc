"""Convolutional networks against the published numbers of parameters, at every size and dimension."""

import pytest
import torch

from skdl.nn.cnn import ARCHITECTURES
from skdl.nn.cnn.layers import Excitation, Trunk

# (channels, size, outputs) and parameters: of the papers' reference implementations (Caffe's for LeNet's successors of
# 2014, torchvision's for AlexNet, VGG and ResNet, the authors' for SENet, Keras' trainable ones for MobileNet).
PUBLISHED = {
    "lenet": ((1, (28, 28), 10), 61_706),
    "alexnet": ((3, (224, 224), 1000), 61_100_840),
    "vgg11": ((3, (224, 224), 1000), 132_863_336),
    "vgg13": ((3, (224, 224), 1000), 133_047_848),
    "vgg16": ((3, (224, 224), 1000), 138_357_544),
    "vgg19": ((3, (224, 224), 1000), 143_667_240),
    "nin": ((3, (224, 224), 1000), 7_595_176),
    "googlenet": ((3, (224, 224), 1000), 6_998_552),
    "resnet18": ((3, (224, 224), 1000), 11_689_512),
    "resnet34": ((3, (224, 224), 1000), 21_797_672),
    "resnet50": ((3, (224, 224), 1000), 25_557_032),
    "senet": ((3, (224, 224), 1000), 28_088_024),
    "mobilenet": ((3, (224, 224), 1000), 4_231_976),
}


def test_every_named_network_but_our_own_is_compared():
    assert set(ARCHITECTURES) - {"auto"} == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_number_of_parameters(name):
    arguments, published = PUBLISHED[name]
    with torch.device("meta"):  # shapes without memory
        module = ARCHITECTURES[name](*arguments)
        channels, size, n_outputs = arguments
        assert module(torch.zeros(2, channels, *size)).shape == (2, n_outputs)
    assert sum(weight.numel() for weight in module.parameters()) == published


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("size", [(1,), (2,), (13,), (140,), (1, 1), (5, 9), (28, 28), (32, 32), (64, 48), (100, 75)])
def test_every_size_goes_through(name, size):
    with torch.device("meta"):
        module = ARCHITECTURES[name](2, size, 3)
        assert module(torch.zeros(4, 2, *size)).shape == (4, 3)


@pytest.mark.parametrize("name", ["auto", "lenet", "mobilenet", "resnet18", "senet"])
def test_gradients_reach_every_weight(name):
    torch.manual_seed(0)
    module = ARCHITECTURES[name](3, (16, 16), 4)
    module(torch.randn(4, 3, 16, 16)).square().sum().backward()
    silent = [path for path, weight in module.named_parameters() if weight.grad is None or not weight.grad.any()]
    # Below four pixels a map is one value, and the edges of a 3-wide kernel see nothing but padding.
    assert not [path for path in silent if "bias" not in path]


def test_trunk_knows_its_size():
    torch.manual_seed(0)
    for size in [(37,), (29, 18)]:
        trunk = Trunk(2, size).conv(5, 3, stride=2).max_pool(3, 2, ceil=True).conv(4, 3, padding=0).mean_pool(2)
        assert trunk.done()(torch.zeros(1, 2, *size)).shape == (1, trunk.channels, *trunk.size)


def test_excitation_weighs_channels():
    torch.manual_seed(0)
    layer = Excitation(8, reduction=2)
    x = torch.randn(3, 8, 5, 5)
    ratio = layer(x) / x
    assert torch.allclose(ratio, ratio[:, :, :1, :1].expand_as(ratio), atol=1e-5)
    torch.testing.assert_close(ratio[:, :, 0, 0], layer.weigh(x.mean(dim=(2, 3))))
