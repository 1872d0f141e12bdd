"""Images beyond the default ones, built where a test asks for them; those of one board share objects, so one at a time."""

import fcntl
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONVERT = ROOT / "firmware-stub/convert"
sys.dont_write_bytecode = True
if str(CONVERT) not in sys.path:
    sys.path.append(str(CONVERT))


def make_image(build, board, model, quant, **options):
    """The path of the image; on failure a CalledProcessError with what make said in stderr."""
    folder = build / "firmware"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ("%s.lock" % board), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", "-C", ROOT / "firmware-stub", "BOARD=" + board, "MODEL=" + model,
                        "QUANT=" + quant, "BUILD=%s" % folder, *("%s=%s" % o for o in options.items() if o[1])],
                       check=True, capture_output=True, text=True)
    endings = {"KERNEL": "-", "FAULT": "-fault-", "MARKERS": "-"}
    name = "-".join((model, quant)) + "".join(endings[k] + options[k] for k in endings if options.get(k))
    return folder / board / (name + ".elf")
