#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs what comes on a virtio port, a line each: ID SECONDS BASE64-OF-A-SCRIPT; answers: ID STATUS
# BASE64-OF-OUTPUT. An ID that was served is answered again from what is kept, so that a lost answer can be
# asked for. The port ends whenever the host's side does. (A serial port of QEMU 7.2 may stay silent after
# a migration: its interrupt is lost.)
exec 3<> /dev/virtio-ports/shell
echo ready > /dev/ttyS0 # what is sent before the port is open is lost
while true; do
    while read -r id seconds script <&3; do
        kept=/run/cmd/$id
        if [ ! -e "$kept.status" ]; then
            echo "$script" | base64 -d > "$kept"
            timeout "$seconds" sh "$kept" < /dev/null > "$kept.out" 2>&1 3>&-
            echo $? > "$kept.status"
        fi
        printf '%s %s %s\n' "$id" "$(cat "$kept.status")" "$(base64 -w 0 < "$kept.out")" >&3
    done
    usleep 20000
done
