# SPDX-License-Identifier: MIT
"""Joins two TUN devices: every packet of one comes out of the other, a fixed time later.

usage: delay_relay.py DESCRIPTOR DESCRIPTOR SECONDS      (both non-blocking; ends when one is gone)
"""
import collections
import os
import select
import sys
import time

PACKET_MAX = 65536
WAITING_MAX = 20000  # packets, one way: what comes beyond is lost, as on any link


def take_in(source, waiting, delay):
    while True:
        try:
            packet = os.read(source, PACKET_MAX)
        except BlockingIOError:
            return
        if len(waiting) < WAITING_MAX:
            waiting.append((time.monotonic() + delay, packet))


def pass_on(sink, waiting):
    """Writes what is due; returns the seconds until the next is, None: nothing waits."""
    while waiting:
        left = waiting[0][0] - time.monotonic()
        if left > 0:
            return left
        try:
            os.write(sink, waiting.popleft()[1])
        except BlockingIOError:
            pass
    return None


def relay(ends, delay):
    ways = [(ends[0], ends[1], collections.deque()), (ends[1], ends[0], collections.deque())]
    while True:
        times = [pass_on(sink, waiting) for _source, sink, waiting in ways]
        select.select(ends, [], [], min((left for left in times if left is not None), default=None))
        for source, _sink, waiting in ways:
            take_in(source, waiting, delay)


if __name__ == "__main__":
    try:
        relay([int(sys.argv[1]), int(sys.argv[2])], float(sys.argv[3]))
    except OSError as gone:
        sys.exit(f"delay_relay: {gone}")
