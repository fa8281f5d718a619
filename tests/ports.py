"""Free ports for processes that cannot choose one by themselves."""

import random
import socket


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now, below those that the system gives away by itself."""
    found: list[int] = []
    for port in random.sample(range(33000, 37500), 4500):  # other test processes look for some at the same time
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            try:
                stream.bind(("127.0.0.1", port))
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            break
    return found
