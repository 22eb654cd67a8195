; SPDX-License-Identifier: MIT
; A guest that sends back every byte it gets on COM2, COM3 and COM4, each port for itself, in order.
; It says "ready" on COM1. A boot sector; all of its state is in RAM and the ports, so it goes on
; after a migration. It never sleeps.
        org 0x7c00
        bits 16
        cpu 386

COM1    equ 0x3f8

start:
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7c00
        mov bx, ports
.set:
        mov dx, [bx]
        test dx, dx
        jz .say
        call set_up
        add bx, PORT_SIZE
        jmp .set
.say:
        mov dx, COM1
        call set_up
        mov si, ready
.next:
        lodsb
        test al, al
        jz turn
        mov dx, COM1
        out dx, al
        jmp .next

; One look at each port: hold a byte that came, send the one held when there is room.
turn:
        mov bx, ports
.port:
        mov dx, [bx]
        test dx, dx
        jz turn
        add dx, 5
        in al, dx
        cmp al, 0xff                    ; there is no such port
        je .done
        mov ah, al
        sub dx, 5
        cmp byte [bx + 3], 0
        jne .send
        test ah, 1
        jz .done
        in al, dx
        mov [bx + 2], al
        mov byte [bx + 3], 1
.send:
        test ah, 0x20
        jz .done
        mov al, [bx + 2]
        out dx, al
        mov byte [bx + 3], 0
.done:
        add bx, PORT_SIZE
        jmp .port

; DX: a port's first address. 8 bits, 115200 baud, FIFO on and empty, no interrupts.
set_up:
        push dx
        inc dx
        xor al, al
        out dx, al
        add dx, 2
        mov al, 0x80
        out dx, al
        sub dx, 3
        mov al, 1
        out dx, al
        inc dx
        xor al, al
        out dx, al
        add dx, 2
        mov al, 3
        out dx, al
        dec dx
        mov al, 7
        out dx, al
        pop dx
        ret

PORT_SIZE equ 4                         ; address, the byte held, whether one is
ports   dw 0x2f8, 0, 0x3e8, 0, 0x2e8, 0, 0
ready   db "ready", 10, 0

        times 510 - ($ - $$) db 0
        dw 0xaa55
        times 1474560 - ($ - $$) db 0
