#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The figures of bench/run: what counts as shown, and the page between its markers."""
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "bench"))
LOADER = importlib.machinery.SourceFileLoader("bench_run", os.path.join(ROOT, "bench", "run"))
SPEC = importlib.util.spec_from_loader("bench_run", LOADER)
run = importlib.util.module_from_spec(SPEC)
LOADER.exec_module(run)


class Latencies(unittest.TestCase):
    def check(self, pushed, seen, expected, never):
        waits, lost = run.latencies(pushed, seen)
        self.assertEqual([round(wait) for wait in waits], expected)
        self.assertEqual(lost, never)

    def test_each_change_is_timed_to_its_own_picture(self):
        self.check([(1, 10.0), (2, 11.0)], [(1, 10.005), (2, 11.007)], [5, 7], 0)

    def test_a_newer_picture_counts_for_the_changes_it_replaced(self):
        self.check([(1, 10.0), (2, 10.1), (3, 10.2)], [(3, 10.25)], [250, 150, 50], 0)

    def test_changes_after_the_last_picture_are_counted_as_never_shown(self):
        self.check([(1, 10.0), (2, 10.1), (3, 10.2)], [(1, 10.01)], [10], 2)

    def test_percentile_is_a_value_that_occurred(self):
        self.assertEqual(run.percentile(list(range(1, 101)), 99), 99)
        self.assertEqual(run.percentile([7], 99), 7)


class Page(unittest.TestCase):
    def test_only_the_part_between_the_markers_is_replaced(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "page.md")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"before\n{run.BEGIN}\nold\n{run.END}\nafter\n")
            run.write_between_markers(path, ["new"])
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read(), f"before\n{run.BEGIN}\nnew\n{run.END}\nafter\n")

    def test_a_page_without_markers_is_left_alone(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "page.md")
            with open(path, "w", encoding="utf-8") as file:
                file.write("mine\n")
            with self.assertRaises(run.Failed):
                run.write_between_markers(path, ["new"])


if __name__ == "__main__":
    unittest.main()
