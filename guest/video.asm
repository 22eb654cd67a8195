; SPDX-License-Identifier: MIT
; Video modes by the VESA BIOS, and access to all of memory from real mode.

MODE_TEXT       equ 0

; Gives ES (base 0) and the string instructions a limit of 4 GB.
flat_es:
        push eax
        pushf
        cli
        lgdt [.gdt_pointer]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov ax, 8
        mov es, ax
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        xor ax, ax
        mov es, ax
        popf
        pop eax
        ret
        align 8
.gdt    dq 0
        dq 0x00cf92000000ffff
.gdt_pointer:
        dw 15
        dd .gdt

; Copies the BIOS's 8x16 font to FONT, for the graphics modes.
copy_font:
        push ds
        push es
        mov ax, 0x1130
        mov bh, 6
        int 0x10
        push es
        pop ds
        mov si, bp
        xor ax, ax
        mov es, ax
        mov di, FONT
        mov cx, 4096 / 4
        rep movsd
        pop es
        pop ds
        ret

; Sets mode AL (an index into mode_sizes) and says so. CF set: there is no such mode.
video_set:
        pushad
        mov [wanted_mode], al
        cmp al, MODE_TEXT
        je .text
        movzx bx, al
        shl bx, 2
        mov ax, [mode_sizes + bx]
        mov dx, [mode_sizes + bx + 2]
        call vbe_find
        jc .failed
        mov bx, cx
        or bx, 0x4000                   ; linear framebuffer
        mov ax, 0x4f02
        int 0x10
        cmp ax, 0x004f
        jne .failed
        mov eax, [VBE_MODE_INFO + 40]
        mov [framebuffer], eax
        movzx eax, word [VBE_MODE_INFO + 16]
        mov [pitch], eax
        movzx eax, word [VBE_MODE_INFO + 18]
        mov [width], eax
        movzx eax, word [VBE_MODE_INFO + 20]
        mov [height], eax
        jmp .set
.text:
        mov ax, 0x0003
        int 0x10
        mov ah, 1                       ; no text cursor: it blinks
        mov cx, 0x2000
        int 0x10
        mov dword [width], 80
        mov dword [height], 25
.set:
        call flat_es
        mov al, [wanted_mode]
        mov [mode], al
        call mode_line
        call line_send
        popad
        clc
        ret
.failed:
        call flat_es
        mov si, .no_mode
        call send_string
        popad
        stc
        ret
.no_mode db "error no such mode", 0

; Builds the line "mode WIDTHxHEIGHT", or "mode text".
mode_line:
        call line_start
        mov si, .mode
        call put_string
mode_name:                              ; appends the mode's name alone
        mov si, mode_line.text
        cmp byte [mode], MODE_TEXT
        je put_string
        mov eax, [width]
        call put_number
        mov al, 'x'
        call put_char
        mov eax, [height]
        jmp put_number
mode_line.mode db "mode ", 0
mode_line.text db "text", 0

; Finds the 32-bit linear mode of AX by DX; its number to CX, its description to VBE_MODE_INFO.
vbe_find:
        mov [.want_width], ax
        mov [.want_height], dx
        xor ax, ax
        mov es, ax
        mov di, VBE_INFO
        mov dword [di], 'VBE2'
        mov ax, 0x4f00
        int 0x10
        cmp ax, 0x004f
        jne .none
        mov si, [VBE_INFO + 14]
.next:
        mov fs, [VBE_INFO + 16]
        mov cx, [fs:si]
        add si, 2
        cmp cx, 0xffff
        je .none
        push si
        push cx
        xor ax, ax
        mov es, ax
        mov di, VBE_MODE_INFO
        mov ax, 0x4f01
        int 0x10
        pop cx
        pop si
        cmp ax, 0x004f
        jne .next
        test byte [VBE_MODE_INFO], 0x80 ; linear framebuffer
        jz .next
        cmp byte [VBE_MODE_INFO + 25], 32
        jne .next
        mov ax, [VBE_MODE_INFO + 18]
        cmp ax, [.want_width]
        jne .next
        mov ax, [VBE_MODE_INFO + 20]
        cmp ax, [.want_height]
        jne .next
        clc
        ret
.none:
        stc
        ret
.want_width     dw 0
.want_height    dw 0

mode_sizes      dw 80, 25, 640, 480, 1024, 768, 800, 600
mode            db MODE_TEXT
wanted_mode     db 0
        align 4
framebuffer     dd 0
pitch           dd 0                    ; bytes
width           dd 0
height          dd 0
