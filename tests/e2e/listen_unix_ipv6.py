#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients come by unix socket, by IPv6, and by descriptors that the monitor hands in."""
import socket
import threading

from harness import client, tiny, vm
from harness.run import Skip, check, run, until


class Doorman:
    """Takes connections itself, and hands each to QEMU by getfd and add_client."""

    def __init__(self, machine, tls=False):
        self._machine, self._tls = machine, tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        self.uri = f"spice://127.0.0.1?tls-port={port}" if tls else f"spice://127.0.0.1:{port}"
        self.handed = 0
        self.error = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            name = f"client{self.handed}"
            try:
                with connection:
                    self._machine.qmp.command("getfd", _fd=connection.fileno(), fdname=name)
                self._machine.qmp.command("add_client", protocol="spice", fdname=name,
                                          tls=self._tls)
                self.handed += 1
            except Exception as error:  # shown by the test, which waits in another thread
                self.error = error
                return

    def close(self):
        self._socket.close()


def serves(bench, machine, name, uri=None):
    viewer = client.connect(bench, machine, name, uri)
    tiny.same_picture(bench, machine, viewer)
    viewer.quit()


def by_unix_socket(bench):
    machine = tiny.boot(bench, "std", vm.Spice.unix(bench.path("spice.sock")), "unix")
    tiny.switch(machine, "freeze", True)
    serves(bench, machine, "by-unix")
    doorman = Doorman(machine)
    bench.at_end(doorman.close)
    viewer = client.connect(bench, machine, "by-descriptor", doorman.uri)
    until(lambda: doorman.error or doorman.handed >= 4, 10, "four channels by descriptors")
    check(doorman.error is None, f"add_client: {doorman.error}")
    bench.say(f"{doorman.handed} channels came by a descriptor")
    tiny.same_picture(bench, machine, viewer)
    viewer.quit()
    machine.quit()


def by_ipv6(bench):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError as error:
            raise Skip(f"unix socket and descriptors work, but there is no IPv6: {error}") from None
    machine = tiny.boot(bench, "std", vm.Spice.tcp(host="::1"), "ipv6")
    tiny.switch(machine, "freeze", True)
    serves(bench, machine, "by-ipv6")
    machine.quit()


def test(bench, _options):
    by_unix_socket(bench)
    by_ipv6(bench)


if __name__ == "__main__":
    run(test, 120)
