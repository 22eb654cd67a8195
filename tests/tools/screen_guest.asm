; SPDX-License-Identifier: MIT
; A boot sector that sets one video mode (MODE: VBE from 0x100 on, else of the VGA's BIOS) and fills
; the video memory and the palette with noise. COM1 says "ready" when it is done.
bits 16
org 0x7c00

start:
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
%if MODE >= 0x100
    mov ax, 0x4f02
    mov bx, MODE
%else
    mov ax, MODE
%endif
    int 0x10

%if PALETTE
    mov dx, 0x3c8
    xor al, al
    out dx, al
    inc dx
    mov cx, 768
.color:
    call random
    and al, 0x3f
    out dx, al
    loop .color
%endif

    xor bp, bp                  ; bank
.bank:
%if MODE >= 0x100
    mov ax, 0x4f05
    xor bx, bx
    mov dx, bp
    int 0x10
%endif
%if PLANES
    mov bl, 1                   ; plane
.plane:
    mov dx, 0x3c4
    mov al, 2
    mov ah, bl
    out dx, ax
    call fill
    shl bl, 1
    cmp bl, 0x10
    jne .plane
%else
    call fill
%endif
    inc bp
    cmp bp, BANKS
    jne .bank

    mov si, ready
    mov dx, 0x3f8
.say:
    lodsb
    test al, al
    jz .sleep
    out dx, al
    jmp .say
.sleep:
    hlt
    jmp .sleep

; 64 KiB, or as much as a text has, of noise
fill:
    mov ax, WINDOW
    mov es, ax
    xor di, di
    mov cx, BYTES / 2
.word:
    call random
    stosw
    loop .word
    ret

; ax: the next of 65535 numbers, by shifts (xorshift)
random:
    push dx
    mov ax, [seed]
    mov dx, ax
    shl dx, 7
    xor ax, dx
    mov dx, ax
    shr dx, 9
    xor ax, dx
    mov dx, ax
    shl dx, 8
    xor ax, dx
    mov [seed], ax
    pop dx
    ret

seed: dw 4711
ready: db "ready", 10, 0

    times 510 - ($ - $$) db 0
    dw 0xaa55
