; SPDX-License-Identifier: MIT
; Drawing into the 32-bit linear framebuffer. ES must be flat (flat_es).

; EDI = address of the pixel EAX, EBX.
pixel_address:
        push ebx
        imul ebx, [pitch]
        lea edi, [ebx + eax * 4]
        add edi, [framebuffer]
        pop ebx
        ret

; Gives back the background to the rectangle EAX, EBX, size ECX by EDX.
draw_background:
        pushad
        call pixel_address
        mov ebp, ecx
.row:
        mov eax, [ROW_COLOURS + ebx * 4]
        push edi
        mov ecx, ebp
        a32 rep stosd
        pop edi
        add edi, [pitch]
        inc ebx
        dec edx
        jnz .row
        popad
        ret

; One colour for every row: dark blue at the top to lighter at the bottom.
make_row_colours:
        pushad
        xor ebx, ebx
.row:
        mov esi, 0x10
        mov eax, 0x1c
        call .part
        mov esi, 0x14
        mov eax, 0x38
        call .part
        mov esi, 0x30
        mov eax, 0x70
        call .part
        mov [ROW_COLOURS + ebx * 4], ecx
        inc ebx
        cmp ebx, [height]
        jb .row
        popad
        ret
.part:                                  ; ECX = ECX << 8 | (ESI + EAX * row / height)
        mul ebx
        div dword [height]
        add eax, esi
        shl ecx, 8
        mov cl, al
        and ecx, 0xffffff
        ret

; One glyph AL with its upper left at EDI; pixels of size [scale], [ink] on [paper].
; Paper of PAPER_NONE leaves what is there.
PAPER_NONE      equ 0xffffffff
draw_glyph:
        pushad
        movzx esi, al
        shl esi, 4
        add esi, FONT
        mov dword [.rows], 16
.row:
        mov bh, [esi]
        inc esi
        mov ebp, [scale]
.line:
        push edi
        mov bl, bh
        mov edx, 8
.pixel:
        mov ecx, [scale]
        mov eax, [ink]
        shl bl, 1
        jc .paint
        mov eax, [paper]
        cmp eax, PAPER_NONE
        je .skip
.paint:
        a32 rep stosd
        jmp .next
.skip:
        lea edi, [edi + ecx * 4]
.next:
        dec edx
        jnz .pixel
        pop edi
        add edi, [pitch]
        dec ebp
        jnz .line
        dec dword [.rows]
        jnz .row
        popad
        ret
        align 4
.rows   dd 0

; The string SI, ended by a zero, at EDI.
draw_string:
        pushad
        mov edx, [scale]
        shl edx, 5
.next:
        lodsb
        test al, al
        jz .end
        call draw_glyph
        add edi, edx
        jmp .next
.end:
        popad
        ret

; The pointer: a cross of inverted pixels, so drawing it twice takes it away.
POINTER_REACH   equ 10
draw_pointer:
        pushad
        mov eax, [pointer_x]
        mov ebx, [pointer_y]
        sub eax, POINTER_REACH
        call pixel_address
        mov ecx, 2 * POINTER_REACH + 1
.across:
        xor dword [es:edi], 0xffffff
        add edi, 4
        loop .across
        mov eax, [pointer_x]
        sub ebx, POINTER_REACH
        call pixel_address
        mov ecx, 2 * POINTER_REACH + 1
.down:
        xor dword [es:edi], 0xffffff
        add edi, [pitch]
        loop .down
        popad
        ret

        align 4
ink     dd 0
paper   dd 0
scale   dd 1
