#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""No guest resource is held longer than a second, and memory stays flat, whatever clients do.

bench-host plays QEMU and a guest with a moving picture; one client reads, another one stops reading.
SECONDS of the environment (default 600) is how long.
"""
import json
import os
import subprocess
import sys
import time

SECONDS = int(os.environ.get("SECONDS_OF_SOAK", "600"))
WARM_UP = min(30, SECONDS / 4)
MAX_HELD_MS = 1000
GROWTH_KIB = 8 * 1024


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class Host:
    def __init__(self, program, libdir, workload):
        environment = dict(os.environ, LD_LIBRARY_PATH=os.path.abspath(libdir))
        self.process = subprocess.Popen([program, "--workload", workload], env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def hear(self, event):
        for line in self.process.stdout:
            row = json.loads(line)
            if row["event"] == event:
                return row
        sys.exit(f"FAILED: bench-host ended before it said '{event}'")

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


def watch(caravan, port, script):
    client = subprocess.Popen([caravan, "probe", f"spice://127.0.0.1:{port}"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    client.stdin.write(script)
    client.stdin.flush()
    return client


def main(program, libdir, caravan):
    host = Host(program, libdir, "video")
    clients = []
    try:
        port = host.hear("ready")["port"]
        clients = [watch(caravan, port, "wait-primary 20\n"),
                   watch(caravan, port, f"wait-primary 20\npause {SECONDS}\n")]
        host.say(f"start {SECONDS}")
        time.sleep(WARM_UP)
        first = most = resident_kib(host.process.pid)
        end = time.monotonic() + SECONDS - WARM_UP - 1
        while time.monotonic() < end:
            time.sleep(min(5, max(0.1, end - time.monotonic())))
            most = max(most, resident_kib(host.process.pid))
        host.hear("finished")
        host.say("report")
        report = host.hear("report")
        alive = [client.poll() is None for client in clients]
        print(f"{SECONDS} s: resident {first} KiB after {WARM_UP:.0f} s, {most} KiB at most; "
              f"longest held {report['longest_held_ms']:.1f} ms; {report['held']} held at the end")
        failed = [text for text, bad in (
            ("a client was lost", not all(alive)),
            ("memory grew", most - first > GROWTH_KIB),
            ("a resource was held too long", not 0 < report["longest_held_ms"] <= MAX_HELD_MS),
        ) if bad]
        if failed:
            sys.exit("FAILED: " + ", ".join(failed))
    finally:
        for process in clients + [host.process]:
            process.kill()
            process.wait()


main(*sys.argv[1:])
