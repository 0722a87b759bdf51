#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the levels of tests, cheapest first, and ends with one line: N passed, N failed.

    tests/run.py [--full] [host] [abi] [guest] [system] [lifecycle] [stock] [compat]
                                                                all levels unless some are named

Each level is a make target or a program of its own; its own closing line is added up: cmocka's
"[  PASSED  ] N test(s)." and "[  FAILED  ] N test(s)", pytest's summary, "N passed, N failed". A
level that ends badly without having counted a failure counts as one.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Debian's: the modules come from its packages, whatever other Python is first in the path.
PYTHON = "/usr/bin/python3"

CMOCKA_PASSED = re.compile(r"^\[  PASSED  \] (\d+) test\(s\)\.", re.M)
CMOCKA_FAILED = re.compile(r"^\[  FAILED  \] (?:[^:]*: )?(\d+) test\(s\)", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$", re.M)
PYTEST = re.compile(r"^(?:=+ )?(\d+ (?:passed|failed|error|skipped).*?) in [\d.]+s", re.M)


def count(text):
    """(passed, failed) of all closing lines in a level's output."""
    passed = sum(int(n) for n in CMOCKA_PASSED.findall(text))
    failed = sum(int(n) for n in CMOCKA_FAILED.findall(text))
    for good, bad in PLAIN.findall(text):
        passed, failed = passed + int(good), failed + int(bad)
    for summary in PYTEST.findall(text):
        for number, word in re.findall(r"(\d+) (\w+)", summary):
            passed += int(number) if word == "passed" else 0
            failed += int(number) if word in ("failed", "error", "errors") else 0
    return passed, failed


def run(command):
    """Runs one level, its output passed on as it comes; returns (exit status, all of it)."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", env=dict(os.environ, PYTHONUNBUFFERED="1"))
    lines = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    return process.wait(), "".join(lines)


def levels(full):
    """Name and command of each level."""
    return {
        "host": ["make", "--no-print-directory", "test-host"],
        "abi": [PYTHON, "tests/abi/run.py", "--hyp", "hospes"],
        "guest": [PYTHON, "tests/guest/run.py"],
        "system": [PYTHON, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider",
                   *(["--full"] if full else []), "tests/system"],
        "lifecycle": [PYTHON, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider",
                      *(["--full"] if full else []), "tests/lifecycle"],
        "stock": [PYTHON, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider",
                  *(["--full"] if full else []), "tests/stock"],
        "compat": [PYTHON, "tests/compat/run.py", *([] if full else ["--quick"])],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the long forms of the system tests too")
    parser.add_argument("level", nargs="*")
    args = parser.parse_args()
    known = levels(args.full)
    unknown = [name for name in args.level if name not in known]
    if unknown:
        parser.error(f"no level {unknown[0]}; there are: {' '.join(known)}")
    total_passed = total_failed = 0
    for name in args.level or known:
        print(f"==== {name}", flush=True)
        status, text = run(known[name])
        passed, failed = count(text)
        if status and not failed:
            print(f"level {name} ended with status {status}", flush=True)
            failed = 1
        total_passed, total_failed = total_passed + passed, total_failed + failed
    print(f"{total_passed} passed, {total_failed} failed", flush=True)
    return 1 if total_failed or not total_passed else 0


if __name__ == "__main__":
    sys.exit(main())
