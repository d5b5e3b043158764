#!/usr/bin/env python3
"""Files that call each other in a circle: there may be none across folders, and at most three
within a folder.  The object files show who calls whom, so that no declaration hides it."""

import collections
import os
import pathlib
import subprocess
import sys

LAYERS = ("tsig", "zones", "gateway", "agent")
MOST = 3  # files of a circle


def object_files():
    """For each source that still exists, its object files below the current folder, which is that
    of the build.  The objects of a program have its name before their own."""
    source = pathlib.Path(os.environ.get("srcdir", "."))
    found = {}
    for layer in LAYERS:
        for path in sorted(pathlib.Path(layer).rglob("*.o")):
            name = path.with_name(path.stem.rpartition("-")[2] + ".c")
            if (source / name).exists():
                found[name] = path
    return found


def symbols(path):
    """The symbols that an object file defines, and those that it needs."""
    text = subprocess.run([os.environ.get("NM", "nm"), "-P", path], check=True,
                          capture_output=True, text=True).stdout
    lines = [line.split() for line in text.splitlines()]
    return ({line[0] for line in lines if line[1] in "TDRBV"},
            {line[0] for line in lines if line[1] == "U"})


def calls(paths):
    """The files that each file calls."""
    defined, wanted = {}, {}
    for path, compiled in paths.items():
        here, wanted[path] = symbols(compiled)
        defined.update(dict.fromkeys(here, path))
    return {path: {defined[name] for name in names if name in defined} - {path}
            for path, names in wanted.items()}


def circles(graph):
    """The strongly connected components of more than one node (Tarjan)."""
    number, low, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            at = stack.index(node)
            found.append(sorted(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in number:
            visit(node)
    return [circle for circle in found if len(circle) > 1]


def main():
    """Checks all programs at once."""
    files = calls(object_files())
    rooms = collections.defaultdict(set)
    for path, others in files.items():
        rooms[path.parent].update({other.parent for other in others} - {path.parent})
    problems = [" ".join(map(str, circle)) + ": these folders call each other in a circle"
                for circle in circles(rooms)]
    problems += [" ".join(map(str, circle)) +
                 f": more than {MOST} files call each other in a circle"
                 for circle in circles(files) if len(circle) > MOST]
    if not any(files.values()):
        problems = ["the object files here do not say who calls whom"]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
