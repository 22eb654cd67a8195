# SPDX-License-Identifier: MIT
"""Clients that are far away: a network namespace of their own, behind a link with a delay.

The test itself goes into a new network namespace first (enter()), so nothing of the machine's is
touched. Two TUN devices join the two namespaces; a process of ours passes packets between them and
keeps each for half the round trip: the kernel's netem is not everywhere.
"""
import fcntl
import os
import shutil
import struct
import subprocess
import sys

from .run import Failure, Skip, until

HOSTS, CLIENTS, PREFIX = "10.77.0.1", "10.77.0.2", 30
ENTERED = "CARAVAN_TEST_NAMESPACE"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
RELAY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "delay_relay.py")


def unshare():
    """The command that starts another one in a new network namespace."""
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]


def why_not():
    """Why there can be no namespaces here; None if there can."""
    missing = [name for name in ("unshare", "nsenter", "ip") if not shutil.which(name)]
    if missing:
        return f"no {missing[0]}"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun"
    done = subprocess.run([*unshare(), "true"], text=True, stderr=subprocess.PIPE, check=False)
    return f"no namespace: {done.stderr.strip()}" if done.returncode else None


def enter():
    """Begins the program anew in a network namespace, if that can be. Call it first of all."""
    if os.environ.get(ENTERED) or why_not():
        return
    os.environ[ENTERED] = "1"
    command = [*unshare(), sys.executable, *sys.argv]
    os.execvp(command[0], command)


def ip(*arguments, inside=()):
    done = subprocess.run([*inside, "ip", *arguments], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failure(f"ip {' '.join(arguments)}: {done.stdout.strip()}")


def open_tun(name):
    """A descriptor of a new TUN device in this namespace."""
    try:
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError as error:
        raise Skip(f"no TUN device: {error}") from None
    return tun


def namespace_of(process):
    try:
        return os.readlink(f"/proc/{process}/ns/net")
    except OSError:
        return None


class Link:
    """Servers listen at HOSTS; `inside` is the command prefix of what runs where the clients are."""

    def __init__(self, bench, round_trip):
        if not os.environ.get(ENTERED):
            raise Skip(f"no network namespaces: {why_not()}")
        ip("link", "set", "lo", "up")
        tuns = [open_tun("hosts"), open_tun("clients")]
        # lives while its input is open, and the namespace with it
        holder = bench.spawn(["unshare", "--net", "cat"], os.devnull, stdin=subprocess.PIPE)
        until(lambda: namespace_of(holder.pid) not in (None, namespace_of("self")), 20, "namespace")
        self.inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
        ip("link", "set", "clients", "netns", str(holder.pid))
        ip("link", "set", "lo", "up", inside=self.inside)
        self._up("hosts", HOSTS, [])
        self._up("clients", CLIENTS, self.inside)
        bench.spawn([sys.executable, RELAY, *map(str, tuns), str(round_trip / 2)], os.devnull,
                    pass_fds=tuns)
        for tun in tuns:
            os.close(tun)

    @staticmethod
    def _up(name, address, inside):
        ip("addr", "add", f"{address}/{PREFIX}", "dev", name, inside=inside)
        ip("link", "set", name, "up", inside=inside)
