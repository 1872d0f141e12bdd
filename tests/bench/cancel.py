"""Rows of make bench B=cancel: from the cancel until the job has ended and its board is free, in each stage."""

import cancels
from lab import Lab
from measure import BUILD, row

ROUNDS = 3


def told(where, took):
    slowest = max(took, key=lambda stage: max(took[stage]))
    worst = max(took[slowest])
    row(f"cancel to a free board, {where}, {', '.join(took)}, {ROUNDS} of each",
        ", ".join(f"{s} {max(t) * 1000:.0f}" for s, t in took.items()) + " ms", "-",
        f"{worst * 1000:.0f} ms ({slowest})", "<= 2000 ms", worst <= 2)


def bench_cancel(folder):
    with Lab(BUILD, folder) as lab:
        lab.start_server()
        lab.start_agent("[board host-1]\ntype = host\nexec = local\n", name="here")
        lab.start_agent("[board m4-1]\nvirtual = mps2-an386\n", name="there")
        program = BUILD / "firmware/host/full-nano-int8.elf"
        image = lab.upload(BUILD / "firmware/mps2-an386/full-nano-int8.elf")
        took = {}
        for stage in cancels.HELD * ROUNDS:
            took.setdefault(stage, []).append(cancels.on_exec(lab, stage, program).cancel()[1])
        told("a program", took)
        took = {}
        for stage in list(cancels.VIRTUAL) * ROUNDS:
            took.setdefault(stage, []).append(cancels.on_virtual(lab, "there", "m4-1", stage, image).cancel()[1])
            cancels.control(lab, "there", "m4-1", "fault none")
        told("a virtual board", took)
