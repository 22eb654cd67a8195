; SPDX-License-Identifier: MIT
; Timer, keyboard and mouse: the interrupt handlers only store, main.asm acts.

RING_SIZE       equ 256

; Hooks IRQ 0, 1 and 12 and starts the timer at [config_rate] Hz.
input_init:
        cli
        mov word [8 * 4], timer_irq
        mov word [8 * 4 + 2], 0
        mov word [9 * 4], keyboard_irq
        mov word [9 * 4 + 2], 0
        mov word [0x74 * 4], mouse_irq
        mov word [0x74 * 4 + 2], 0
        call timer_init
        call mouse_init
        in al, 0x21
        and al, 0xf8                    ; timer, keyboard, second controller
        out 0x21, al
        in al, 0xa1
        and al, 0xef                    ; mouse
        out 0xa1, al
        sti
        ret

timer_init:
        movzx ecx, byte [config_rate]
        cmp ecx, 19                     ; slower does not fit the 16 bits of the counter
        jae .rate
        mov ecx, 19
.rate:
        mov [rate], ecx
        mov eax, 1193182
        xor edx, edx
        div ecx
        mov cx, ax
        mov al, 0x34
        out 0x43, al
        mov al, cl
        out 0x40, al
        mov al, ch
        out 0x40, al
        ret

; Enables the second PS/2 port, its interrupt and the mouse's reports.
mouse_init:
        mov al, 0xa8
        call controller_command
        mov al, 0x20                    ; read the controller's configuration
        call controller_command
        call controller_read
        or al, 0x43                     ; both interrupts, translated scancodes
        and al, 0xcf                    ; both ports on
        push ax
        mov al, 0x60                    ; write it
        call controller_command
        pop ax
        call controller_data
        mov al, 0xf6                    ; defaults
        call mouse_command
        mov al, 0xf4                    ; report
mouse_command:
        push ax
        mov al, 0xd4
        call controller_command
        pop ax
        call controller_data
controller_read:                        ; AL = next byte, or what is there after a while
        mov cx, 0xffff
.wait:
        in al, 0x64
        test al, 1
        loopz .wait
        in al, 0x60
        ret
controller_data:
        call controller_ready
        out 0x60, al
        ret
controller_command:
        call controller_ready
        out 0x64, al
        ret
controller_ready:
        push ax
        mov cx, 0xffff
.wait:
        in al, 0x64
        test al, 2
        loopnz .wait
        pop ax
        ret

timer_irq:
        inc dword [cs:timer_count]
        push ax
        jmp end_irq

keyboard_irq:
        push ax
        in al, 0x64                     ; the byte may be taken, or be the mouse's
        and al, 0x21
        cmp al, 0x01
        jne end_irq
        push bx
        in al, 0x60
        movzx bx, byte [cs:keys_in]
        mov [cs:keys + bx], al
        inc byte [cs:keys_in]
        pop bx
        jmp end_irq

mouse_irq:
        push ax
        in al, 0x64
        and al, 0x21
        cmp al, 0x21
        jne .end
        push bx
        in al, 0x60
        movzx bx, byte [cs:mouse_in]
        mov [cs:mouse_bytes + bx], al
        inc byte [cs:mouse_in]
        pop bx
.end:
        mov al, 0x20
        out 0xa0, al
end_irq:
        mov al, 0x20
        out 0x20, al
        pop ax
        iret

; AL = the next scancode; ZF set: none.
key_next:
        movzx bx, byte [keys_out]
        cmp bl, [keys_in]
        je .none
        mov al, [keys + bx]
        inc byte [keys_out]
        or bl, 1                        ; clears ZF
.none:
        ret

; Takes one mouse report: EAX = right, EBX = down, CL = buttons. ZF set: no whole report.
mouse_next:
        mov al, [mouse_in]
        sub al, [mouse_out]
        cmp al, 3
        jb .none
        call mouse_byte
        test al, 8                      ; always set in a first byte: else we are out of step
        jz mouse_next
        mov cl, al
        call mouse_byte
        movzx edx, al
        test cl, 0x10
        jz .right
        or edx, 0xffffff00
.right:
        call mouse_byte
        movzx ebx, al
        test cl, 0x20
        jz .up
        or ebx, 0xffffff00
.up:
        neg ebx
        mov eax, edx
        and cl, 7
        or ch, 1                        ; clears ZF
        ret
.none:
        xor ch, ch
        ret
mouse_byte:
        movzx bx, byte [mouse_out]
        mov al, [mouse_bytes + bx]
        inc byte [mouse_out]
        ret

; AL = the character of scancode AL under [shift_held], 0 for none.
key_character:
        cmp al, 0x39
        ja .none
        movzx bx, al
        mov al, [characters + bx]
        cmp byte [shift_held], 0
        je .done
        cmp al, 'a'
        jb .done
        cmp al, 'z'
        ja .done
        sub al, 32
.done:
        ret
.none:
        xor al, al
        ret

characters:
        db 0, 0, "1234567890-=", 0, 0, "qwertyuiop[]", 0, 0, "asdfghjkl;'`"
        db 0, "\zxcvbnm,./", 0, "*", 0, " "
        times 0x3a - ($ - characters) db 0

        align 4
timer_count     dd 0
rate            dd 25
keys_in         db 0
keys_out        db 0
mouse_in        db 0
mouse_out       db 0
shift_held      db 0
keys            times RING_SIZE db 0
mouse_bytes     times RING_SIZE db 0
