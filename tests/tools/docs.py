# SPDX-License-Identifier: MIT
"""The pages name what is there: files and folders of the project, and options of the command."""
import fnmatch
import os
import re
import subprocess

from common import CARAVAN, check

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
TOP = "bench|docs|fuzz|guest|include|proto|src|tests|tools|vmstate"
FILE = re.compile(r"(?<![\w./<$*-])[\w./*-]*[\w*]\.(?:asm|c|h|md|py|sh)(?![\w=(/-])")
PATH = re.compile(rf"(?<![\w./-])(?:{TOP})/[\w./*-]*[\w*/]")
# in backticks, linked to, or in an indented block
CODE = re.compile(r"`([^`\n]+)`|\]\(([^)#\s]+)|^(?: {4}|\t)(.+)$", re.M)
COMMAND = re.compile(r"caravan ((?:[a-z]+ ?)+)(.*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
NOT_OURS = {"vscard_common.h"}
PLACEHOLDER = re.compile("NAME|FILE|https?:")


def files():
    """All paths of the project, without what is built."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if name != ".git" and not os.path.exists(os.path.join(folder, name, "build.ninja"))]
        here = os.path.relpath(folder, ROOT)
        yield from (os.path.normpath(os.path.join(here, name)) for name in (*folders, *names))


def is_there(word, page, paths):
    """A path from the root, src, include or the page's folder; a bare name, anywhere."""
    places = [os.path.dirname(page), "", "src", "include"] + (["*"] if "/" not in word else [])
    wanted = [os.path.normpath(os.path.join(place, word)) for place in places]
    # docs speak of a module by its name: src/session/vmc
    return any(fnmatch.fnmatch(path, one) or path == one + ".c"
               for one in wanted for path in paths)


def help_of(words, known={}):
    """What the longest beginning of these words that is a command says of its options."""
    for end in range(len(words), 0, -1):
        name = tuple(words[:end])
        if name not in known:
            done = subprocess.run([CARAVAN, *name, "--help"], capture_output=True, text=True,
                                  timeout=20, check=False)
            known[name] = set(OPTION.findall(done.stdout)) if done.returncode == 0 else None
        if known[name]:
            return known[name]
    return set()


def main():
    paths = sorted(files())
    pages = [path for path in paths if path.endswith(".md")]
    check(len(pages) > 30, f"{len(pages)} pages, {len(paths)} files")
    named = asked = 0
    wrong = []
    for page in pages:
        with open(os.path.join(ROOT, page), encoding="utf-8") as file:
            code = [next(filter(None, found.groups())) for found in CODE.finditer(file.read())]
        for text in code:
            words = set(FILE.findall(text)) | set(PATH.findall(text))
            words = {word for word in words - NOT_OURS if not PLACEHOLDER.search(word)}
            wrong += [f"{page}: no {word}" for word in words if not is_there(word, page, paths)]
            named += len(words)
            for command in COMMAND.finditer(text):
                options = set(OPTION.findall(command[2]))
                known = help_of(command[1].split()) if options else set()
                wrong += [f"{page}: no {option} of {command[0]}" for option in options - known]
                asked += len(options)
    check(not wrong, "what the pages name is there" + "".join("\n  " + text for text in wrong))
    check(named > 200 and asked > 5, f"{named} names of files, {asked} options")


main()
