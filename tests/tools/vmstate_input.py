# SPDX-License-Identifier: MIT
"""`caravan vmstate` takes a stream as it comes: plain, compressed, in libvirt's save file, in a
snapshot inside of a qcow2 image; from files and pipes."""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import paused
from common import CARAVAN, QEMU, check, need

need(("QEMU", shutil.which(QEMU)), ("qemu-img", shutil.which("qemu-img")))

MACHINE = ["-M", "pc", "-m", "16", "-vga", "std"]
TOOLS = ["gzip", "bzip2", "xz", "lzop", "zstd"]  # libvirt numbers them from 1


def inspect(*arguments, data=None, code=0):
    done = subprocess.run([CARAVAN, "vmstate", "inspect", *arguments], input=data,
                          capture_output=True, timeout=60, check=False)
    check(done.returncode == code, f"inspect {' '.join(arguments)[-40:]} ends with {code}"
          + ("" if done.returncode == code else f", not {done.returncode}: {done.stderr.decode()}"))
    return done.stdout, done.stderr.decode()


def told(*arguments, data=None):
    """What is told of a stream, and what it came in."""
    seen = json.loads(inspect("--json", *arguments, data=data)[0])
    return seen.pop("wrapping", ""), seen


def write(path, *parts):
    with open(path, "wb") as file:
        file.write(b"".join(parts))
    return path


def packed(tool, data):
    return subprocess.run([tool, "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def check_compressed(stream, wanted, folder):
    for tool in TOOLS:
        if not shutil.which(tool):
            print(f"left out: {tool} is not installed")
            continue
        data = packed(tool, stream)
        path = write(os.path.join(folder, "packed"), data)
        for arguments, given in (([path], None), (["-"], data)):
            check(told(*arguments, data=given) == (f"compressed by {tool}", wanted),
                  f"{tool}, {'pipe' if given else 'file'}: the same is told")
        if tool != "bzip2":
            _, said = inspect("-", data=data[:len(data) // 2], code=2)
            check("input ends" in said or tool in said, f"{tool}, cut off: {said.splitlines()[-1]}")
    twice = packed("gzip", packed("xz", stream))
    check(told("-", data=twice) == ("compressed by gzip, compressed by xz", wanted), "two layers")
    again = twice
    for _ in range(4):
        again = packed("gzip", again)
    check("too often" in inspect("-", data=again, code=2)[1], "but not any number")


def libvirt_file(stream, compressed, order="<", magic=b"LibvirtQemudSave", version=2, **wrong):
    xml = b"<domain type='qemu'><name>x</name></domain>\0<cookie/>\0"
    head = struct.pack(order + "16s5I56x", magic, version, wrong.get("size", len(xml)), 1,
                       compressed, len(xml) - 10)
    return head + xml + stream


def check_libvirt_format(stream, wanted, folder):
    path = os.path.join(folder, "save")
    for number, tool in enumerate([None, *TOOLS]):
        if tool and not shutil.which(tool):
            continue
        body = packed(tool, stream) if tool else stream
        kind = "libvirt's save file" + (f", compressed by {tool}" if tool else "")
        for order in "<>":
            data = libvirt_file(body, number, order)
            check(told(write(path, data)) == (kind, wanted), f"{kind} ({order})")
            check(told("-", data=data) == (kind, wanted), f"{kind} ({order}), through a pipe")
    for data, word in (
            (libvirt_file(stream, 0, magic=b"LibvirtQemudPart"), "did not finish"),
            (libvirt_file(stream, 6), "format 6"),
            (libvirt_file(stream, 0, version=3), "version 3"),
            (libvirt_file(stream, 0, size=0), "0 bytes of XML"),
            (libvirt_file(stream, 0, size=0xffffffff), "bytes of XML"),
            (libvirt_file(b"", 0, size=1000), "cut off"),
            (libvirt_file(stream, 0)[:60], "header")):
        _, said = inspect("-", data=data, code=2)
        check(word in said, f"said: {said.splitlines()[0]}")


def check_qcow2(folder):
    image = os.path.join(folder, "disk.qcow2")
    path = os.path.join(folder, "plain")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "600M"], check=True)

    def snapshots(vm):
        vm.human("savevm one")
        vm.human('savevm "two words"')
        vm.ask("block_resize", device="d", size=1300 << 20)

    machine = [*MACHINE, "-drive", f"file={image},if=virtio,id=d"]
    paused.save(path, machine, snapshots)
    before = os.stat(image)
    with open(image, "rb") as file:
        bytes_before = file.read()
    wanted = told(path)[1]
    for name in ("one", "two words"):
        wrapping, seen = told(f"{image}#{name}")
        check(wrapping == f"snapshot '{name}' of a qcow2 image", f"{name}: told")
        check(seen["complete"] and seen["after"] == 0, f"{name}: whole, and nothing behind it")
        check([s["name"] for s in seen["sections"]] == [s["name"] for s in wanted["sections"]],
              f"{name}: the sections of a stream saved by migrate")
    _, said = inspect(image, code=2)
    check("'one'" in said and "IMAGE#NAME" in said, "without a name they are listed")
    _, said = inspect(image + "#three", code=2)
    check("'one'" in said, "so are they for a name that is not there")
    with open(image, "rb") as file:
        check(file.read() == bytes_before and os.stat(image).st_mtime == before.st_mtime,
              "the image was not touched")
    _, said = inspect("-", data=bytes_before, code=2)
    check("no plain file" in said, "an image through a pipe is refused")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "1M"], check=True)
    check("savevm" in inspect(image, code=2)[1], "an image without a state says so")
    write(image, bytes_before[:3000])
    inspect(image, code=2)
    check("no qcow2 image" in inspect(path + "#one", code=2)[1], "a stream has no snapshots")


DOMAIN = """<domain type='qemu'><name>caravan-test</name><memory unit='MiB'>16</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
<emulator>{qemu}</emulator><video><model type='vga'/></video></devices></domain>"""


class Libvirt:
    """A session daemon of our own; root is not let have one, so it becomes nobody."""

    def __init__(self, folder, image_format):
        self.folder = folder
        self.environment = dict(os.environ, HOME=folder, XDG_RUNTIME_DIR=f"{folder}/run",
                                XDG_CONFIG_HOME=f"{folder}/config", XDG_CACHE_HOME=f"{folder}/cache")
        os.makedirs(f"{folder}/run", exist_ok=True)
        os.makedirs(f"{folder}/config/libvirt", exist_ok=True)
        with open(f"{folder}/config/libvirt/qemu.conf", "w", encoding="utf-8") as file:
            file.write(f'save_image_format = "{image_format}"\n')
        with open(f"{folder}/domain.xml", "w", encoding="utf-8") as file:
            file.write(DOMAIN.format(qemu=shutil.which(QEMU)))
        self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        if os.getuid():
            self.user = {}
        else:
            subprocess.run(["chown", "-R", "nobody", folder], check=True)
        with open(f"{folder}/log", "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(["libvirtd"], cwd=folder, env=self.environment,
                                           stdout=log, stderr=log, **self.user)

    def virsh(self, *arguments):
        return subprocess.run(["virsh", "-c", "qemu:///session", *arguments], cwd=self.folder,
                              env=self.environment, timeout=60, capture_output=True, text=True,
                              check=False, **self.user)

    def ready(self):
        socket = f"{self.folder}/run/libvirt/libvirt-sock"
        end = time.monotonic() + 20
        while not os.path.exists(socket) and self.daemon.poll() is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return self.daemon.poll() is None

    def save(self):
        made = self.virsh("create", "--paused", "domain.xml")
        if made.returncode:
            return f"the domain cannot be made: {made.stderr.strip()}"
        saved = self.virsh("save", "caravan-test", f"{self.folder}/saved")
        if saved.returncode:
            self.virsh("destroy", "caravan-test")
        return saved.stderr.strip()

    def close(self):
        self.daemon.send_signal(signal.SIGTERM)
        try:
            self.daemon.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()


def check_libvirt(folder):
    """Files of the real one, where it can be run."""
    if not shutil.which("libvirtd") or not shutil.which("virsh"):
        print("left out: libvirt's own files, libvirtd or virsh is not installed")
        return
    libvirt = Libvirt(os.path.join(folder, "libvirt"), "gzip")
    try:
        trouble = libvirt.save() if libvirt.ready() else "libvirtd does not start"
    finally:
        libvirt.close()
    if trouble:
        print(f"left out: libvirt's own file: {trouble}")
        return
    wrapping, seen = told(os.path.join(folder, "libvirt", "saved"))
    check(wrapping == "libvirt's save file, compressed by gzip", f"libvirt's own file: {wrapping}")
    check(seen["complete"] and seen["machine"] == "pc-i440fx-7.2", "read to its end")


def main(folder):
    os.chmod(folder, 0o755)
    path = os.path.join(folder, "stream")
    paused.save(path, MACHINE)
    with open(path, "rb") as file:
        stream = file.read()
    wrapping, wanted = told(path)
    check(wrapping == "", "a plain stream came in nothing")
    check_compressed(stream, wanted, folder)
    check_libvirt_format(stream, wanted, folder)
    check_qcow2(folder)
    check_libvirt(folder)
    for name, word in (("/nonexistent", "No such file"), (folder, "directory")):
        check(word in inspect(name, code=2)[1], f"{name}: {word}")


with tempfile.TemporaryDirectory(prefix="caravan-test-") as here:
    main(here)
sys.exit(0)
