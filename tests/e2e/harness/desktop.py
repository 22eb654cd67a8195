# SPDX-License-Identifier: MIT
"""The desktop guest of tests/guest-desktop: X11 with Debian's SPICE agent, driven by a shell on a serial port.

It boots once; what it is when it is ready is kept in a file, from which each test's VM begins.
"""
import fcntl
import hashlib
import os
import shlex
import subprocess
import time

from . import guest
from .run import Failure, check, until
from .shell import SHELL_SECONDS, ShellVm, shell_port
from .vm import QEMU, Spice, free_port

BUILD_SECONDS = 400
BOOT_SECONDS = 120
COMMAND_LINE = "console=ttyS0 quiet loglevel=3 panic=-1"
LARGE_KIB = 60 * 1024
QUARANTINE_KIB = 256 * 1024
AGENT_PORT = "com.redhat.spice.0"


def prepare(bench):
    """The folder with the guest's files (guest.prepare)."""
    return guest.prepare(bench, "desktop", BUILD_SECONDS)


def machine(bench, folder, name, vga="qxl", agent="spicevmc,name=vdagent"):
    """The arguments of a machine that boots it; its shell is at bench.path(NAME.shell)."""
    # One processor: with two, QEMU 7.2's TCG lost the guest in some moves (tests/guest-desktop).
    return ["-m", "512", "-smp", "1", "-vga", vga,
            "-device", "virtio-serial-pci", *shell_port(bench, name),
            "-chardev", f"{agent},id=vdagent",
            "-device", f"virtserialport,nr=1,chardev=vdagent,name={AGENT_PORT}",
            "-kernel", os.path.join(folder, "vmlinux"), "-initrd", os.path.join(folder, "initrd"),
            "-append", COMMAND_LINE]


class Desktop(ShellVm):
    """A QEMU with the desktop guest."""

    def __init__(self, bench, name, folder, spice=None, come_from=None, environment=None,
                 arguments=None):
        """arguments: the machine's, instead of the usual ones with a SPICE server."""
        super().__init__(bench, name, spice or (None if arguments else Spice.tcp()),
                         arguments or machine(bench, folder, name), come_from, environment)

    # -- clipboard of X --

    def copy(self, path, target="UTF8_STRING", selection="clipboard"):
        """Has a program of the guest own the selection with what is in the guest's file."""
        self.shell(f"xclip -i -selection {selection} -t {shlex.quote(target)} {shlex.quote(path)} "
                   "> /dev/null 2>&1")

    def paste(self, target="UTF8_STRING", selection="clipboard", seconds=SHELL_SECONDS):
        """(size, SHA-256) of what a program of the guest gets when it pastes."""
        words = self.shell(f"timeout {seconds} xclip -o -selection {selection} -t {shlex.quote(target)} "
                           "> /run/pasted && wc -c < /run/pasted && sha256sum < /run/pasted",
                           seconds + 5).split()
        return int(words[0]), words[1]

    def heap_kib(self):
        """What QEMU has resident, but for the large mappings: guest memory, translated code."""
        total = 0
        with open(f"/proc/{self.process.pid}/smaps", encoding="ascii", errors="replace") as maps:
            for line in maps:
                if line.startswith("Size:"):
                    small = int(line.split()[1]) < LARGE_KIB
                elif line.startswith("Rss:") and small:
                    total += int(line.split()[1])
        return total

    def agent_pids(self):
        return self.shell("agent pids")

    def agent_log(self):
        return self.shell("cat /run/vdagentd.log /run/vdagent.log")

    def screen(self):
        """The size of X's screen."""
        words = self.shell("xrandr | sed -n 's/.*current \\([0-9]*\\) x \\([0-9]*\\).*/\\1 \\2/p'").split()
        return int(words[0]), int(words[1])

    def pointer(self):
        """Where X's pointer is."""
        words = self.shell("xdotool getmouselocation").replace(":", " ").split()
        return int(words[1]), int(words[3])


def growth(kib):
    """How much heap_kib() may grow when that much is meant: address sanitizers keep what was freed."""
    return kib + (QUARANTINE_KIB if "sanitized" in QEMU else 0)


# -- the kept state --

def _state_path(folder):
    """Where the state of the ready guest is kept: another file for other files, options or QEMU."""
    version = subprocess.run([QEMU, "--version"], text=True, stdout=subprocess.PIPE, check=True).stdout
    key = [version, os.environ.get("CARAVAN_ACCEL", "tcg"), COMMAND_LINE]
    key += [str(os.stat(os.path.join(folder, name)).st_mtime_ns) for name in ("vmlinux", "initrd")]
    key += machine(_Nowhere, "", "")
    return os.path.join(folder, f"state-{hashlib.sha256(repr(key).encode()).hexdigest()[:12]}")


class _Nowhere:
    """Stands for a bench where only the options count."""

    @staticmethod
    def path(name):
        return name


def _booted(bench, name, folder, spice=None, environment=None):
    vm = Desktop(bench, name, folder, spice, environment=environment)
    vm.wait_line("ready", BOOT_SECONDS)
    errors = [line for line in vm.serial_lines() if line.startswith("error")]
    check(not errors, f"the desktop guest: {errors}")
    bench.say(f"{name}: the desktop guest is up: {vm.shell('agent pids')}, {vm.library}")
    return vm


def _boot_and_keep(bench, folder, state):
    for name in os.listdir(folder):
        if name.startswith("state-"):
            os.unlink(os.path.join(folder, name))
    try:
        first = _booted(bench, "first", folder)
    except Failure as failure:  # one boot in some dozens hangs in QEMU 7.2's TCG
        bench.say(f"{failure}; it boots again")
        first = _booted(bench, "first-again", folder)
    first.qmp.command("migrate-set-parameters", max_bandwidth=1 << 32)
    first.qmp.command("migrate", uri=f"exec:cat > {shlex.quote(state + '.new')}")
    first.wait_migrated()
    first.quit()
    os.rename(state + ".new", state)
    bench.say(f"its state takes {os.path.getsize(state) >> 20} MiB")


def start(bench, name="source", spice=None, environment=None, fresh=False):
    """A VM whose desktop is up, with an agent that no client has talked to; fresh: it boots."""
    folder = prepare(bench)
    if fresh:
        return _booted(bench, name, folder, spice, environment)
    state = _state_path(folder)
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two tests may come at once
        if not os.path.exists(state):
            _boot_and_keep(bench, folder, state)
    began = time.monotonic()
    vm = Desktop(bench, name, folder, spice, f"exec:cat {shlex.quote(state)}", environment)
    until(lambda: vm.qmp.command("query-status")["status"] == "running", BOOT_SECONDS, "a running VM")
    vm.shell("true")
    bench.say(f"{name}: the desktop is there after {time.monotonic() - began:.2f} s, {vm.library}")
    return vm


def target(bench, name="target", spice=None, environment=None):
    """A VM that waits for such a guest, and its migration port."""
    port = free_port()
    vm = Desktop(bench, name, prepare(bench), spice, f"tcp:127.0.0.1:{port}", environment)
    until(lambda: vm.qmp.command("query-status")["status"] == "inmigrate", BOOT_SECONDS,
          "state inmigrate")
    return vm, port
