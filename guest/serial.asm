; SPDX-License-Identifier: MIT
; Lines of text: built in a buffer, then sent to COM1 and to the debug console.

COM1            equ 0x3f8
DEBUGCON        equ 0xe9
LINE_SIZE       equ 80

serial_init:
        mov dx, COM1 + 1
        xor al, al                      ; no interrupts
        out dx, al
        mov dx, COM1 + 3
        mov al, 0x80
        out dx, al
        mov dx, COM1
        mov al, 1                       ; 115200 baud
        out dx, al
        inc dx
        xor al, al
        out dx, al
        mov dx, COM1 + 3
        mov al, 3                       ; 8 bits, no parity
        out dx, al
        mov dx, COM1 + 2
        mov al, 7                       ; FIFO on and empty
        out dx, al
        ret

; AL to the serial port. Waits for room, but not for ever: the port may be missing.
serial_byte:
        pusha
        out DEBUGCON, al
        mov ah, al
        mov cx, 2000
        mov dx, COM1 + 5
.wait:
        in al, dx
        test al, 0x20
        jnz .ready
        loop .wait
        popa
        ret
.ready:
        mov dx, COM1
        mov al, ah
        out dx, al
        popa
        ret

; Starts an empty line; the put_* routines append to it.
line_start:
        mov word [line_end], line
        ret

put_char:                               ; AL
        push di
        mov di, [line_end]
        cmp di, line + LINE_SIZE
        jae .full
        mov [di], al
        inc word [line_end]
.full:
        pop di
        ret

put_string:                             ; SI, ended by a zero
        push ax
.next:
        lodsb
        test al, al
        jz .end
        call put_char
        jmp .next
.end:
        pop ax
        ret

put_hex:                                ; AL as two digits
        push ax
        push ax
        shr al, 4
        call .digit
        pop ax
        and al, 15
        call .digit
        pop ax
        ret
.digit:
        add al, '0'
        cmp al, '9'
        jbe put_char
        add al, 'a' - '9' - 1
        jmp put_char

put_signed:                             ; EAX
        test eax, eax
        jns put_number
        push ax
        mov al, '-'
        call put_char
        pop ax
        neg eax
put_number:                             ; EAX
        pushad
        xor cx, cx
        mov ebx, 10
.divide:
        xor edx, edx
        div ebx
        push dx
        inc cx
        test eax, eax
        jnz .divide
.digits:
        pop ax
        add al, '0'
        call put_char
        loop .digits
        popad
        ret

; Sends the line and a newline.
line_send:
        pusha
        mov si, line
.next:
        cmp si, [line_end]
        jae .end
        lodsb
        call serial_byte
        jmp .next
.end:
        mov al, 10
        call serial_byte
        popa
        ret

; SI: a whole line to send.
send_string:
        call line_start
        call put_string
        jmp line_send

line            times LINE_SIZE + 1 db 0 ; the last byte stays 0
line_end        dw line
