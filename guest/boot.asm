; SPDX-License-Identifier: MIT
; Boot sector: loads the rest of the image behind itself and starts it.
; The whole image is one flat binary at 0000:7C00; every segment register is 0.

        bits 16
        cpu 686
        org 0x7c00

STAGE2_SECTORS  equ 16                  ; 17 at most: one floppy track less this sector

        jmp 0:boot

boot:
        cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        cld
        sti
        mov [boot_drive], dl
        mov byte [tries], 5
.again:
        mov ax, 0x0200 + STAGE2_SECTORS
        mov bx, stage2
        mov cx, 0x0002                  ; cylinder 0, sector 2
        mov dh, 0                       ; head 0
        mov dl, [boot_drive]
        int 0x13
        jnc stage2
        xor ax, ax                      ; a floppy may need a reset after the first try
        mov dl, [boot_drive]
        int 0x13
        dec byte [tries]
        jnz .again
        mov si, .failed
.print:
        lodsb
        test al, al
        jz .stop
        mov ah, 0x0e
        mov bx, 7
        int 0x10
        jmp .print
.stop:
        hlt
        jmp .stop
.failed db "guest: cannot read the disk", 0

boot_drive      db 0
tries           db 0

; Settings a test may patch in the image file; README.md documents the offsets.
        times 0x1b0 - ($ - $$) db 0
config_mode     db 2                    ; 0x1b0: 0 text, 1 640x480, 2 1024x768, 3 800x600
config_rate     db 25                   ; 0x1b1: pictures a second, 19 to 250
config_flags    db 0                    ; 0x1b2: 1 start frozen, 2 start busy

        times 510 - ($ - $$) db 0
        dw 0xaa55

stage2:
        jmp main

%include "serial.asm"
%include "video.asm"
%include "draw.asm"
%include "input.asm"
%include "scene.asm"
%include "textscene.asm"
%include "main.asm"

%if ($ - stage2) > STAGE2_SECTORS * 512
%error "the second stage does not fit into STAGE2_SECTORS"
%endif

        times 1474560 - ($ - $$) db 0   ; a 1.44 MB floppy, which is a fine disk too

; Memory behind the program, not part of the image.
FONT            equ 0xa000              ; 256 glyphs of 16 bytes
ROW_COLOURS     equ 0xb000              ; one colour per row of the screen, 768 rows
VBE_INFO        equ 0xc000
VBE_MODE_INFO   equ 0xc200
