# SPDX-License-Identifier: MIT
"""Each way a probe can end has its exit code: see caravan-probe(1)."""
import subprocess

from common import CARAVAN, Vm, check, free_port, need_qemu, probe, replies

need_qemu()

code, events, _ = probe(f"spice://127.0.0.1:{free_port()}", [])
check(code == 2 and events[-1]["exit"] == 2, "nobody listens: 2")
check(any(e["event"] == "channel-error" and e["error"] == "connect" for e in events),
      "and the error is told")

with Vm("-object", "secret,id=ticket,data=camel") as vm:
    code, _, _ = probe(vm.uri, ["wait-primary 5"])
    check(code == 3, "no password: 3")
    code, _, _ = probe(vm.uri, ["wait-primary 5"], "--password", "horse")
    check(code == 3, "wrong password: 3")
    code, events, _ = probe(vm.uri, ["wait-primary 5"], "--password", "camel")
    check(code == 0 and events[-1]["event"] == "end", "right password: 0")

with Vm() as vm:
    code, _, _ = probe(vm.uri, [])
    check(code == 0, "connect and leave: 0")
    code, events, _ = probe(vm.uri, ["nonsense", "wait-primary 5"])
    check(code == 5 and [r["ok"] for r in replies(events)] == [False, True],
          "a failed command: 5, and the next one still runs")
    code, events, _ = probe(vm.uri, ["wait-primary 5", "nonsense", "hash"], "--script", "-")
    check(code == 5 and len(replies(events)) == 2, "a script stops at the failed command")
    lost = subprocess.Popen([CARAVAN, "probe", "--stay", vm.uri], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    for line in lost.stdout:
        if '"primary"' in line:
            break
    vm.process.kill()
    lost.communicate(timeout=20)
    check(lost.returncode == 4, "the server dies: 4")
