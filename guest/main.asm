; SPDX-License-Identifier: MIT
; The loop: sleeps until an interrupt, then acts on keys, mouse and time.

main:
        call serial_init
        call copy_font
        call flat_es
        mov si, .boot
        call send_string
        mov al, [config_flags]
        and al, 1
        mov [frozen], al
        mov al, [config_flags]
        shr al, 1
        and al, 1
        mov [busy], al
        mov al, [config_mode]
        and al, 3
        call enter_mode
        jnc .shown
        mov al, MODE_TEXT
        call enter_mode
.shown:
        call input_init
        mov si, .ready
        call send_string
.loop:
        call handle_key
        jnz .loop
        call handle_mouse
        jnz .loop
        call handle_time
        jnz .loop
        cli
        mov al, [keys_in]
        cmp al, [keys_out]
        jne .awake
        mov eax, [timer_count]
        cmp eax, [timer_seen]
        jne .awake
        sti                             ; takes effect behind the hlt: no interrupt is missed
        hlt
.awake:
        sti
        jmp .loop
.boot   db "boot", 0
.ready  db "ready", 0

; Sets mode AL and draws all of it. CF set: no such mode, nothing changed.
enter_mode:
        call video_set
        jc .done
        mov eax, [width]
        shr eax, 1
        mov [pointer_x], eax
        mov eax, [height]
        shr eax, 1
        mov [pointer_y], eax
        cmp byte [mode], MODE_TEXT
        je .text
        call scene_start
        clc
        ret
.text:
        call text_start
        clc
.done:
        ret

; Acts on one scancode. ZF set: there was none.
handle_key:
        call key_next
        jz .none
        mov [.code], al
        call line_start
        mov si, .key
        call put_string
        call put_hex
        call line_send
        mov al, [.code]
        mov ah, al
        and ah, 0x7f
        cmp ah, 0x2a                    ; left and right shift
        je .shift
        cmp ah, 0x36
        je .shift
        test al, 0x80
        jnz .done
        cmp al, 0x3b
        jb .character
        cmp al, 0x40
        ja .done
        movzx bx, al
        sub bx, 0x3b
        shl bx, 1
        call [.actions + bx]
        jmp .done
.character:
        cmp al, 0x0e
        je .backspace
        call key_character
        test al, al
        jz .done
        call type_character
        jmp .done
.backspace:
        call untype_character
        jmp .done
.shift:
        not al
        and al, 0x80
        mov [shift_held], al
.done:
        or al, 1                        ; clears ZF
.none:
        ret
.code   db 0
.key    db "key ", 0
.actions:
        dw set_text, set_640, set_1024, toggle_freeze, toggle_busy, set_800

set_text:
        mov al, 0
        jmp enter_mode
set_640:
        mov al, 1
        jmp enter_mode
set_1024:
        mov al, 2
        jmp enter_mode
set_800:
        mov al, 3
        jmp enter_mode

toggle_freeze:
        xor byte [frozen], 1
        mov si, .freeze
        mov al, [frozen]
        jmp send_switch
.freeze db "freeze ", 0

toggle_busy:
        xor byte [busy], 1
        mov si, .busy
        mov al, [busy]
        jmp send_switch
.busy   db "busy ", 0

send_switch:                            ; the line SI with AL, 0 or 1
        call line_start
        call put_string
        add al, '0'
        call put_char
        jmp line_send

; Appends AL to the line of typed characters; a full line starts anew.
type_character:
        mov ebx, [typed_count]
        cmp ebx, TYPED_SIZE
        jb .room
        xor ebx, ebx
.room:
        mov [typed + ebx], al
        inc ebx
        jmp typed_end
untype_character:
        mov ebx, [typed_count]
        test ebx, ebx
        jz typed_end
        dec ebx
typed_end:
        mov byte [typed + ebx], 0
        mov [typed_count], ebx
        cmp byte [mode], MODE_TEXT
        je .text
        call draw_pointer
        call draw_keys
        jmp draw_pointer
.text:
        call text_pointer
        call text_keys
        jmp text_pointer

; Acts on one mouse report. ZF set: there was none.
handle_mouse:
        call mouse_next
        jz .none
        push eax
        push ebx
        call line_start
        mov si, .mouse
        call put_string
        call put_signed
        mov al, ' '
        call put_char
        mov eax, ebx
        call put_signed
        mov al, ' '
        call put_char
        mov al, cl
        add al, '0'
        call put_char
        call line_send
        pop ebx
        pop eax
        mov cx, draw_pointer
        cmp byte [mode], MODE_TEXT
        jne .draw
        mov cx, text_pointer
.draw:
        call cx
        call pointer_move
        call cx
        or al, 1                        ; clears ZF
.none:
        ret
.mouse  db "mouse ", 0

; The next picture if it is due, and a line every second. ZF set: nothing was due.
handle_time:
        mov eax, [timer_count]
        cmp eax, [timer_seen]
        je .none
        mov [timer_seen], eax
        xor edx, edx
        div dword [rate]
        cmp eax, [second]
        je .picture
        mov [second], eax
        call send_tick
.picture:
        cmp byte [frozen], 0
        jne .done
        inc dword [frame]
        cmp byte [mode], MODE_TEXT
        je .text
        call scene_step
        jmp .done
.text:
        call text_step
.done:
        or al, 1                        ; clears ZF
.none:
        ret

send_tick:
        call line_start
        mov si, .tick
        call put_string
        mov eax, [second]
        call put_number
        mov si, .frame
        call put_string
        mov eax, [frame]
        call put_number
        jmp line_send
.tick   db "tick ", 0
.frame  db " frame ", 0

        align 4
timer_seen      dd 0
