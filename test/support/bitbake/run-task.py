"""Runs the Python task of a BitBake class with variables of a test, where BitBake itself is not at hand.

usage: run-task.py CLASS TASK VARIABLES.json

Reads the subset of BitBake's language that the class uses, and refuses the rest: assignments with ?= and +=, def,
python tasks, flags, addtask. Prints what the task says, one line each; a fatal error ends it with status 1.
"""
import json
import os
import re
import sys
import types


class Fatal(Exception):
    pass


class Data:
    """The variables of a recipe; those of BB_ORIGENV are the environment."""

    def __init__(self, values):
        self.values = values

    def getVar(self, name, expand=True):
        if name == "BB_ORIGENV":
            return Data(dict(os.environ))
        value = self.values.get(name)
        if value is None or not expand:
            return value
        return re.sub(r"\$\{(\w+)\}", lambda found: self.getVar(found.group(1)) or "", value)


def read_class(text, values):
    code, tasks, flags = [], {}, {}
    text = re.sub(r"\\\n", "", text)
    lines = iter(text.split("\n"))
    pending = None
    while True:
        line = pending if pending is not None else next(lines, None)
        pending = None
        if line is None:
            return "\n".join(code), tasks, flags
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("def "):
            body = [line]
            for line in lines:
                if line and not line[0].isspace():
                    pending = line
                    break
                body.append(line)
            code += body
        elif found := re.match(r"python (\w+)\(\) \{$", line):
            body = []
            for line in lines:
                if line == "}":
                    break
                body.append(line)
            tasks[found.group(1)] = "\n".join(["def %s(d):" % found.group(1)] + body)
        elif found := re.match(r'(\w+) \?= "(.*)"$', line):
            values.setdefault(found.group(1), found.group(2))
        elif found := re.match(r'(\w+)\[(\w+)\] \+?= "(.*)"$', line):
            flags[found.group(1), found.group(2)] = found.group(3).strip()
        elif not re.match(r"addtask \w+ after \w+ before \w+$", line):
            sys.exit("a line that is not understood: %s" % line)


def main():
    path, task, variables = sys.argv[1:]
    with open(variables, encoding="utf-8") as file:
        values = json.load(file)
    with open(path, encoding="utf-8") as file:
        code, tasks, flags = read_class(file.read(), values)

    def fatal(message):
        raise Fatal(message)

    truth = lambda value: (value or "").lower() in ("y", "yes", "1", "true", "t")
    bb = types.SimpleNamespace(
        fatal=fatal,
        note=lambda message: print("NOTE: %s" % message),
        utils=types.SimpleNamespace(to_boolean=truth),
    )
    space = {"bb": bb}
    exec(compile(code + "\n" + tasks[task], path, "exec"), space)
    try:
        space[task](Data(values))
    except Fatal as error:
        print("ERROR: %s" % error)
        sys.exit(1)


main()
