# SPDX-License-Identifier: MIT
"""How a test begins and ends: exit codes, its bound, processes, what a failure shows."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

PASSED, FAILED, SKIPPED = 0, 1, 77
SHOWN_BYTES = 6000


class Failure(Exception):
    """The thing under test did something wrong."""


class Skip(Exception):
    """Something this test needs is not here."""


class OutOfTime(BaseException):
    """The whole test took longer than it may; no `except Exception` swallows it."""


def check(truth, text):
    """Fails the test with text unless truth."""
    if not truth:
        raise Failure(text)


def until(condition, seconds, what, pause=0.02):
    """Polls until condition() is true and returns what it gave; Failure after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"no {what} within {seconds} s")
        time.sleep(pause)


class Bench:
    """One test's folder, processes and words."""

    def __init__(self, name):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="caravan-e2e-")
        self.began = time.monotonic()
        self._processes = []
        self._closers = []
        self._logs = []

    def say(self, text):
        """A line of the test's report, with the seconds since it began."""
        print(f"[{time.monotonic() - self.began:7.2f}] {text}", flush=True)

    def path(self, name):
        """A path in the test's folder."""
        return os.path.join(self.folder, name)

    def spawn(self, arguments, log, **popen):
        """Starts a process that is killed at the end; its `log` file is shown if the test fails."""
        process = subprocess.Popen(arguments, **popen)
        self._processes.append(process)
        self._logs.append((" ".join(arguments), log))
        return process

    def watch_log(self, what, path):
        """Has one more file shown if the test fails."""
        self._logs.append((what, path))

    def at_end(self, closer):
        """Has closer() called at the end, last one first."""
        self._closers.append(closer)

    def show_logs(self):
        """Prints the ends of all log files."""
        for command, path in self._logs:
            print(f"--- {path}: {command}")
            try:
                with open(path, "rb") as log:
                    log.seek(max(0, os.path.getsize(path) - SHOWN_BYTES))
                    print(log.read().decode(errors="replace"))
            except OSError as error:
                print(error)
        sys.stdout.flush()

    def close(self):
        """Ends everything that the test started, by process id."""
        for closer in reversed(self._closers):
            try:
                closer()
            except Exception:  # one that fails must not keep the others
                traceback.print_exc()
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def remove(self):
        """Removes the test's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def run(test, bound, arguments=None):
    """Runs test(bench, options) within `bound` seconds, never returns; `arguments` gets the parser."""
    parser = argparse.ArgumentParser(description=sys.modules[test.__module__].__doc__)
    if arguments:
        arguments(parser)
    options = parser.parse_args()
    bench = Bench(os.path.basename(sys.argv[0]))

    def alarm(_signal, _frame):
        raise OutOfTime()

    signal.signal(signal.SIGALRM, alarm)
    signal.signal(signal.SIGTERM, alarm)
    signal.alarm(bound)
    result = FAILED
    try:
        test(bench, options)
        result = PASSED
        bench.say("passed")
    except Skip as skip:
        result = SKIPPED
        bench.say(f"skipped: {skip}")
    except Failure as failure:
        bench.say(f"FAILED: {failure}")
    except (OutOfTime, KeyboardInterrupt):
        traceback.print_exc()
        bench.say(f"FAILED: interrupted, or not done within {bound} s")
    except Exception:
        traceback.print_exc()
        bench.say("FAILED: an exception")
    signal.alarm(0)
    bench.close()
    if result == FAILED:
        bench.show_logs()
    if result == FAILED and os.environ.get("CARAVAN_KEEP"):
        print(f"kept {bench.folder}")
    else:
        bench.remove()
    sys.exit(result)
