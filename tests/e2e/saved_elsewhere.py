#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Linux guest saved on one machine type runs on on another: `caravan vmstate check` says that it
needs `convert`, QEMU refuses it before and takes it after, and the guest goes on where it was."""
import json
import os
import shlex
import subprocess

from harness import linux
from harness.run import Failure, check, run, until
from harness.vm import QEMU, Vm

COMMAND = os.environ.get("CARAVAN_PROBE", "caravan")
DEVICES = ("-display none -device e1000 -device rtl8139 -device piix3-usb-uhci,id=u -device usb-tablet,bus=u.0 "
           "-audiodev none,id=a -device AC97,audiodev=a -device virtio-balloon-pci "
           "-device virtio-rng-pci").split()


def caravan(bench, *words):
    done = subprocess.run([COMMAND, "vmstate", *words], capture_output=True, text=True, timeout=180,
                          check=False)
    bench.say(f"{' '.join(words[:2])}: {done.returncode}")
    return done


def ask(bench, stream, machine, *options):
    """What check says of the stream and that machine."""
    target = shlex.join([QEMU, "-nodefaults", "-accel", "tcg", "-serial", "null", *machine])
    done = caravan(bench, "check", "--json", stream, "--target", target, *options)
    check(done.returncode in (0, 2), f"check: {done.stderr}")
    return json.loads(done.stdout)


def obstacles(told):
    return [f"{f.get('where', '')} {f['reason']}" for f in told["findings"] if f["kind"] != "note"]


def heeded(told, machine):
    """The machine with the properties that check's remedies name."""
    machine = list(machine)
    for finding in told["findings"]:
        words, where = finding.get("remedy", "").split(" among "), finding.get("where", "")
        if where and finding.get("remedy", "").startswith("-global "):
            machine += finding["remedy"].split()[:2]
        if len(words) == 2 and "/virtio-" in where:
            driver = f"{where.split('/')[1]}-pci"
            at = next(i for i, word in enumerate(machine) if word.split(",")[0] == driver)
            machine[at] += f",{words[0]}"
    return machine


def frames(vm):
    """The last frame that the guest told of."""
    ticks = [line.split() for line in vm.serial_lines() if line.startswith("tick ")]
    whole = [words for words in ticks if len(words) == 4 and words[2] == "frame"]
    return int(whole[-1][3]) if whole else 0


def save(bench, machine, stream):
    """Boots the guest, types a letter, saves; the frame it had reached."""
    vm = Vm(bench, "source", None, machine)
    vm.wait_line("ready", linux.BOOT_SECONDS)
    linux.press(vm, "a", "typed a")
    vm.wait_line(lambda line: line.startswith("tick 2 "), 60)
    vm.qmp.command("stop")
    vm.qmp.command("migrate", uri=f"exec:cat > {shlex.quote(stream)}")
    vm.wait_migrated()
    reached = frames(vm)
    vm.quit()
    return reached


def refused(bench, machine, stream):
    """True when QEMU ends with an error on loading it."""
    try:
        vm = Vm(bench, "refusing", None, ["-S", *machine], f"exec:cat {shlex.quote(stream)}")
    except Failure:
        return True
    def over():
        if vm.process.poll() is not None:
            return "ended"
        status = vm.qmp.command("query-migrate").get("status")
        return status if status in ("completed", "failed") else None
    try:
        state = until(over, 60, "end of loading")
    except (Failure, OSError):  # the monitor went away with QEMU
        vm.process.wait(timeout=30)
        return vm.process.returncode != 0
    if state == "completed":
        vm.quit()
        return False
    vm.process.wait(timeout=30)
    return vm.process.returncode != 0


def runs_on(bench, machine, stream, reached):
    """The guest goes on counting, and knows what was typed before."""
    vm = Vm(bench, "target", None, machine, f"exec:cat {shlex.quote(stream)}")
    until(lambda: vm.qmp.command("query-status")["status"] in ("running", "paused"), 60, "the load")
    vm.qmp.command("cont")
    vm.wait_line(lambda line: line.startswith("tick "), 60)
    until(lambda: frames(vm) > reached + 20, 60, f"frames after {reached}")
    linux.press(vm, "b", "typed ab")
    bad = [line for line in vm.serial_lines() if any(word in line for word in
                                                     ("error", "BUG", "Oops", "panic", "stall"))]
    check(not bad, f"the guest is well: {bad}")
    bench.say(f"runs on: frame {reached} when it was saved, {frames(vm)} now")
    vm.quit()


def test(bench, options):
    folder = linux.prepare(bench)

    def machine(name):
        words = linux.machine(folder, options.vga)
        if options.packed:
            words = [word.replace("/vmlinux", "/vmlinuz") for word in words]
        return ["-M", name, *words, *DEVICES]

    old, new = machine(options.source), machine(options.target)
    stream, converted = bench.path("stream"), bench.path("converted")
    reached = save(bench, old, stream)
    told = ask(bench, stream, old, "--rehearse=never")
    check(told["loads"], f"it would load where it was saved: {obstacles(told)}")
    told = ask(bench, stream, new)
    check(not told["loads"] and any(f["convert"] for f in told["findings"]),
          f"check sends it to convert: {obstacles(told)}")
    while heeded(told, new) != new and len(new) < 100:  # what one hid comes up next
        new = heeded(told, new)
        told = ask(bench, stream, new)
    bench.say(f"check: {obstacles(told)}, {told['after_convert']}")
    check(not told["loads"] and "it would load" in told["after_convert"],
          "with check's remedies on the command line it wants convert and no more")
    check(refused(bench, new, stream), "QEMU refuses it as it is")
    done = caravan(bench, "convert", "--to", options.target, stream, converted)
    check(done.returncode == 0, f"convert: {done.stderr}")
    for how in ("never", "always"):
        told = ask(bench, converted, new, f"--rehearse={how}")
        check(told["loads"], f"converted it will load (rehearsal: {how}): {obstacles(told)}")
    runs_on(bench, new, converted, reached)


def arguments(parser):
    parser.add_argument("source", help="machine type that saves")
    parser.add_argument("target", help="machine type that loads")
    parser.add_argument("--packed", action="store_true",
                        help="boot the packed kernel, as machine types before 4.0 must")
    parser.add_argument("vga", choices=["qxl", "virtio", "std", "cirrus"])


run(test, 300, arguments)
