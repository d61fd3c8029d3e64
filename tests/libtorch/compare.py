#!/usr/bin/env python3
"""Runs two builds of one libtorch program and compares what they print, number by number.

compare.py OURS THEIRS: both are run in a folder of their own, with the same arguments and 2 threads. A
line "## case rtol=R atol=A" sets the tolerances of the numbers that follow; all other text must be equal.
"""

import os
import re
import subprocess
import sys
import tempfile

NUMBER = re.compile(r"(?<![A-Za-z_0-9.])[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|inf|nan)(?![A-Za-z_0-9])")
CASE = re.compile(r"## (.*) rtol=(\S+) atol=(\S+)")
MAX_SHOWN = 40


def run(program, arguments):
    environment = dict(os.environ, OMP_NUM_THREADS="2", OMP_WAIT_POLICY="passive")
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run([os.path.abspath(program), *arguments], cwd=folder, env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    if result.returncode != 0:
        sys.exit(f"{program}: exit status {result.returncode}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}")
    return result.stdout.splitlines()


def equal_numbers(ours, theirs, rtol, atol):
    a, b = float(ours), float(theirs)
    if a != a or b != b:
        return (a != a) == (b != b)
    return a == b or abs(a - b) <= atol + rtol * abs(b)


def equal_lines(ours, theirs, rtol, atol):
    # Columns of a printed tensor follow its values, so runs of spaces count as one.
    if " ".join(NUMBER.sub("#", ours).split()) != " ".join(NUMBER.sub("#", theirs).split()):
        return False
    return all(equal_numbers(a, b, rtol, atol) for a, b in zip(NUMBER.findall(ours), NUMBER.findall(theirs)))


def cases_of(lines):
    """Lists of (case line, lines)."""
    cases = [("## start rtol=0 atol=0", [])]
    for line in lines:
        if CASE.fullmatch(line):
            cases.append((line, []))
        else:
            cases[-1][1].append(line)
    return cases


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    ours, theirs = (cases_of(run(program, sys.argv[3:])) for program in sys.argv[1:3])
    differences = []
    if [head for head, _ in ours] != [head for head, _ in theirs]:
        differences.append("the cases differ: " + ", ".join(head for head, _ in ours))
    numbers = 0
    theirs = dict(theirs)
    for head, mine in ours:
        if head not in theirs:
            continue
        other = theirs[head]
        name, rtol, atol = CASE.fullmatch(head).groups()
        if len(mine) != len(other):
            differences.append(f"{name}: {len(mine)} lines, libtorch prints {len(other)}")
        for a, b in zip(mine, other):
            numbers += len(NUMBER.findall(b))
            if not equal_lines(a, b, float(rtol), float(atol)):
                differences.append(f"{name}:\n  ours  {a[:600]}\n  torch {b[:600]}")
    for text in differences[:MAX_SHOWN]:
        print(text)
    if len(differences) > MAX_SHOWN:
        print(f"... and {len(differences) - MAX_SHOWN} more")
    print(f"{len(ours) - 1} cases, {numbers} numbers compared, {len(differences)} differences")
    sys.exit(1 if differences or len(ours) < 2 or numbers == 0 else 0)


if __name__ == "__main__":
    main()
