; SPDX-License-Identifier: MIT
; The moving picture of the 80x25 text mode.

TEXT_MEMORY     equ 0xb8000
TEXT_NAME_ROW   equ 5
TEXT_STATUS_ROW equ 10
TEXT_KEYS_ROW   equ 15
TEXT_TICKER_ROW equ 22

text_start:
        pushad
        mov edi, TEXT_MEMORY
        mov eax, 0x1f201f20             ; blanks, white on blue
        mov ecx, 80 * 25 / 2
        a32 rep stosd
        call text_keys
        call text_pointer
        popad
        ret

text_step:
        pushad
        call text_pointer
        call text_name
        call text_status
        call text_ticker
        call text_pointer
        popad
        ret

; The name walks to and fro.
text_name:
        mov edi, TEXT_MEMORY + TEXT_NAME_ROW * 160
        call text_blank_row
        mov eax, [frame]
        xor edx, edx
        mov ecx, 2 * (80 - 7)
        div ecx
        cmp edx, 80 - 7
        jbe .place
        neg edx
        add edx, 2 * (80 - 7)
.place:
        lea edi, [TEXT_MEMORY + TEXT_NAME_ROW * 160 + edx * 2]
        mov si, name
        mov ah, 0x1e
        jmp text_string

text_status:
        call line_start
        mov si, draw_status.frame
        call put_string
        mov eax, [frame]
        call put_number
        mov si, draw_status.second
        call put_string
        mov eax, [second]
        call put_number
        mov edi, TEXT_MEMORY + TEXT_STATUS_ROW * 160 + 40
        jmp text_line

text_keys:
        call line_start
        mov si, draw_keys.keys
        call put_string
        mov si, typed
        call put_string
        mov edi, TEXT_MEMORY + TEXT_KEYS_ROW * 160 + 40
text_line:                              ; the line that was built, with blanks behind it
        mov al, ' '
        call put_char
        cmp word [line_end], line + 38
        jb text_line
        mov bx, [line_end]
        mov byte [bx], 0
        mov si, line
        mov ah, 0x1f
text_string:                            ; SI in the colours AH at EDI
        lodsb
        test al, al
        jz .end
        mov [es:edi], ax
        add edi, 2
        jmp text_string
.end:
        ret

text_blank_row:
        push edi
        mov eax, 0x1f201f20
        mov ecx, 40
        a32 rep stosd
        pop edi
        ret

text_ticker:
        mov ebx, [frame]
        shr ebx, 1
        mov edi, TEXT_MEMORY + TEXT_TICKER_ROW * 160
        mov ecx, 80
.next:
        mov eax, ebx
        xor edx, edx
        mov esi, TICKER_LENGTH
        div esi
        mov al, [ticker_text + edx]
        mov ah, 0x1b
        mov [es:edi], ax
        add edi, 2
        inc ebx
        loop .next
        ret

; The pointer is a cell with its colours turned round.
text_pointer:
        push eax
        mov eax, [pointer_y]
        imul eax, 80
        add eax, [pointer_x]
        xor byte [es:TEXT_MEMORY + 1 + eax * 2], 0x77
        pop eax
        ret
