"""The network interface through which gloo reaches the other machines."""
import os
import socket
import struct
from typing import Optional

SIOCGIFADDR = 0x8915  # of Linux: the IPv4 address of an interface


def choose_gloo_interface() -> None:
    """Set ``GLOO_SOCKET_IFNAME`` to the interface that reaches rank 0.

    Gloo listens at the address of the host name. On many machines, /etc/hosts
    gives the host name a loopback address, which other machines cannot reach.
    ``MASTER_ADDR`` must be set. A value of the user is kept. Nothing is set if
    all ranks are on this machine, and without an IPv4 route.
    """
    if os.environ.get('GLOO_SOCKET_IFNAME'):
        return
    interface = _interface_to(os.environ['MASTER_ADDR'])
    if interface is not None:
        os.environ['GLOO_SOCKET_IFNAME'] = interface


def _interface_to(host: str) -> Optional[str]:
    """Return the interface of the route to a host; None if there is none, or
    if the host has a loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect((host, 1))  # only selects the route; nothing is sent
        except OSError:
            return None
        address = s.getsockname()[0]
        if address.startswith('127.'):
            return None
        # The route to an own address is lo, so the name is looked up by
        # address.
        for _, name in socket.if_nameindex():
            if _address(s, name) == address:
                return name
    return None


def _address(s: socket.socket, interface: str) -> Optional[str]:
    import fcntl  # not on Windows
    request = struct.pack('256s', interface.encode())
    try:
        found = fcntl.ioctl(s.fileno(), SIOCGIFADDR, request)
    except OSError:  # it has no IPv4 address
        return None
    return socket.inet_ntoa(found[20:24])
