import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from mmcckd.models.batch_norm_folding import fold_batch_norm


class Net(nn.Module):
    """A convolution and a BatchNorm, used in the way that a subclass says."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.norm(self.conv(x))


class OutputUsedTwice(Net):

    def forward(self, x):
        x = self.conv(x)
        return self.norm(x) + x


class ChangedBetween(Net):

    def forward(self, x):
        return self.norm(self.conv(x).relu_())


class SharedConv(Net):

    def forward(self, x):
        return self.norm(self.conv(x)) + self.conv(x + 1)


class SharedNorm(Net):

    def forward(self, x):
        return self.norm(self.conv(x)) + self.norm(self.conv(x + 1))


class NormFirst(Net):
    """In the order of the modules, the convolution comes first."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.conv(self.norm(x))


class Standardized(nn.Conv2d):

    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return nn.functional.conv2d(x, weight)


class WithStandardized(Net):

    def __init__(self):
        super().__init__()
        self.conv = Standardized(3, 4, 3, bias=False)


class WithWeightNorm(Net):

    def __init__(self):
        super().__init__()
        weight_norm(self.conv)


class WithoutStatistics(Net):

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)


class Bare(Net):
    """With a bias, and a BatchNorm without weight and bias."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4, affine=False)


def make(kind):
    torch.manual_seed(0)
    net = kind().eval()
    norm = net.norm
    for tensor in (norm.running_mean, norm.running_var, norm.weight):
        if tensor is not None:
            nn.init.uniform_(tensor, 0.5, 2)
    return net


@pytest.mark.parametrize('kind, folds', [
    (Net, True),
    (Bare, True),
    (OutputUsedTwice, False),
    (ChangedBetween, False),
    (SharedConv, False),
    (SharedNorm, False),
    (NormFirst, False),
    (WithStandardized, False),
    (WithWeightNorm, False),
    (WithoutStatistics, False),
])
@torch.no_grad()
def test_folds_where_it_can_and_changes_nothing(kind, folds):
    net = make(kind)
    x = torch.randn(2, 3, 8, 8)
    before = net(x)
    assert len(fold_batch_norm(net, lambda: net(x[:1]))) == folds
    assert isinstance(net.norm, nn.Identity) == folds
    torch.testing.assert_close(net(x), before)


@torch.no_grad()
def test_keeps_what_is_listened_to():
    net, x = make(Net), torch.ones(1, 3, 8, 8)
    for module in (net.conv, net.norm):
        assert not fold_batch_norm(net, lambda: net(x), [module])
    assert isinstance(net.norm, nn.BatchNorm2d)


@torch.no_grad()
def test_a_norm_in_train_mode_is_kept():
    net = make(Net)
    net.norm.train()
    assert not fold_batch_norm(net, lambda: net(torch.ones(2, 3, 8, 8)))


@pytest.mark.parametrize('name, norms', [
    ('resnet18_8xb32_in1k', 20),
    ('mobilenet-v2_8xb32_in1k', 52),
])
@torch.no_grad()
def test_networks_of_mmpretrain(name, norms):
    from mmpretrain import get_model
    torch.manual_seed(0)
    model = get_model(name).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    x = torch.randn(2, 3, 64, 64)
    before = model(x)
    assert len(fold_batch_norm(model, lambda: model(x[:1]))) == norms
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    torch.testing.assert_close(
        model(x), before, rtol=1e-4, atol=1e-5 * before.abs().max().item())
