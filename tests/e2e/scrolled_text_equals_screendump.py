#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Text scrolls over the whole screen; the client shows it, and is sent little but the new lines."""
import shutil
import subprocess

from harness import client, tiny
from harness.run import Skip, check, run
from harness.vm import Spice, Vm

LINES = 200
# Measured: 7 KB, and 54 KB when all that changes is encoded.
LINE_BYTES = 20000
# Prints lines of random letters, one in a tick of the clock (55 ms), then says so and rests.
GUEST = f"""
        org 0x7c00
        bits 16
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        mov ax, 0x0003
        int 0x10
        sti
        mov si, {LINES}
line:   hlt
        mov cx, 70
letter: imul ax, [seed], 25173
        add ax, 13849
        mov [seed], ax
        mov al, ah
        and al, 63
        add al, ' '
        call print
        loop letter
        mov al, 13
        call print
        mov al, 10
        call print
        dec si
        jnz line
        mov bx, done
say:    mov al, [bx]
        mov dx, 0x3f8
        out dx, al
        inc bx
        cmp al, 10
        jne say
rest:   hlt
        jmp rest
print:  mov ah, 0x0e
        mov bx, 7
        int 0x10
        ret
seed:   dw 1
done:   db "done", 10
        times 510 - ($ - $$) db 0
        dw 0xaa55
        times 1474560 - ($ - $$) db 0
"""


def test(bench, options):
    if not shutil.which("nasm"):
        raise Skip("no nasm")
    source, image = bench.path("scroll.asm"), bench.path("scroll.img")
    with open(source, "w", encoding="ascii") as file:
        file.write(GUEST)
    subprocess.run(["nasm", "-f", "bin", "-o", image, source], check=True)
    machine = Vm(bench, "source", Spice.tcp(),
                 ["-m", "32", "-vga", options.vga, "-drive", f"file={image},format=raw,if=floppy"])
    viewer = client.connect(bench, machine)
    machine.wait_line("done", 60)
    tiny.same_picture(bench, machine, viewer)
    line = viewer.stats()["bytes"] // LINES
    bench.say(f"{line} bytes a line")
    check(line < LINE_BYTES, "what scrolled was sent anew")
    viewer.quit()
    machine.quit()


def arguments(parser):
    parser.add_argument("vga", choices=["std", "virtio", "qxl"])


run(test, 120, arguments)
