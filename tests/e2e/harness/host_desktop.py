# SPDX-License-Identifier: MIT
"""Desktops of the host, without a screen: X11 (Xvfb, xclip) and Wayland (sway, wl-clipboard)."""
import glob
import os
import shutil
import subprocess
import tempfile

from .run import Skip, check, until

START_SECONDS = 60
PASTE_SECONDS = 40
NOBODY = 65534


class HostDesktop:
    """A display server whose users copy and paste. `option` names it to `caravan agent`."""

    def __init__(self, bench, name, programs):
        missing = [program for program in programs if not shutil.which(program)]
        if missing:
            raise Skip(f"no {', '.join(missing)}")
        self.bench, self.name, self.option = bench, name, None
        self.environment = dict(os.environ)
        self.server = None
        self._owner = None

    def _copy(self, command, data):
        """Until the next one a program owns the clipboard with these bytes."""
        path = self.bench.path(f"{self.name}.copied")
        with open(path, "wb") as file:
            file.write(data)
        before = self._owner
        with open(path, "rb") as file:
            self._owner = self.bench.spawn(command, os.devnull, stdin=file, env=self.environment,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if before:
            before.wait(START_SECONDS)

    def _paste(self, command):
        try:
            done = subprocess.run(command, env=self.environment, timeout=PASTE_SECONDS, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None

    def has(self, data, seconds=60):
        """Waits until a program that pastes gets these bytes."""
        until(lambda: self.paste() == data, seconds,
              f"{len(data)} bytes in the clipboard of {self.name}", 0.05)

    def has_nothing(self, seconds=30):
        until(lambda: not self.paste(), seconds, f"empty clipboard of {self.name}", 0.05)

    def end(self):
        self.server.terminate()
        self.server.wait(START_SECONDS)


class X11(HostDesktop):
    """An Xvfb on a display that it finds itself, or on a given one."""

    def __init__(self, bench, name="x11", display=None):
        super().__init__(bench, name, ["Xvfb", "xclip"])
        log = bench.path(f"{name}.log")
        ours, theirs = os.pipe()
        command = ["Xvfb", *([f":{display}"] if display else []), "-displayfd", str(theirs),
                   "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset"]
        with open(log, "wb") as file:
            self.server = bench.spawn(command, log, pass_fds=[theirs], stderr=file,
                                      stdout=subprocess.DEVNULL)
        os.close(theirs)
        with os.fdopen(ours) as told:
            self.display = told.readline().strip()
        check(self.display, "Xvfb does not start")
        self.environment["DISPLAY"] = f":{self.display}"
        self.option = f"x11::{self.display}"

    def copy(self, data):
        self._copy(["xclip", "-quiet", "-i", "-selection", "clipboard", "-t", "UTF8_STRING"], data)

    def paste(self):
        return self._paste(["xclip", "-o", "-selection", "clipboard", "-t", "UTF8_STRING"])


def _as_nobody(folder):
    """sway does not start as root."""
    if os.getuid():
        return {}
    os.chown(folder, NOBODY, NOBODY)
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


class Wayland(HostDesktop):
    """A sway without outputs and input devices."""

    def __init__(self, bench, name="wayland"):
        super().__init__(bench, name, ["sway", "wl-copy", "wl-paste"])
        log = bench.path(f"{name}.log")
        folder = tempfile.mkdtemp(prefix="caravan-sway-")  # one that another user gets at
        bench.at_end(lambda: shutil.rmtree(folder, ignore_errors=True))
        for variable in ("WAYLAND_DISPLAY", "DISPLAY", "SWAYSOCK"):
            self.environment.pop(variable, None)
        self.environment.update(XDG_RUNTIME_DIR=folder, HOME=folder, WLR_BACKENDS="headless",
                                WLR_RENDERER="pixman", WLR_LIBINPUT_NO_DEVICES="1")
        config = os.path.join(folder, "config")
        with open(config, "w", encoding="ascii") as file:
            file.write("xwayland disable\n")
        with open(log, "wb") as file:
            self.server = bench.spawn(["sway", "-c", config], log, env=self.environment, cwd=folder,
                                      stderr=file, stdout=subprocess.DEVNULL, **_as_nobody(folder))
        path = until(self._socket, START_SECONDS, "socket of sway")
        self.environment["WAYLAND_DISPLAY"] = path
        self.option = f"wayland:{path}"

    def _socket(self):
        check(self.server.poll() is None, "sway has ended")
        paths = glob.glob(os.path.join(self.environment["XDG_RUNTIME_DIR"], "wayland-?"))
        return paths[0] if paths else None

    def copy(self, data):
        self._copy(["wl-copy", "--foreground", "--type", "text/plain;charset=utf-8"], data)

    def paste(self):
        return self._paste(["wl-paste", "--no-newline", "--type", "text/plain;charset=utf-8"])
