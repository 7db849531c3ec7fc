"""Convolutional networks against the published numbers of parameters, at every size and dimension."""

import pytest
import torch

from skdl.nn.cnn import ARCHITECTURES
from skdl.nn.cnn.auto import auto, series
from skdl.nn.cnn.dilated import context
from skdl.nn.cnn.layers import Excitation, Trunk
from skdl.nn.cnn.multiscale import multiscale

# (channels, size, outputs) and parameters: of the papers' reference implementations (Caffe's for LeNet's successors of
# 2014, torchvision's for AlexNet, VGG and ResNet, the authors' for SENet, Keras' trainable ones for MobileNet,
# tsai's for InceptionTime, whose kernels are odd too).
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
    "multiscale": ((3, (128,), 2), 455_490),
}


def _count(module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_every_named_network_but_our_own_is_compared():
    assert set(ARCHITECTURES) - {"auto", "dilated"} == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_number_of_parameters(name):
    arguments, published = PUBLISHED[name]
    with torch.device("meta"):  # shapes without memory
        module = ARCHITECTURES[name](*arguments)
        channels, size, n_outputs = arguments
        assert module(torch.zeros(2, channels, *size)).shape == (2, n_outputs)
    assert _count(module) == published


def test_context_module_has_the_layers_of_its_paper():
    # Seven 3 x 3 layers and one of 1 x 1, all of C channels: (7 * 9 + 1) C**2 weights (table 1, "basic").
    trunk = context(Trunk(12, (28, 28)))
    layers = [layer for layer in trunk.layers if isinstance(layer, torch.nn.Conv2d)]
    assert sum(_count(layer) for layer in layers) == 64 * 12**2
    fields = [1]
    for layer in layers:
        fields.append(fields[-1] + layer.dilation[0] * (layer.kernel_size[0] - 1))
    assert fields[1:] == [3, 5, 9, 17, 33, 65, 67, 67]  # the paper's receptive fields


def test_dilation_reaches_as_far_as_it_says_and_no_further():
    torch.manual_seed(0)
    trunk = Trunk(1, (101,))
    trunk.conv(1, 3, dilation=8, bias=False).conv(1, 3, dilation=2, bias=False)
    x = torch.zeros(1, 1, 101, requires_grad=True)
    trunk.done()(x)[0, 0, 50].backward()
    assert torch.equal(x.grad[0, 0].nonzero()[:, 0], torch.tensor([40, 42, 44, 48, 50, 52, 56, 58, 60]))


def test_series_network_is_that_of_its_paper():
    # Wang, Yan & Oates, figure 1c, written down layer by layer: convolutions, normalisations, linear layer.
    def block(ins, outs, a, b, c):
        convolutions = a * ins * outs + b * outs**2 + c * outs**2 + (ins * outs if ins != outs else 0)
        return convolutions + 4 * 2 * outs

    def network(width, *kernels):
        blocks = [(2, width), (width, 2 * width), (2 * width, 2 * width)]
        return sum(block(*channels, *kernels) for channels in blocks) + 2 * width * 5 + 5

    paper = network(64, 7, 5, 3)
    assert _count(series(2, (50,), 5, width=64, kernels=(7, 5, 3), halve=False)) == paper
    assert _count(series(2, (50,), 5, width=32, kernels=(7, 5, 3), halve=False)) == network(32, 7, 5, 3) < paper / 3
    assert _count(auto(2, (50,), 5)) == _count(series(2, (50,), 5, width=32)) == network(32, 15, 9, 5)


def _steps_seen(module, n_steps: int) -> int:
    """How many steps of the input change one unit of the last map, in the middle of it."""
    x = torch.rand(1, 1, n_steps, dtype=torch.float64, requires_grad=True)
    maps = module[:-3].double().eval()(x)
    maps[0, :, maps.shape[-1] // 2].sum().backward()
    return len(x.grad[0, 0].nonzero())


def test_default_for_series_sees_far():
    torch.manual_seed(0)
    assert _steps_seen(auto(1, (400,), 5), 400) == 186
    assert _steps_seen(series(1, (400,), 5, kernels=(7, 5, 3), halve=False), 400) == 37
    assert not any(layer.kernel_size[0] > 3 for layer in auto(2, (15,), 5) if isinstance(layer, torch.nn.Conv1d))


def test_parallel_kernels_look_at_the_same_places():
    module = multiscale(1, (60,), 2)
    first = module[0].branch[0].branches[0][0]  # of a single channel, which is not reduced
    widths = [branch[0].kernel_size[0] for branch in first.branches]
    assert widths == [39, 19, 9]
    assert first(torch.zeros(1, 1, 60)).shape == (1, 96, 60)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("size", [(1,), (2,), (13,), (140,), (1, 1), (5, 9), (28, 28), (32, 32), (64, 48), (100, 75)])
def test_every_size_goes_through(name, size):
    with torch.device("meta"):
        module = ARCHITECTURES[name](2, size, 3)
        assert module(torch.zeros(4, 2, *size)).shape == (4, 3)


@pytest.mark.parametrize("name", ["auto", "lenet", "mobilenet", "resnet18", "senet", "dilated", "multiscale"])
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
