import os
import socket

import pytest

from mmcckd.engine import gloo_interface
from mmcckd.engine.gloo_interface import choose_gloo_interface

OUTSIDE = '192.0.2.1'  # reserved for documentation


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv('GLOO_SOCKET_IFNAME', raising=False)


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect((OUTSIDE, 1))
        except OSError:
            pytest.skip('there is no network')
        return s.getsockname()[0]


@pytest.mark.parametrize('is_rank_0', [True, False])
def test_the_interface_that_reaches_rank_0(is_rank_0, monkeypatch):
    address = own_address()
    monkeypatch.setenv('MASTER_ADDR', address if is_rank_0 else OUTSIDE)
    choose_gloo_interface()
    name = os.environ['GLOO_SOCKET_IFNAME']
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        assert gloo_interface._address(s, name) == address


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost', 'none.invalid'])
def test_no_interface(host, monkeypatch):
    """On one machine, or if the host is not found."""
    monkeypatch.setenv('MASTER_ADDR', host)
    choose_gloo_interface()
    assert 'GLOO_SOCKET_IFNAME' not in os.environ


def test_the_choice_of_the_user(monkeypatch):
    monkeypatch.setenv('MASTER_ADDR', OUTSIDE)
    monkeypatch.setenv('GLOO_SOCKET_IFNAME', 'ib0')
    choose_gloo_interface()
    assert os.environ['GLOO_SOCKET_IFNAME'] == 'ib0'
