#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures `caravan vmstate` on a large migration stream beside `cat` of the same file.

QEMU saves a machine whose memory is full of noise; then each command of the table reads that file,
in turn with its measure (cat to the same place), and docs/performance.md gets the figures.
The ratio is the median of the rounds' ratios, for a busy machine changes between rounds.
"""
import argparse
import collections
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BEGIN, END = "<!-- vmstate:begin -->", "<!-- vmstate:end -->"
QEMU = os.environ.get("CARAVAN_QEMU", "qemu-system-x86_64")
MIB = 1 << 20
BIOS_SECONDS = 3  # until the screen shows something

# name, the command's words, the same for cat; IN, OUT and CARAVAN stand for their paths. A row whose
# action this build of the command lacks is left out, as is one whose program is not there.
Row = collections.namedtuple("Row", "name action words cat output")
ROWS = [
    Row("inspect", "inspect", ["CARAVAN", "vmstate", "inspect", "IN"], ["cat", "IN"], False),
    Row("inspect --json --fields", "inspect",
        ["CARAVAN", "vmstate", "inspect", "--json", "--fields", "IN"], ["cat", "IN"], False),
    Row("inspect --screenshot", "inspect",
        ["CARAVAN", "vmstate", "inspect", "--screenshot", "OUT.png", "IN"], ["cat", "IN"], False),
    Row("analyze-migration.py (QEMU's)", None, ["ANALYZE", "-f", "IN"], ["cat", "IN"], False),
    Row("convert", "convert", ["CARAVAN", "vmstate", "convert", "IN", "OUT"], ["cat", "IN"], True),
    Row("convert --to pc-i440fx-2.12", "convert",
        ["CARAVAN", "vmstate", "convert", "--to", "pc-i440fx-2.12", "IN", "OUT"], ["cat", "IN"], True),
]


class Failed(Exception):
    pass


class Monitor:
    """A QEMU, by its QMP on standard input and output."""

    def __init__(self, arguments):
        self.process = subprocess.Popen(
            [QEMU, "-nodefaults", "-no-user-config", "-accel", "tcg", "-display", "none", "-S",
             "-qmp", "stdio", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ask("qmp_capabilities")

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed("QEMU ended")
        return json.loads(line)

    def ask(self, command, **arguments):
        self.process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        while True:
            answer = self.line()
            if "error" in answer:
                raise Failed(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def save(self, path):
        self.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.ask("migrate", uri=f"exec:cat > {path}")
        while True:
            status = self.ask("query-migrate").get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise Failed("QEMU cannot save")
            time.sleep(0.2)

    def close(self):
        self.process.kill()
        self.process.wait()


def fill(path, mib):
    """Noise, no page like another, none of them zero."""
    tile = os.urandom(MIB)
    with open(path, "wb") as file:
        for n in range(mib):
            at = n * 4096 % MIB + n % 4096
            file.write(tile[at:] + tile[:at])


def make_stream(folder, mib):
    """The file of a save of a machine with that much memory, all of it noise."""
    memory, stream = os.path.join(folder, "memory"), os.path.join(folder, "stream")
    fill(memory, mib)
    vm = Monitor(["-M", "pc,memory-backend=pc.ram", "-m", str(mib), "-vga", "std", "-object",
                  f"memory-backend-file,id=pc.ram,size={mib}M,mem-path={memory},share=on"])
    try:
        vm.ask("cont")
        time.sleep(BIOS_SECONDS)
        vm.ask("stop")
        vm.save(stream)
    finally:
        vm.close()
        os.unlink(memory)
    return stream


def run(words, output, options):
    """Seconds, seconds of CPU, KiB at most."""
    runner = os.path.join(options.build, "bench", "bench-command")
    with tempfile.NamedTemporaryFile("r", prefix="caravan-bench-") as result:
        with open(output, "wb") as out:
            done = subprocess.run([runner, result.name, *words], stdout=out,
                                  stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise Failed(f"{' '.join(words)} ended with {done.returncode}")
        seconds, cpu, kib = result.read().split()
    return float(seconds), float(cpu), int(kib)


def actions(caravan):
    text = subprocess.run([caravan, "vmstate", "--help"], capture_output=True, text=True,
                          check=True).stdout
    return set(re.findall(r"^  (\S+) ", text, re.M))


def measure(row, places, options):
    """The command and cat in turn, after one run of cat that brings the file into memory."""
    here = [places.get(word, word.replace("OUT", places["OUT"])) for word in row.words]
    cat = [places.get(word, word) for word in row.cat]
    to, figures = (places["OUT"] if row.output else os.devnull), {"ours": [], "cat": []}
    for number in range(options.rounds):
        turns = [("cat", cat, to), ("ours", here, os.devnull)]
        for who, words, output in turns if number % 2 else turns[::-1]:
            if row.output:
                os.sync()  # what others have written must not be waited for
            figures[who].append(run(words, output, options))
            if os.path.exists(places["OUT"]):
                os.unlink(places["OUT"])
    return figures


def line_of(row, figures):
    ours, cat = ([f[0] for f in figures[who]] for who in ("ours", "cat"))
    ratios = [a / b for a, b in zip(ours, cat)]
    least, most = min(ratios), max(ratios)
    ratio = statistics.median(ratios)
    cpu = [statistics.median(f[1] for f in figures[who]) for who in ("ours", "cat")]
    peak = max(f[2] for f in figures["ours"]) / 1024
    return (f"| {row.name} | {statistics.median(ours):.2f} | {statistics.median(cat):.2f} | "
            f"**{ratio:.2f}** ({least:.2f}–{most:.2f}) | {cpu[0]:.2f} | {cpu[1]:.2f} | {peak:.1f} |")


def page(lines, size, options, load, missing):
    when = datetime.datetime.now().astimezone().isoformat(timespec="minutes")
    busy = max(load) > (os.cpu_count() or 1)
    yield (f"Measured on {when}: a stream of {size / (1 << 30):.2f} GiB (QEMU's save of a machine with "
           f"{options.size} MiB of memory, all noise), the median of {options.rounds} rounds, the file in "
           f"memory, files on {filesystem(options.folder)}. {os.cpu_count()} processors, load {load[0]:.1f} "
           f"before and {load[1]:.1f} after{': the machine was busy with other work' if busy else ''}.")
    yield ""
    yield "| command | s | cat, s | ratio (lowest–highest) | CPU, s | cat's CPU, s | peak RSS, MiB |"
    yield "|---|---|---|---|---|---|---|"
    yield from lines
    yield ""
    if missing:
        yield f"Left out, not on this machine: {', '.join(missing)}."
        yield ""
    yield "To measure again: `bench/vmstate.py`."


def filesystem(folder):
    return subprocess.run(["stat", "-f", "-c", "%T", folder or tempfile.gettempdir()],
                          capture_output=True, text=True, check=True).stdout.strip()


def write_page(path, lines):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    with open(path, "w", encoding="utf-8") as file:
        file.write(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail)


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="build directory")
    parser.add_argument("--size", type=int, default=4096, metavar="MIB", help="of the machine's memory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stream", help="measure with this file instead")
    parser.add_argument("--folder", help="for the stream (default: TMPDIR); 8 GiB must fit")
    parser.add_argument("--analyze", default=shutil.which("analyze-migration.py"), metavar="FILE",
                        help="QEMU's scripts/analyze-migration.py; Debian has no package with it")
    parser.add_argument("--page", default=os.path.join(ROOT, "docs", "performance.md"))
    parser.add_argument("--no-page", action="store_true", help="print only")
    return parser.parse_args(words)


def main(words):
    options = parse(words)
    if not shutil.which(QEMU) and not options.stream:
        raise Failed(f"no {QEMU}")
    caravan = os.path.join(options.build, "bin", "caravan")
    known, lines, missing = actions(caravan), [], []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="caravan-bench-") as folder:
        stream = options.stream or make_stream(folder, options.size)
        places = {"IN": stream, "OUT": os.path.join(folder, "out"), "CARAVAN": caravan,
                  "ANALYZE": options.analyze}
        load = [os.getloadavg()[0]]
        run(["cat", stream], os.devnull, options)
        for row in ROWS:
            if row.action and row.action not in known or not places.get(row.words[0]):
                missing.append(row.name)
                continue
            lines.append(line_of(row, measure(row, places, options)))
            print(lines[-1], flush=True)
        load.append(os.getloadavg()[0])
        size = os.path.getsize(stream)
    text = list(page(lines, size, options, load, missing))
    print("\n".join(text))
    if not options.no_page:
        write_page(options.page, text)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failed as error:
        sys.exit(f"bench/vmstate.py: {error}")
