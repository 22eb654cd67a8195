# SPDX-License-Identifier: MIT
"""QEMU with a SPICE server: started, watched, moved."""
import os
import shutil
import socket
import subprocess
import time

from .picture import Picture
from .qmp import Qmp
from .run import Failure, Skip, check, until

QEMU = os.environ.get("CARAVAN_QEMU", "qemu-system-x86_64")
LIBRARY = "libspice-server.so.1"
START_SECONDS = 30
MIGRATE_SECONDS = 60


def free_port():
    """A TCP port of the loopback that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Spice:
    """Where a VM's SPICE server listens, and the options that make it so."""

    def __init__(self, options, uri, port=None, tls_port=None, subject=None):
        self.options, self.uri, self.port = options, uri, port
        self.tls_port, self.subject = tls_port, subject

    @classmethod
    def tcp(cls, extra="disable-ticketing=on", host="127.0.0.1", seamless=True):
        port = free_port()
        family = "ipv6=on" if ":" in host else "ipv4=on"
        name = f"[{host}]" if ":" in host else host
        options = f"port={port},addr={host},{family}"
        if seamless:
            options += ",seamless-migration=on"
        return cls(f"{options},{extra}", f"spice://{name}:{port}", port)

    @classmethod
    def tls(cls, folder, subject, plain=False, extra=""):
        """With a TLS port, its files in `folder`; `plain`: with a plain one, too."""
        port, tls_port = free_port() if plain else None, free_port()
        options = (f"tls-port={tls_port},x509-dir={folder},addr=127.0.0.1,ipv4=on,"
                   "disable-ticketing=on,seamless-migration=on")
        uri = f"spice://127.0.0.1?tls-port={tls_port}"
        if plain:
            options += f",port={port}"
            uri += f"&port={port}"
        return cls(options + extra, uri, port, tls_port, subject)

    @classmethod
    def unix(cls, path, extra="disable-ticketing=on"):
        return cls(f"unix=on,addr={path},{extra}", f"spice+unix://{path}")


class Vm:
    """One QEMU process. Its server library is CARAVAN_LIBDIR's, or the system's if that is unset."""

    def __init__(self, bench, name, spice, machine, incoming=None, environment=None):
        """machine: the arguments that make the guest; spice: Spice or None."""
        if not shutil.which(QEMU):
            raise Skip(f"no {QEMU}")
        self.bench, self.name, self.spice = bench, name, spice
        self.serial_path = bench.path(f"{name}.serial")
        bench.watch_log("its serial port", self.serial_path)
        self._shots = 0
        accelerator = os.environ.get("CARAVAN_ACCEL", "tcg")
        arguments = [QEMU, "-accel", accelerator, "-name", f"guest={name}", "-nodefaults",
                     "-serial", f"file:{self.serial_path}",
                     "-qmp", f"unix:{bench.path(name + '.qmp')},server=on,wait=off", *machine]
        if spice:
            arguments += ["-spice", spice.options]
        if incoming:
            arguments += ["-incoming", incoming]
        log = bench.path(f"{name}.stderr")
        with open(log, "wb") as errors:
            self.process = bench.spawn(arguments, log, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                       env=self._environment(environment))
        self.qmp = self._connect()
        bench.at_end(self.qmp.close)
        self.library = self._check_library()

    @staticmethod
    def _environment(extra):
        environment = dict(os.environ, **(extra or {}))
        folder = os.environ.get("CARAVAN_LIBDIR")
        environment.pop("LD_LIBRARY_PATH", None)  # meson's, when it runs the test
        if folder:
            environment["LD_LIBRARY_PATH"] = os.path.abspath(folder)
        return environment

    def _connect(self):
        def connected():
            if self.process.poll() is not None:
                raise Failure(f"{self.name}: QEMU ended at once, status {self.process.returncode}")
            try:
                return Qmp(self.bench.path(f"{self.name}.qmp"))
            except (FileNotFoundError, ConnectionRefusedError):
                return None
        return until(connected, START_SECONDS, f"monitor of {self.name}")

    def _check_library(self):
        """The path of the server library that QEMU runs with, which must be the one meant."""
        with open(f"/proc/{self.process.pid}/maps", encoding="ascii", errors="replace") as maps:
            paths = {line.split()[-1] for line in maps if "libspice-server" in line}
        path = paths.pop() if paths else None
        folder = os.environ.get("CARAVAN_LIBDIR")
        if self.spice and folder:
            check(path and path.startswith(os.path.realpath(folder) + "/"),
                  f"QEMU runs with {path}, not with the library in {folder}")
        return path

    # -- the guest's serial port --

    def serial_text(self):
        """What the guest wrote so far, at this QEMU; after a move it may begin within a line."""
        try:
            with open(self.serial_path, "rb") as file:
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def serial_lines(self):
        """The whole lines of that."""
        return self.serial_text().split("\n")[:-1]

    def wait_line(self, wanted, seconds, since=0):
        """The index of the first line from `since` on that is `wanted`, or for which it is true."""
        matches = wanted if callable(wanted) else lambda line: line.strip() == wanted

        def found():
            for at, line in enumerate(self.serial_lines()[since:], since):
                if matches(line):
                    return at + 1
            self.check_alive()
            return None
        what = "wanted line" if callable(wanted) else f"line {wanted!r}"
        return until(found, seconds, f"{what} on the serial port of {self.name}") - 1

    # -- the process --

    def check_alive(self):
        status = self.process.poll()
        check(status is None, f"{self.name}: QEMU ended with status {status}")

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        raise Failure("no VmRSS")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def quit(self):
        """Has QEMU end itself, and checks that it does so well."""
        self.qmp.command("quit")
        check(self.process.wait(timeout=START_SECONDS) == 0,
              f"{self.name}: QEMU ended with status {self.process.returncode} at quit")

    # -- the screen and the keys --

    def picture(self):
        """What the display device shows now."""
        self._shots += 1
        path = self.bench.path(f"{self.name}-{self._shots}.ppm")
        self.qmp.command("screendump", filename=path)
        picture = Picture.from_ppm(path)
        os.unlink(path)
        return picture

    def press(self, *codes):
        """Presses keys by QKeyCode name through the monitor, and lets them go."""
        self.qmp.command("send-key", keys=[{"type": "qcode", "data": code} for code in codes])

    def query_spice(self):
        return self.qmp.command("query-spice")

    # -- the move --

    def name_target(self, target):
        """client_migrate_info: tells the clients where the VM will be."""
        where = {"port": target.spice.port, "tls-port": target.spice.tls_port,
                 "cert-subject": target.spice.subject}
        self.qmp.command("client_migrate_info", protocol="spice", hostname="127.0.0.1",
                         **{name: value for name, value in where.items() if value})

    def wait_linked(self, source, seconds=30):
        """Waits at the target until the source's clients have linked all their channels. A stock
        server at either side keeps only links that are there when it matters, so the second that
        tests give it to hear of them begins here."""
        wanted = len(source.query_spice()["channels"])
        until(lambda: len(self.query_spice()["channels"]) >= wanted, seconds,
              f"{self.name}: links of {wanted} channels before the move")
        sleep(1)

    def migrate(self, port):
        """Starts the migration to a QEMU that listens on that port; wait_migrated() for its end."""
        self.qmp.command("migrate", uri=f"tcp:127.0.0.1:{port}")

    def wait_migrated(self):
        """The migration's query-migrate once it is over; Failure unless it went well."""
        def over():
            status = self.qmp.command("query-migrate")
            return status if status["status"] in ("completed", "failed", "cancelled") else None
        status = until(over, MIGRATE_SECONDS, "end of the migration", 0.01)
        check(status["status"] == "completed", f"migration {status}")
        return status


def incoming(bench, name, spice, machine, environment=None):
    """A QEMU that waits for a migration, and the port it waits at."""
    port = free_port()
    vm = Vm(bench, name, spice, machine, f"tcp:127.0.0.1:{port}", environment)
    until(lambda: vm.qmp.command("query-status")["status"] == "inmigrate", START_SECONDS,
          "state inmigrate")
    return vm, port


def sleep(seconds):
    """For what has no event to wait for: an amount of time is the thing tested."""
    time.sleep(seconds)
