# SPDX-License-Identifier: MIT
"""Two QEMUs with the system's own SPICE servers, between which a VM can be moved."""
import contextlib
import json
import os
import socket
import subprocess
import time

from common import GUEST, QEMU, check, free_port


class Monitor:
    def __init__(self, path):
        end = time.monotonic() + 15
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while "return" not in (answer := json.loads(self.file.readline())):
            check("error" not in answer, f"QEMU takes {command}")
        return answer["return"]

    def wait_linked(self, source):
        """Waits at the target until the source's client has linked all its channels: whom it has
        not linked by its end, a stock server does not move seamlessly."""
        wanted, end = len(source.run("query-spice")["channels"]), time.monotonic() + 30
        while len(self.run("query-spice")["channels"]) < wanted:
            if time.monotonic() > end:
                check(False, f"links of {wanted} channels before the move")
            time.sleep(0.05)
        time.sleep(1)  # the source hears of it through the client


@contextlib.contextmanager
def start_pair(folder, seamless, libdir=None):
    """Gives the SPICE ports. Monitors are FOLDER/0 and FOLDER/1, the move goes over FOLDER/ram.
    libdir: of another SPICE server than the system's."""
    environment = {**os.environ, **({"LD_LIBRARY_PATH": libdir} if libdir else {})}
    ports, vms = [free_port(), free_port()], []
    try:
        for index, port in enumerate(ports):
            vms.append(subprocess.Popen(
                [QEMU, "-nodefaults", "-no-user-config", "-accel", "tcg", "-m", "64",
                 "-display", "none", "-vga", "std", "-drive",
                 f"file={GUEST},format=raw,snapshot=on",
                 "-qmp", f"unix:{folder}/{index},server=on,wait=off",
                 "-spice", f"port={port},addr=127.0.0.1,disable-ticketing=on,"
                           f"seamless-migration={'on' if seamless else 'off'}",
                 *(["-incoming", f"unix:{folder}/ram"] if index else [])], env=environment))
        yield ports
    finally:
        for vm in vms:
            vm.kill()
            vm.wait()
