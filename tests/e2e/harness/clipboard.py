# SPDX-License-Identifier: MIT
"""Copy and paste between the desktop guest and clients: contents, and both ways, compared by hash."""
import hashlib
import itertools
import os
import time

from .picture import Picture
from .run import Failure, check

PASTE_SECONDS = 20
TEXT, PNG = ("text", "UTF8_STRING"), ("png", "image/png")

_numbers = itertools.count(1)


class Content:
    """Bytes of a type that a clipboard may hold; no two are alike."""

    def __init__(self, name, kind, data):
        self.name, self.data = name, data
        self.type, self.target = kind
        self.sha256 = hashlib.sha256(data).hexdigest()

    def file(self, bench):
        """A file on the host that holds it."""
        path = bench.path(f"content-{self.sha256[:16]}")
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(self.data)
        return path


def text(size, first=None):
    """ASCII text of that many bytes: numbers counted up, so that no part may be missing or moved."""
    first = first or 10_000_000 + 1_000_003 * next(_numbers)
    lines = b"".join(b"%d\n" % number for number in range(first, first + size // 9 + 1))
    return Content(f"{size} bytes of text", TEXT, lines[:size] if size > 1 else b"%d" % (first % 10))


def unicode_text():
    """Text with characters of one to four bytes, the ends of lines of both kinds of systems."""
    line = f"{next(_numbers)}: naïve façade, Ελληνικά, 日本語, 😀, tab\there\r\nand \\ \"quotes\"\n"
    return Content("UTF-8 text", TEXT, (line * 40).encode())


def image(bench, side=256):
    """A PNG picture that compresses badly."""
    seed = f"{next(_numbers)}".encode()
    blocks = (hashlib.sha256(seed + b"%d" % at).digest() for at in itertools.count())
    pixels = b"".join(itertools.islice(blocks, side * side * 3 // 32))
    path = bench.path("image.png")
    Picture(side, side, pixels).write_png(path)
    with open(path, "rb") as file:
        return Content(f"PNG of {side}x{side}", PNG, file.read())


def contents(bench):
    """One of every kind that the issue names."""
    return [text(1), text(4096), text(1 << 20), unicode_text(), image(bench)]


def offer(bench, viewer, content, selection="clipboard"):
    """The client takes the selection with that content."""
    viewer.command(f"clipboard-grab {selection} {content.type}={content.file(bench)}")


def guest_pastes(vm, content, selection="clipboard", seconds=PASTE_SECONDS):
    """Waits until what a program of the guest pastes is the content; the seconds it took.

    A grab takes a moment to reach the guest's X: what was there before may come until then.
    """
    began = time.monotonic()
    while True:
        status, got = vm.run(f"timeout {seconds} xclip -o -selection {selection} -t {content.target} "
                             "> /run/pasted && sha256sum < /run/pasted && wc -c < /run/pasted",
                             seconds + 5)
        if status == 0 and got.split()[0] == content.sha256:
            return time.monotonic() - began
        if time.monotonic() > began + seconds:
            raise Failure(f"the guest pastes {got.strip() or f'nothing, status {status}'}, not "
                          f"{content.name} {content.sha256[:16]}")


def guest_copies(vm, content, selection="clipboard"):
    """A program of the guest takes the selection; the content must be text() or be in /run/pasted."""
    path = "/run/copied"
    if content.data[:-1].isdigit() or content.data.split(b"\n")[0].isdigit():
        first = int(content.data.split(b"\n")[0])
        size = len(content.data)
        vm.shell(f"seq {first} {first + size // 9 + 1} | head -c {size} > {path}")
    else:
        vm.shell(f"cp /run/pasted {path}")
    check(vm.shell(f"sha256sum < {path}").split()[0] == content.sha256, "the test's own text is wrong")
    vm.copy(path, content.target, selection)


def client_pastes(bench, viewer, content, since, selection="clipboard", seconds=PASTE_SECONDS):
    """The client is offered the content's type (after `since`), asks for it and gets it; the seconds."""
    viewer.wait(lambda event: event.get("event") == "clipboard" and event["op"] == "grab"
                and event["selection"] == selection and content.type in event["types"],
                seconds, f"offer of {content.type}", since)
    began = time.monotonic()
    path = bench.path(f"{viewer.name}-pasted")
    reply = viewer.command(f"clipboard-get {selection} {content.type} {path} {seconds}", seconds + 5)
    check(reply["sha256"] == content.sha256,
          f"{viewer.name} pastes {reply['bytes']} bytes {reply['sha256'][:16]}, not {content.name} "
          f"{content.sha256[:16]}")
    return time.monotonic() - began


def both_ways(bench, vm, viewers, make=lambda: text(300)):
    """Each client copies and the guest pastes; the guest copies and each client pastes."""
    for viewer in viewers:
        content = make()
        offer(bench, viewer, content)
        guest_pastes(vm, content)
    content = make()
    marks = [viewer.now() for viewer in viewers]
    guest_copies(vm, content)
    for viewer, mark in zip(viewers, marks):
        client_pastes(bench, viewer, content, mark)
