#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs what comes on ttyS1, a line each: ID SECONDS BASE64-OF-A-SCRIPT; answers: ID STATUS BASE64-OF-OUTPUT.
# An ID that was served is answered again from what is kept, so that a lost answer can be asked for.
port=/dev/ttyS1
stty -F $port raw -echo 115200
exec < $port > $port
echo ready > /dev/ttyS0 # what is sent before the port is open is lost
while read -r id seconds script; do
    kept=/run/cmd/$id
    if [ ! -e "$kept.status" ]; then
        echo "$script" | base64 -d > "$kept"
        timeout "$seconds" sh "$kept" < /dev/null > "$kept.out" 2>&1
        echo $? > "$kept.status"
    fi
    printf '%s %s %s\n' "$id" "$(cat "$kept.status")" "$(base64 -w 0 < "$kept.out")"
done
