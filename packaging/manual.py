#!/usr/bin/python3
"""Pages of the manual, made of what the programs say of themselves, so that the two cannot drift.

    manual.py BIN OUT VERSION DATE      writes OUT/hildad.8, hilda-agent.8, hilda.1, hilda-vboard.1
"""

import json
import pathlib
import re
import subprocess
import sys

ENTRY = re.compile(r"^ {1,4}(\S(?:.*?\S)?) {2,}(\S.*)$|^(--[a-z-]+(?: [A-Z]+)?) {2,}(\S.*)$")
SEE = "hildad(8), hilda-agent(8), hilda(1), hilda-vboard(1)"

SIGNALS = {
    "hildad": [("SIGTERM, SIGINT", "The server answers what it was asked, for up to 10 s, while new requests get 503 with "
                "Retry-After; then everything is written and it ends with 0. A second one ends it at once; what it has "
                "acknowledged is on the disk by then.")],
    "hilda-agent": [("SIGTERM, SIGINT", "No more work is taken; runs may go on for stop-grace. What is left then is handed "
                     "back: its outcome is infrastructure, and the job is tried again without being charged for it. A "
                     "second one ends the grace at once."),
                    ("SIGHUP", "The sections of boards are read anew. What is wrong in them is logged, and the old ones go "
                     "on.")],
    "hilda-vboard": [("SIGTERM", "The board ends.")],
}
FILES = {
    "hildad": [("/etc/hilda/hildad.ini", "the settings"), ("/var/lib/hilda", "database, artifacts, logs, captures"),
               ("/var/lib/hilda/local.key", "lets the commands talk to the running server: be its user, or root")],
    "hilda-agent": [("/etc/hilda/agent.ini", "the settings and the boards"), ("/etc/hilda/agent.token", "its token"),
                    ("/var/lib/hilda-agent", "results that wait for the server, epochs, cached images"),
                    ("/run/lock/hilda", "locks of probes, consoles and PPK2s")],
}
ENVIRONMENT = {"hilda": [("HILDA_SERVER", "the server's address, unless --server names it"),
                         ("HILDA_TOKEN", "the token, where the server asks for one")]}
NAMES = {"hildad": (8, "server of a hardware-in-the-loop lab"), "hilda-agent": (8, "drives the boards of one machine"),
         "hilda": (1, "command line of a hardware-in-the-loop lab"),
         "hilda-vboard": (1, "an emulated board behind an emulated debug probe")}


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def entry(tag, text):
    return f".TP\n.B {escape(tag)}\n{escape(text)}\n"


def literal(lines):
    return ".PP\n.RS 4\n.nf\n" + "\n".join(escape(line.strip("\n")) for line in lines) + "\n.fi\n.RE\n"


def heading(words):
    return f".SS {escape(words)}\n"


def section(name, entries):
    return f".SH {name}\n" + "".join(entry(*e) for e in entries) if entries else ""


def indented(lines):
    """A list when one of the lines has words behind a name, otherwise examples."""
    if not any(ENTRY.match(line) for line in lines):
        return literal(lines)
    out = ""
    for line in lines:
        found = ENTRY.match(line)
        if found:
            out += entry(found[1] or found[3], found[2] or found[4])
        elif re.match(r"^ {12,}\S", line):
            out += escape(line.strip()) + "\n"
        else:
            out += entry(line.strip(), "")
    return out


def render(text):
    """Paragraphs, lists of `  NAME   words`, examples (indented), and headings (a line that ends with a colon)."""
    out = ""
    for group in re.split(r"\n\s*\n", text.strip("\n")):
        words, rest = [], []
        for line in group.split("\n"):
            (rest if line.startswith((" ", "--")) else words).append(line)
        if words and words[-1].endswith(":") and len(words) == 1:
            out += heading(words[0][0].upper() + words[0][1:-1])
        elif words:
            out += ".PP\n" + "".join(escape(line) + "\n" for line in words)
        if rest:
            out += indented(rest)
    return out


def paragraphs(text):
    """A help text cut into its usage and what follows."""
    usage, rest = [], []
    lines = text.rstrip("\n").split("\n")
    i = next(n for n, line in enumerate(lines) if line.lower().startswith("usage:"))
    before = [line for line in lines[:i] if line.strip()]
    while i < len(lines) and lines[i].strip():
        usage.append(re.sub(r"^[Uu]sage: ?|^       ", "", lines[i]))
        i += 1
    rest = lines[i:]
    return before, usage, "\n".join(rest)


def page(name, version, date, synopsis, body):
    number, what = NAMES[name]
    return (f'.TH {name.upper()} {number} "{date}" "Hilda {version}"\n.SH NAME\n{escape(name)} \\- {what}\n'
            f".SH SYNOPSIS\n.nf\n" + "\n".join(escape(line) for line in synopsis) + f"\n.fi\n{body}"
            + section("SIGNALS", SIGNALS.get(name, [])) + section("ENVIRONMENT", ENVIRONMENT.get(name, []))
            + section("FILES", FILES.get(name, [])) + f".SH SEE ALSO\n{SEE}\n")


def plain(binary, name, version, date, more=""):
    text = subprocess.run([binary / name, "--help"], check=True, capture_output=True, text=True).stdout
    before, usage, rest = paragraphs(text)
    return page(name, version, date, usage, ".SH DESCRIPTION\n" + render(rest) + more)


def commands(binary):
    """Those of hildad's commands that say more when they are called without a word; they do nothing then."""
    text = ""
    for command in ("token", "tls"):
        said = subprocess.run([binary / "hildad", command], capture_output=True, text=True).stderr
        _, usage, rest = paragraphs(said)
        text += f".SH HILDAD {command.upper()}\n" + literal(usage) + render(rest)
    return text


def command_line(binary, version, date):
    def ask(*words):
        return json.loads(subprocess.run([binary / "hilda", "help", *words, "--json"], check=True, capture_output=True,
                                         text=True).stdout)

    body = (".SH DESCRIPTION\nPuts firmware on boards, measures it, and shows the numbers.\n.SH OPTIONS OF EVERY COMMAND\n"
            + entry("--server URL", "the server; HILDA_SERVER, or http://127.0.0.1:8080")
            + entry("--json", "print JSON, as the server gives it") + entry("-h, --help", "what a command does")
            + ".SH COMMANDS\n")
    for c in ask():
        body += heading(f"hilda {c['name']} {c['arguments']}".strip()) + f".PP\n{escape(c['summary'])}\n"
        for o in c["options"]:
            body += entry(f"--{o['name']}" + (f" {o['value']}" if o["value"] else ""), o["help"])
        if c["help"]:
            body += render(c["help"])
    body += ".SH EXIT STATUS\n" + "".join(entry(str(e["code"]), f"{e['name']}: {e['help']}") for e in ask("exit-codes"))
    return page("hilda", version, date, ["hilda COMMAND [arguments] [options]"], body)


def main(binary, out, version, date):
    binary, out = pathlib.Path(binary), pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    pages = {"hildad": plain(binary, "hildad", version, date, commands(binary)),
             "hilda-agent": plain(binary, "hilda-agent", version, date),
             "hilda-vboard": plain(binary, "hilda-vboard", version, date),
             "hilda": command_line(binary, version, date)}
    for name, text in pages.items():
        (out / f"{name}.{NAMES[name][0]}").write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:5])
