#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files are transferred to the guest byte by byte, no slower than by the system's library.

`--against-stock`: the same by the system's library, in turn; the ratio of the best times is reported.
"""
import hashlib
import os
import time

from harness import client, desktop
from harness.run import check, run

MOST_OF_STOCKS_TIME = 1.15  # two runs of the same differ by as much
ROUNDS = 3


def make_file(bench, name, size):
    """A file of bytes that nothing compresses, and its SHA-256."""
    path = bench.path(name)
    with open(path, "wb") as file, open("/dev/urandom", "rb") as noise:
        data = noise.read(size)
        file.write(data)
    return path, hashlib.sha256(data).hexdigest()


def arrives(bench, vm, viewer, path, sha256):
    """Transfers the file; it must be in the guest, the same; the seconds it took."""
    began = time.monotonic()
    viewer.command(f"send-file {path} 100", 110)
    took = time.monotonic() - began
    name = os.path.basename(path)
    got = vm.shell(f"sha256sum < /run/xfer/{name}; rm /run/xfer/{name}", 60).split()[0]
    check(got == sha256, f"{name}: the guest has {got[:16]}, the client {sha256[:16]}")
    size = os.path.getsize(path)
    bench.say(f"{viewer.name}: {size} bytes in {took:.2f} s ({size / took / 1e6:.1f} MB/s)")
    return took


def one_library(bench, options, name):
    """The best time of a few transfers to a fresh guest."""
    vm = desktop.start(bench, name=name)
    viewer = client.connect(bench, vm, f"client-{name}")
    viewer.command("wait-agent 10")
    for size in (1, 2047, 70_001):
        arrives(bench, vm, viewer, *make_file(bench, f"small{size}", size))
    took = [arrives(bench, vm, viewer, *make_file(bench, f"big{number}", options.megabytes * 1_000_000))
            for number in range(ROUNDS if options.against_stock else 1)]
    viewer.quit()
    vm.quit()
    return min(took)


def test(bench, options):
    ours = one_library(bench, options, "host")
    if options.against_stock:
        os.environ["CARAVAN_LIBDIR"] = ""
        stock = one_library(bench, options, "stock")
        bench.say(f"{options.megabytes} MB: {ours:.2f} s, stock {stock:.2f} s, {ours / stock:.2f} of it")
        check(ours <= stock * MOST_OF_STOCKS_TIME, "slower than stock")


def arguments(parser):
    parser.add_argument("--megabytes", type=int, default=5)
    parser.add_argument("--against-stock", action="store_true")


if __name__ == "__main__":
    run(test, 300, arguments)
