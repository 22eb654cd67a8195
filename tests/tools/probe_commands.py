# SPDX-License-Identifier: MIT
"""The commands of a probe do what they say, against the system's own SPICE server."""
import hashlib
import os
import tempfile

from common import Vm, check, need_qemu, probe, replies

need_qemu()


def rgb_of(path):
    with open(path, "rb") as file:
        kind, size, depth, rgb = file.read().split(b"\n", 3)
    check(kind == b"P6" and depth == b"255", "the screenshot is a PPM")
    return size, rgb


with Vm() as vm, tempfile.TemporaryDirectory() as folder:
    picture = os.path.join(folder, "screen.ppm")
    drawing = os.path.join(folder, "screen.png")
    vm.wait_ready()
    code, events, _ = probe(vm.uri, [
        "# a comment, and an empty line", "",
        "#one wait-primary 1024 768 20",
        "wait-channel inputs 5",
        "wait-picture 3 10",
        "key 3e",            # F4: the guest's picture stands still
        "wait-idle 300 10",
        f"screenshot {picture}", f"screenshot {drawing}", "#two hash",
        "pause 0.3",
        "gap-reset", "key 3e", "wait-picture 5 10", "gap", "stats", "channels",
        "motion 3 4", "button 1 press", "button 1 release", "type Ab", "quit", "hash"])
    answers = replies(events)
    print(*[r for r in answers if not r["ok"]], sep="\n")
    check(code == 0 and all(r["ok"] for r in answers), "every command succeeds")
    check(answers[-1]["cmd"] == "quit", "nothing runs after quit")
    by_id = {r["id"]: r for r in answers if "id" in r}
    check(set(by_id) == {"one", "two"}, "replies carry the ids of their commands")
    check((by_id["one"]["width"], by_id["one"]["height"]) == (1024, 768), "wait-primary waits")

    size, rgb = rgb_of(picture)
    shots = [r for r in answers if r["cmd"] == "screenshot"]
    check(size == b"1024 768" and len(rgb) == 1024 * 768 * 3, "the screenshot is whole")
    check(hashlib.sha256(rgb).hexdigest() == shots[0]["sha256"] == shots[1]["sha256"]
          == by_id["two"]["sha256"], "its hash is that of its bytes, and the picture stood still")
    check(len(set(rgb)) > 8, "it is not empty")
    with open(drawing, "rb") as file:
        check(file.read(8) == b"\x89PNG\r\n\x1a\n", "a PNG is a PNG")

    said = {r["cmd"]: r for r in answers}
    check(0.3 <= said["pause"]["paused"] < 5, "pause lasts as long as asked")
    check(0 < said["gap"]["max_gap_ms"] < 10000, "gap measures")
    check(abs((said["gap"]["to_t"] - said["gap"]["from_t"]) * 1000
              - said["gap"]["max_gap_ms"]) < 0.1, "and says from when to when")
    kinds = sorted(c["type"] for c in said["channels"]["channels"])
    check(kinds == ["cursor", "display", "inputs", "main"], "all channels are listed")
    check(all(c["open"] and c["opened"] == 1 and c["moves"] == 0 and c["bytes"] > 0
              for c in said["channels"]["channels"]), "open, once, not moved")
    check(sorted(c["serial"] for c in said["channels"]["channels"]) == [1, 2, 3, 4],
          "each object has its serial")

    code, events, _ = probe(vm.uri, [
        "wait-primary 10", "wait-primary 5 5 0.1", "wait-idle x 1", "wait-event nonsense 1",
        "key zz", "key", "button 9 press", "screenshot /nonexistent/x.png", "hash 7", "resume",
        "type \u00e9", "sleep -1", "#only", "gap"])
    answers = replies(events)
    check([r["ok"] for r in answers] == [True] + [False] * 12 + [True], "bad commands fail alone")
    check(all(r["error"] for r in answers if not r["ok"]), "and each says why")
    check(code == 5, "and the probe ends with 5")

    code, events, _ = probe(vm.uri, ["wait-primary 10", "pause", "hash", "resume", "hash", "quit"])
    order = [e.get("cmd", e["event"]) for e in events if e["event"] in ("reply", "paused")]
    check(order == ["wait-primary", "paused", "pause", "hash", "hash", "quit"],
          "a pause holds back what comes before resume")

    code, events, _ = probe(vm.uri, ["wait-primary 10"], "--channels", "display",
                            "--set", "enable-audio=false")
    opened = {e["type"] for e in events if e["event"] == "channel-open"}
    check(code == 0 and opened == {"main", "display"}, "--channels connects no others")
