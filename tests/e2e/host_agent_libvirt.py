#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`caravan agent` with VMs that libvirt runs, set up as docs/agent.md says: two libvirtd, each with an agent.

Clipboard both ways with a VNC user, `virsh migrate --live` with a text under way, `virsh managedsave` and
`virsh start`: the state goes along, the guest's agent notices nothing.
"""
import os
import shutil
import uuid

from harness import desktop, libvirt
from harness.clipboard import text
from harness.run import check, run
from harness.vm import QEMU
from host_agent import (Host, check_undisturbed, guest_to_user, leave_with_paste_under_way,
                        user_to_guest, wait_asked)

# The agent's part is docs/agent.md's; {folder} is /run/caravan-agent/NAME there.
DOMAIN = """
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>desk</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>512</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{files}/vmlinux</kernel>
    <initrd>{files}/initrd</initrd>
    <cmdline>{command_line}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <emulator>{qemu}</emulator>
    <controller type='usb' model='none'/>
    <graphics type='vnc' socket='{user}'/>
    <video><model type='vga'/></video>
    <serial type='file'><source path='{serial}' append='on'/></serial>
    <channel type='unix'>
      <source mode='bind' path='{folder}/port'/>
      <target type='virtio' name='com.redhat.spice.0'/>
    </channel>
    <channel type='unix'>
      <source mode='bind' path='{shell}'/>
      <target type='virtio' name='shell'/>
    </channel>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-vnc'/>
    <qemu:arg value='unix:{folder}/vnc,id=agent'/>
    <qemu:arg value='-qmp'/>
    <qemu:arg value='unix:{folder}/qmp,server=on,wait=off'/>
    <qemu:arg value='-object'/>
    <qemu:arg value='dbus-vmstate,id=agent,addr=unix:path={folder}/bus,id-list=caravan-agent'/>
  </qemu:commandline>
</domain>
"""


class Guest(desktop.Desktop):
    """The domain "desk" on that host."""

    def __init__(self, host):  # pylint: disable=super-init-not-called
        self.bench, self.name = host.bench, host.name
        self.serial_path, self._shell, self._rest = host.serial, None, b""
        self.qmp, self.process = libvirt.Monitor(host.libvirtd), host.libvirtd.process


class LibvirtHost(Host):
    """A host whose VM libvirt runs; its agent runs as whom QEMU runs as."""

    def __init__(self, bench, name):
        self.libvirtd = libvirt.Libvirtd(bench, name)
        os.chmod(bench.folder, 0o777)  # the shell's socket is made there
        self.serial = bench.path("serial")
        os.mkdir(bench.path(f"{name}.agent"))
        give_away(bench.path(f"{name}.agent"))
        super().__init__(bench, name)

    def path(self, what):
        """Desktop wants NAME.shell in the test's folder; all else is in the agent's."""
        folder = self.bench.folder if what.startswith(self.name) else f"{self.name}.agent"
        return os.path.join(self.bench.path(folder), {"monitor": "qmp"}.get(what, what))

    def command(self):
        """Of a copy: the user may not be able to reach the build."""
        folder = self.bench.path(f"{self.name}.programs")
        program = super().command()[0]
        for part, file in (("bin", program),
                           ("libexec", os.path.join(os.path.dirname(program), "../libexec/caravan-agent"))):
            os.makedirs(os.path.join(folder, part))
            shutil.copy(file, os.path.join(folder, part))
        return libvirt.as_user([os.path.join(folder, "bin", "caravan")])

    def xml(self):
        """The domain as it is here, in a file."""
        path = self.bench.path(f"{self.name}.xml")
        with open(path, "w", encoding="ascii") as file:
            file.write(DOMAIN.format(
                uuid=UUID, qemu=shutil.which(QEMU), files=self.bench.path("files"),
                command_line=desktop.COMMAND_LINE, serial=self.serial,
                folder=self.bench.path(f"{self.name}.agent"), shell=self.bench.path(f"{self.name}.shell"),
                user=self.path("user")))
        os.chmod(path, 0o644)
        return path

    def boot_domain(self):
        self.libvirtd.virsh("define", self.xml())
        self.libvirtd.virsh("start", "desk")
        self.machine = Guest(self)
        self.machine.wait_line("ready", desktop.BOOT_SECONDS)
        self.bench.say(f"{self.name}: the desktop guest is up: {self.machine.agent_pids()}")


def give_away(path):
    """To whom libvirt and QEMU run as."""
    if os.geteuid() == 0:
        shutil.chown(path, libvirt.USER)


def prepare(bench):
    """Files of the guest where libvirt's user can read them."""
    folder = desktop.prepare(bench)
    os.mkdir(bench.path("files"))
    for name in ("vmlinux", "initrd"):
        shutil.copy(os.path.join(folder, name), bench.path("files"))
    libvirt.readable(bench.path("files"))
    with open(bench.path("serial"), "wb"):
        pass
    os.chmod(bench.path("serial"), 0o666)


def works(host):
    content = text(4096)
    content.data += b"\n"
    user = host.user()
    guest_to_user(host, user, content)
    user_to_guest(host, user, content)
    return user


def try_migration(source, target, xml):
    """virsh's exit code and what it said."""
    return source.libvirtd.ended(source.libvirtd.start_virsh(
        "migrate", "--live", "--unsafe", "--persistent", "--undefinesource", "desk",
        target.libvirtd.uri, "--migrateuri", "tcp://127.0.0.1", "--xml", xml,
        "--persistent-xml", xml))


def refused(bench, source, target):
    """The target's object does not take the agent's state: libvirt has the VM go on at the source."""
    xml = bench.path("refuses.xml")
    with open(target.xml(), encoding="ascii") as good, open(xml, "w", encoding="ascii") as bad:
        bad.write(good.read().replace("id-list=caravan-agent", "id-list=another"))
    os.chmod(xml, 0o644)
    status, said = try_migration(source, target, xml)
    check(status != 0, "the target has taken a state that it does not know")
    check(source.libvirtd.virsh("domstate", "desk") == "running", "the VM does not run at the source")
    bench.say(f"refused by the target: {said.splitlines()[-1]}")


def migrated(bench, source, target):
    """virsh migrate --live with a text for the guest under way; a domain that stands stays so."""
    content = leave_with_paste_under_way(source, works(source))
    status, said = try_migration(source, target, target.xml())
    check(status == 0, f"virsh migrate: {said}")
    target.machine = Guest(target)
    bench.say(f"{source.said('state saved')}; {target.said('state loaded')}")
    source.end()
    target.machine.qmp.command("cont")
    wait_asked(target.machine, "/run/underway")
    got = target.machine.shell("sha256sum < /run/underway").split()[0]
    check(got == content.sha256, "the text that was under way is another")
    return target


def saved(bench, host):
    """virsh managedsave and start: the agent stays, QEMU goes and comes."""
    since = len(host.lines("state loaded"))
    host.libvirtd.virsh("managedsave", "desk")
    bench.say(host.said("state saved"))
    host.libvirtd.virsh("start", "desk")
    host.machine = Guest(host)
    bench.say(host.said("state loaded", since=since))


def test(bench, _options):
    prepare(bench)
    host = LibvirtHost(bench, "here")
    host.boot_domain()
    host.said("the guest's agent answers")
    pids, log = host.machine.agent_pids(), host.machine.agent_log()
    target = LibvirtHost(bench, "there")
    refused(bench, host, target)
    host = migrated(bench, host, target)
    works(host)
    saved(bench, host)
    works(host)
    check_undisturbed(host.machine, pids, log)
    host.libvirtd.virsh("destroy", "desk")
    host.end()


UUID = uuid.uuid4()

if __name__ == "__main__":
    run(test, 300)
