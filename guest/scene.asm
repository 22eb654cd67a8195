; SPDX-License-Identifier: MIT
; The moving picture of the graphics modes.

HEADER_Y        equ 20
STATUS_Y        equ 168
STAGE_Y         equ 208                 ; the box moves from here down to the keys
KEYS_BELOW      equ 112                 ; distance of the key line from the bottom
TICKER_BELOW    equ 60
TICKER_SCALE    equ 3
BOX_SIZE        equ 96
NOISE_WIDTH     equ 256
NOISE_HEIGHT    equ 128

; The whole picture, after a mode was set.
scene_start:
        pushad
        call make_row_colours
        xor eax, eax
        xor ebx, ebx
        mov ecx, [width]
        mov edx, [height]
        call draw_background
        call draw_header
        mov dword [box_x], 40
        mov dword [box_y], STAGE_Y + 12
        mov dword [box_step_x], 5
        mov dword [box_step_y], 3
        call draw_box
        call draw_status
        call draw_keys
        call draw_pointer
        popad
        ret

; The next picture.
scene_step:
        pushad
        call draw_pointer
        mov eax, [box_x]
        mov ebx, [box_y]
        mov ecx, BOX_SIZE
        mov edx, BOX_SIZE
        call draw_background
        call move_box
        call draw_box
        cmp byte [busy], 0
        je .calm
        call draw_noise
.calm:
        call step_ticker
        call draw_status
        call draw_pointer
        popad
        ret

draw_header:
        mov dword [scale], 8
        mov dword [paper], PAPER_NONE
        mov eax, [width]
        sub eax, 7 * 8 * 8
        shr eax, 1
        add eax, 5
        mov ebx, HEADER_Y + 5
        mov dword [ink], 0x050810
        call .word
        sub eax, 5
        sub ebx, 5
        mov dword [ink], 0xffb648
.word:
        call pixel_address
        mov si, name
        jmp draw_string

draw_status:
        call line_start
        mov si, .frame
        call put_string
        mov eax, [frame]
        call put_number
        mov si, .second
        call put_string
        mov eax, [second]
        call put_number
        mov al, ' '
        call put_char
        call put_char
        call mode_name
        mov ebx, STATUS_Y
        mov dword [ink], 0xd8e4f0
        jmp draw_line
.frame  db "frame ", 0
.second db "  second ", 0

draw_keys:
        call line_start
        mov si, .keys
        call put_string
        mov si, typed
        call put_string
        mov al, '_'
        call put_char
        mov ebx, [height]
        sub ebx, KEYS_BELOW
        mov dword [ink], 0x90f0a0
        jmp draw_line
.keys   db "keys: ", 0

; The line that was built, at row EBX, filled with blanks to 38 characters.
draw_line:
        mov al, ' '
        call put_char
        cmp word [line_end], line + 38
        jb draw_line
        mov di, [line_end]
        mov byte [di], 0
        mov dword [scale], 2
        mov dword [paper], 0x101828
        mov eax, 16
        call pixel_address
        mov si, line
        jmp draw_string

; One step on, turning at the edges of the stage.
move_box:
        mov eax, [box_x]
        add eax, [box_step_x]
        mov [box_x], eax
        mov ecx, [width]
        sub ecx, BOX_SIZE + 5
        cmp eax, 5
        jle .turn_x
        cmp eax, ecx
        jl .vertical
.turn_x:
        neg dword [box_step_x]
.vertical:
        mov eax, [box_y]
        add eax, [box_step_y]
        mov [box_y], eax
        mov ecx, [height]
        sub ecx, KEYS_BELOW + BOX_SIZE + 3
        cmp eax, STAGE_Y + 3
        jle .turn_y
        cmp eax, ecx
        jl .done
.turn_y:
        neg dword [box_step_y]
.done:
        ret

draw_box:
        pushad
        mov eax, [box_x]
        mov ebx, [box_y]
        call pixel_address
        xor edx, edx                    ; row
.row:
        push edi
        xor ecx, ecx                    ; column
        mov eax, edx
        shl eax, 9                      ; green by row
        or eax, 0xe00000
.pixel:
        mov [es:edi], eax
        add edi, 4
        add eax, 2                      ; blue by column
        inc ecx
        cmp ecx, BOX_SIZE
        jb .pixel
        pop edi
        add edi, [pitch]
        inc edx
        cmp edx, BOX_SIZE
        jb .row
        popad
        ret

; Pixels that nothing can compress well.
draw_noise:
        pushad
        mov eax, 16
        mov ebx, STAGE_Y
        call pixel_address
        mov eax, [noise_seed]
        mov edx, NOISE_HEIGHT
.row:
        push edi
        mov ecx, NOISE_WIDTH
.pixel:
        mov ebx, eax
        shl ebx, 13
        xor eax, ebx
        mov ebx, eax
        shr ebx, 17
        xor eax, ebx
        mov ebx, eax
        shl ebx, 5
        xor eax, ebx
        mov ebx, eax
        and ebx, 0xffffff
        mov [es:edi], ebx
        add edi, 4
        loop .pixel
        pop edi
        add edi, [pitch]
        dec edx
        jnz .row
        mov [noise_seed], eax
        popad
        ret

; The ticker: everything one glyph column to the left, one new column at the right.
step_ticker:
        pushad
        xor eax, eax
        mov ebx, [height]
        sub ebx, TICKER_BELOW
        call pixel_address
        mov edx, 16 * TICKER_SCALE
.row:
        push edi
        lea esi, [edi + 4 * TICKER_SCALE]
        mov ecx, [width]
        sub ecx, TICKER_SCALE
        es a32 rep movsd
        pop edi
        add edi, [pitch]
        dec edx
        jnz .row
        call draw_ticker_column
        popad
        ret

draw_ticker_column:
        mov esi, [ticker_column]
        mov ecx, esi
        and ecx, 7
        shr esi, 3
        movzx esi, byte [ticker_text + esi]
        shl esi, 4
        mov eax, [width]
        sub eax, TICKER_SCALE
        call pixel_address
        mov edx, [height]
        sub edx, TICKER_BELOW
        mov ebp, 16
.row:
        mov bl, [FONT + esi]
        inc esi
        shl bl, cl
        mov eax, 0x60d0ff
        test bl, bl
        js .ink
        mov eax, [ROW_COLOURS + edx * 4]
.ink:
        call ticker_pixel
        add edx, TICKER_SCALE
        dec ebp
        jnz .row
        mov eax, [ticker_column]
        inc eax
        cmp eax, TICKER_LENGTH * 8
        jb .kept
        xor eax, eax
.kept:
        mov [ticker_column], eax
        ret
ticker_pixel:                           ; EAX at EDI, moves EDI below it
        push ecx
        mov ch, TICKER_SCALE
.line:
%rep TICKER_SCALE
        mov [es:edi + 4 * (TICKER_SCALE - 1)], eax
        sub edi, 4
%endrep
        add edi, 4 * TICKER_SCALE
        add edi, [pitch]
        dec ch
        jnz .line
        pop ecx
        ret

; Takes the pointer by EAX right and EBX down, inside the screen.
pointer_move:
        push ecx
        mov ecx, POINTER_REACH
        cmp byte [mode], MODE_TEXT
        jne .reach
        xor ecx, ecx
.reach:
        add eax, [pointer_x]
        mov edx, [width]
        call .clamp
        mov [pointer_x], eax
        mov eax, ebx
        add eax, [pointer_y]
        mov edx, [height]
        call .clamp
        mov [pointer_y], eax
        pop ecx
        ret
.clamp:                                 ; EAX into ECX .. EDX - 1 - ECX
        sub edx, ecx
        dec edx
        cmp eax, edx
        jle .low
        mov eax, edx
.low:
        cmp eax, ecx
        jge .done
        mov eax, ecx
.done:
        ret

name            db "CARAVAN", 0
ticker_text     db "a desktop that travels with its machine  * * *  F1 text  F2 640x480  "
                db "F3 1024x768  F4 freeze  F5 noise  F6 800x600  * * *  "
TICKER_LENGTH   equ $ - ticker_text
TYPED_SIZE      equ 30
typed           times TYPED_SIZE + 1 db 0
        align 4
typed_count     dd 0
frame           dd 0
second          dd 0
box_x           dd 0
box_y           dd 0
box_step_x      dd 5
box_step_y      dd 3
ticker_column   dd 0
noise_seed      dd 0x2545f491
pointer_x       dd 0
pointer_y       dd 0
busy            db 0
frozen          db 0
