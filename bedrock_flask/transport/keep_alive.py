"""When TCP probes a silent connection to Bedrock.

Load balancers and NAT gateways drop a silent connection after 350 s, and a model may think for longer.
"""

import socket

# Seconds of silence before the first probe and between two, and the lost probes after which the connection ends.
_PROBES = ("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 5)

# The socket options that this system has, each as level, option and value.
PROBE_OPTIONS = tuple((socket.IPPROTO_TCP, getattr(socket, name), v) for name, v in _PROBES if hasattr(socket, name))
