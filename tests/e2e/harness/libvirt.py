# SPDX-License-Identifier: MIT
"""libvirt as people run it: a libvirtd of one's own (session mode) and the VMs that it starts.

libvirtd takes root's own for the system's one, so as root everything here runs as nobody. QEMU runs
with libvirt's seccomp sandbox and the environment it leaves.
"""
import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import uuid

from . import tiny
from .run import Failure, Skip, check, until
from .vm import LIBRARY, QEMU, Spice, Vm

START_SECONDS = 30
VIRSH_SECONDS = 60
USER = "nobody"

DOMAIN = """
<domain type='qemu'>
  <name>desk</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>
  <devices>
    <emulator>{qemu}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='{image}'/>
      <target dev='hda' bus='ide'/>
      <shareable/>
    </disk>
    <controller type='usb' model='none'/>
    <graphics type='spice' autoport='yes' listen='127.0.0.1'{graphics}/>
    <video><model type='vga'/></video>
    <serial type='file'><source path='{serial}'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""


def as_user(command):
    """The command, run by USER if we are root."""
    if os.geteuid() != 0:
        return command
    account = pwd.getpwnam(USER)
    return ["setpriv", "--reuid", str(account.pw_uid), "--regid", str(account.pw_gid),
            "--clear-groups", *command]


def readable(folder):
    """Lets USER read a folder's files."""
    os.chmod(folder, 0o755)
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)


class Libvirtd:
    """A libvirtd with folders of its own, as if on a host of its own."""

    def __init__(self, bench, name, settings=""):
        """settings: more lines of qemu.conf."""
        for command in ("libvirtd", "virsh", "setpriv"):
            if not shutil.which(command, path=self._path()):
                raise Skip(f"no {command}")
        self.bench, self.name, self.folder = bench, name, bench.path(name)
        os.chmod(bench.folder, 0o755)
        self._write("config/libvirt/libvirtd.conf",
                    f'host_uuid = "{uuid.uuid4()}"\nlog_outputs = "3:stderr"\n')
        self._write("config/libvirt/qemu.conf", 'stdio_handler = "file"\nnamespaces = []\n'
                    f'security_driver = "none"\n{settings}')
        self.move_log = os.path.join(self.folder, "moves.jsonl")
        self._write(".config/caravan/server.conf", f"[server]\nmove-log={self.move_log}\n")
        self.environment = self._environment()
        self._give_away()
        self.socket = os.path.join(self.folder, "run/libvirt/libvirt-sock")
        self.uri = f"qemu+unix:///session?socket={self.socket}"
        log = bench.path(f"{name}.stderr")
        with open(log, "wb") as errors:
            self.process = bench.spawn(as_user(["libvirtd"]), log, stdin=subprocess.DEVNULL,
                                       stdout=errors, stderr=errors, env=self.environment)
        bench.at_end(self._end)
        until(self._listens, START_SECONDS, f"socket of libvirtd {name}")

    @staticmethod
    def _path():
        return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def _environment(self):
        environment = {"PATH": self._path(), "HOME": self.folder}
        for name in ("run", "config", "cache", "data"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
            variable = "RUNTIME_DIR" if name == "run" else f"{name.upper()}_HOME"
            environment[f"XDG_{variable}"] = os.path.join(self.folder, name)
        library = os.environ.get("CARAVAN_LIBDIR")
        if library:  # a copy: the user may not be able to reach the build
            copy = os.path.join(self.folder, "lib")
            os.mkdir(copy)
            shutil.copy(os.path.join(library, LIBRARY), copy)
            environment["LD_LIBRARY_PATH"] = copy
        return environment

    def _give_away(self):
        if os.geteuid() != 0:
            return
        for folder, _folders, files in os.walk(self.folder):
            for path in [folder, *(os.path.join(folder, file) for file in files)]:
                shutil.chown(path, USER)

    def _listens(self):
        check(self.process.poll() is None, f"libvirtd {self.name} ended")
        return os.path.exists(self.socket)

    def _end(self):
        """QEMU outlives a libvirtd that is killed: end what it started, by their pid files."""
        for path in glob.glob(os.path.join(self.folder, "run/libvirt/qemu/run/*.pid")):
            with open(path, encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGKILL)

    def story(self):
        """What the server wrote of its moves; the file's name it has from its configuration file,
        for libvirt leaves QEMU no variable that could tell."""
        with open(self.move_log, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def start_virsh(self, *arguments):
        """virsh under way."""
        return self.bench.spawn(as_user(["virsh", "-q", "-c", self.uri, *arguments]), "/dev/null",
                                env=self.environment, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def try_virsh(self, *arguments):
        """virsh's exit code and what it said."""
        process = self.start_virsh(*arguments)
        return self.ended(process)

    @staticmethod
    def ended(process):
        """The same of one under way, once it has ended."""
        text = process.communicate(timeout=VIRSH_SECONDS)[0]
        return process.returncode, text.strip()

    def virsh(self, *arguments):
        """What virsh said; it must go well."""
        status, text = self.try_virsh(*arguments)
        check(status == 0, f"virsh {' '.join(arguments)}: {text}")
        return text


class Monitor:
    """QEMU's monitor by way of libvirt, shaped like qmp.Qmp."""

    def __init__(self, host):
        self.host = host

    def command(self, execute, **arguments):
        names = {name.replace("_", "-"): value for name, value in arguments.items()}
        text = self.host.virsh("qemu-monitor-command", "desk",
                               json.dumps({"execute": execute, "arguments": names}))
        reply = json.loads(text)
        if "error" in reply:
            raise Failure(f"{execute}: {reply['error']['desc']}")
        return reply["return"]


class Domain(Vm):
    """The domain "desk" on that host: running, or moved there. There is one a test."""

    def __init__(self, host, serial_path):  # pylint: disable=super-init-not-called
        self.host, self.bench, self.name = host, host.bench, f"desk@{host.name}"
        self.serial_path, self._shots = serial_path, 0
        self.qmp = Monitor(host)
        self.process = host.process  # what check_alive() looks at
        told = self.query_spice()
        port, tls_port = told.get("port"), told.get("tls-port")
        uri = f"spice://127.0.0.1:{port}" if port else f"spice://127.0.0.1?tls-port={tls_port}"
        self.spice = Spice("", uri, port, tls_port)
        self.library = self._check_qemu()

    def _check_qemu(self):
        path = os.path.join(self.host.folder, "run/libvirt/qemu/run/desk.pid")
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps:
            path = next((line.split()[-1] for line in maps if "libspice-server" in line), None)
        expected = self.host.environment.get("LD_LIBRARY_PATH")
        check(not expected or (path and path.startswith(os.path.realpath(expected))),
              f"{self.name} runs with {path}, not with the library in {expected}")
        return path

    def quit(self):
        self.host.virsh("destroy", "desk")


def create(host, graphics=""):
    """Starts the tiny guest there. graphics: more attributes of its <graphics>."""
    image = host.bench.path("guest.img")
    shutil.copy(tiny.image(), image)
    serial = host.bench.path("serial")
    with open(serial, "wb"):
        pass
    for path in (image, serial):
        os.chmod(path, 0o666)
    os.chmod(host.bench.folder, 0o777)  # screendumps are QEMU's files
    xml = host.bench.path("desk.xml")
    with open(xml, "w", encoding="ascii") as file:
        file.write(DOMAIN.format(uuid=uuid.uuid4(), qemu=shutil.which(QEMU), image=image,
                                 serial=serial, graphics=graphics))
    os.chmod(xml, 0o644)
    host.virsh("create", xml)
    machine = Domain(host, serial)
    machine.wait_line("ready", tiny.BOOT_SECONDS)
    host.bench.say(f"{machine.name}: guest is up at {machine.spice.uri}, {machine.library}")
    return machine


def start_move(source, target, *options):
    """virsh migrate under way."""
    return source.host.start_virsh("migrate", "--live", "--unsafe", "desk", target.uri,
                                   "--migrateuri", "tcp://127.0.0.1", *options)


def moved(source, target, process):
    """The domain at the target, once virsh says that it is there."""
    status, text = source.host.ended(process)
    check(status == 0, f"virsh migrate: {text}")
    return Domain(target, source.serial_path)
