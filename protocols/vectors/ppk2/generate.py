#!/usr/bin/python3
"""Makes the golden streams of a Power Profiler Kit II and what must come of them: rows with and
without the spike filter, measured windows, counts. It works on whole lists where the C code works
on pieces, and shares nothing with it. Python's floats are IEEE doubles and it never fuses, so
%.17g is the same to the last digit. Run in this folder; the results are committed."""
import json
import math
import random
import struct

DEFAULT_R = [1031.64, 101.65, 10.15, 0.94, 0.043]
VOLTAGE_MV = 3300
CLIPPED = 0x3FFF

OLD = """Calibrated: 0
R0: 1003.3506
R1: 101.5865
R2: 10.3027
R3: 0.9636
R4: 0.0564
GS0: 0.0000
GS1: 112.7890
GS2: 18.0115
GS3: 3.2190
GS4: 0.0697
GI0: 1.0000
GI1: 0.9695
GI2: 0.9609
GI3: 0.9519
GI4: 0.9582
O0: 112.9420
O1: 75.4627
O2: 64.6020
O3: 50.4983
O4: 84.2865
VDD: 3000
HW: 9173
mode: 2
S0: 0.0000
S1: 0.0000
S2: 0.0000
S3: 0.0000
S4: 0.0000
I0: -0.0000
I1: -0.0000
I2: 0.0000
I3: -0.0000
I4: -0.0010
UG0: 1.00
UG1: 1.00
UG2: 1.00
UG3: 1.00
UG4: 1.00
IA: 56
END
"""


def new_metadata():
    rng = random.Random(20)
    text = "Calibrated: 1\n"
    for key, low, high in (("R", .97, 1.03), ("GS", .5, 1.5), ("GI", .94, 1.02), ("O", 40, 120)):
        for r in range(5):
            scale = DEFAULT_R[r] if key == "R" else 1
            text += f"{key}{r}: {rng.uniform(low, high) * scale:.20f}\n"
    text += "VDD: 3300\nHW: 53744\nmode: 2\n"
    for key, low, high in (("S", -2e-8, 2e-8), ("I", -5e-8, 5e-8), ("UG", .98, 1.02)):
        for r in range(5):
            text += f"{key}{r}: {rng.uniform(low, high):.20f}\n"
    return text + "IA: 57\nEND\n"


def with_holes(text):
    """nan, -nan, R of 0, missing and unknown keys."""
    lines = []
    for line in text.splitlines():
        key = line.split(":")[0]
        line = {"R1": "R1: nan", "GS2": "GS2: -nan", "R3": "R3: 0.0000", "O2": "O2: -nan", "GI4": "GI4: 0",
                "UG3": "UG3: nan"}.get(key, line)
        if key not in ("I1", "S4", "UG0"):
            lines.append(line)
    return "Firmware: 1.2.4-what else\n" + "\n".join(lines) + "\n"


def parse(text):
    values = {}
    for line in text.split("\n"):
        if line == "END":
            break
        key, _, value = line.partition(": ")
        values[key] = value
    k, defaulted = {}, []
    defaults = {"R": DEFAULT_R, "GS": [1] * 5, "GI": [1] * 5, "O": [0] * 5, "S": [0] * 5, "I": [0] * 5, "UG": [1] * 5}
    for name, standard in defaults.items():
        for r in range(5):
            value = float(values.get(f"{name}{r}", "nan"))
            if math.isnan(value) or (name == "R" and value == 0):
                value = float(standard[r])
                defaulted.append(f"{name}{r}")
            k[name, r] = value
    return k, defaulted


def current_A(k, word, vdd_mV):
    adc, r = word & 0x3FFF, word >> 14 & 7
    if r > 4:
        return math.nan
    x = (4 * adc - k["O", r]) * (1.8 / 163840) / k["R", r]
    return k["UG", r] * (x * (k["GS", r] * x + k["GI", r]) + k["S", r] * vdd_mV / 1000 + k["I", r])


def spike_filter(words, currents):
    out, avg, avg4, last_range, after, consec = [], None, None, None, 0, 0
    for word, a in zip(words, currents):
        r = word >> 14 & 7
        if r > 4:
            out.append(a)
            continue
        before = avg, avg4
        avg = a if avg is None else .18 * a + .82 * avg
        avg4 = a if avg4 is None else .06 * a + .94 * avg4
        changed = last_range is not None and r != last_range
        if changed or after > 0:
            consec, after = (0, 3) if changed else (consec + 1, after)
            if r == 4 and consec < 2:
                avg, avg4 = before
            a = avg4 if r == 4 else avg
            after -= 1
        last_range = r
        out.append(a)
    return out


def word_at(data, at):
    return struct.unpack_from("<I", data, at)[0]


def counter(data, at):
    return data[at + 2] >> 2


def sequence(data, at, n):
    """n words from here on, their counters in sequence, all of them there."""
    return at + 4 * n <= len(data) and all(counter(data, at + 4 * i) == (counter(data, at) + i) % 64 for i in range(n))


def decode(data):
    """Rows [index, word, invalid, lost before]."""
    def lock(at):
        while at + 36 <= len(data) and not sequence(data, at, 9):
            at += 1
        return at if at + 36 <= len(data) else None

    at = lock(0)
    rows, index = [], 0
    if at is None:
        return rows, len(data)
    skipped = at
    rows.append([0, word_at(data, at), False, 0])
    at += 4
    while at + 4 <= len(data):
        due = ((rows[-1][1] >> 18 & 63) + 1) % 64
        if counter(data, at) == due:
            index += 1
            rows.append([index, word_at(data, at), False, 0])
            at += 4
            continue
        rows[-1][2] = True
        damaged = 0
        for n in range(1, 5):
            there = at + 4 * n
            if there + 4 > len(data):
                break
            if counter(data, there) == (due + n) % 64 and (
                    there + 8 > len(data) or counter(data, there + 4) == (due + n + 1) % 64):
                damaged = n
                break
        if damaged:
            for _ in range(damaged + 1):
                index += 1
                rows.append([index, word_at(data, at), True, 0])
                at += 4
            continue
        if sequence(data, at, 8):
            lost = (counter(data, at) - due) % 64
        else:
            found = lock(at)
            if found is None:
                break
            lost = (counter(data, found) - due) % 64
            while (found - at) // 4 - lost > 32:
                lost += 64
            skipped += found - at
            at = found
        index += 1 + lost
        rows.append([index, word_at(data, at), True, lost])
        at += 4
    return rows, skipped + len(data) - at


def windows(rows, currents):
    """D0 high, debounced over two valid samples, and what is in it. Written over the list of all samples."""
    filtered = dict(zip((row[0] for row in rows), spike_filter([row[1] for row in rows], currents)))
    clipped = {row[0] for row in rows if row[1] & 0x3FFF == CLIPPED}
    lost_before = {row[0]: row[3] for row in rows}
    valid = [(row[0], row[1] >> 24, amps) for row, amps in zip(rows, currents) if not row[2] and not math.isnan(amps)]
    level, levels = 0, []
    for i, (_, logic, _) in enumerate(valid):
        following = valid[i + 1][1] if i + 1 < len(valid) else level
        level ^= (logic ^ level) & ~(logic ^ following) & 7
        levels.append(level)
    out, details, i = [], [], 0
    while i < len(valid):
        if not levels[i] & 1:
            i += 1
            continue
        end = i
        while end < len(valid) and levels[end] & 1:
            end += 1
        started = i > 0 and valid[i - 1][0] == valid[i][0] - 1
        ended = end < len(valid) and valid[end][0] == valid[end - 1][0] + 1
        inside = valid[i:end]
        whole = inside[-1][0] - inside[0][0] + 1 == len(inside)
        charge = math.fsum(a for _, _, a in inside) * 1e-5
        out.append({"start": inside[0][0], "end": inside[-1][0] + 1, "samples": len(inside), "charge_C": charge,
                    "energy_J": charge * VOLTAGE_MV / 1000, "complete": started and ended and whole})
        details.append({
            "lost": sum(lost_before.get(x, 0) for x in range(inside[0][0] + 1, inside[-1][0] + 1)),
            "clipped": sum(x in clipped for x, _, _ in inside),
            "filtered_charge_C": math.fsum(filtered[x] for x, _, _ in inside) * 1e-5,
            "peak_10us_A": max(a for _, _, a in inside), "peak_1ms_A": peak_1ms(inside),
            "batches": batches(valid, levels, i, end, started)})
        i = end
    return out, details


def peak_1ms(inside):
    means = [math.fsum(a for _, _, a in inside[i:i + 100]) / 100 for i in range(len(inside) - 99)
             if inside[i + 99][0] - inside[i][0] == 99]
    return max(means) if means else math.fsum(a for _, _, a in inside) / len(inside)


def batches(valid, levels, first, end, started):
    """Between toggles of D1; the one at the sample that ends the window counts."""
    out, at, clean = [], first, started
    for i in range(first + 1, min(end + 1, len(valid))):
        if not (levels[i] ^ levels[i - 1]) & 2:
            continue
        inside = valid[at:i]
        adjacent = valid[i][0] == inside[-1][0] + 1
        whole = inside[-1][0] - inside[0][0] + 1 == len(inside)
        out.append([inside[0][0], len(inside), math.fsum(a for _, _, a in inside) * 1e-5, clean and whole and adjacent])
        at, clean = i, adjacent
    return out


def csv(rows, currents):
    lines = ["index,current_uA,logic,flags"]
    for (index, word, invalid, lost), amps in zip(rows, currents):
        flags = [name for name, on in (("gap-before", lost), ("invalid", invalid), ("clipped", word & 0x3FFF == CLIPPED))
                 if on]
        shown = "nan" if math.isnan(amps) else f"{amps * 1e6:.17g}"
        lines.append(f"{index},{shown},{word >> 24},{'+'.join(flags)}")
    return "\n".join(lines) + "\n"


def save(name, data, metadata):
    data = bytes(data)
    k, defaulted = parse(metadata)
    rows, skipped = decode(data)
    words = [row[1] for row in rows]
    currents = [current_A(k, word, VOLTAGE_MV) for word in words]
    for suffix, amps in (("csv", currents), ("filtered.csv", spike_filter(words, currents))):
        with open(f"{name}.{suffix}", "w") as f:
            f.write(csv(rows, amps))
    with open(name + ".bin", "wb") as f:
        f.write(data)
    with open(name + ".txt", "w") as f:
        f.write(metadata)
    found, details = windows(rows, currents)
    with open(name + ".json", "w") as f:
        json.dump({"voltage_mV": VOLTAGE_MV, "received": len(rows), "lost": sum(row[3] for row in rows),
                   "invalid": sum(row[2] for row in rows), "skipped_bytes": skipped, "defaulted": defaulted,
                   "windows": found, "details": details}, f)
        f.write("\n")


def load(seed, n, ranges=((2, 3000),), d0=((60, 180), (220, 333)), batch=20):
    """Words of a load: pieces of a range and an ADC level in turn, D0 windows, D1 per batch, D2 per window."""
    rng = random.Random(seed)
    words = []
    for i in range(n):
        r, level = ranges[i // 37 % len(ranges)]
        adc = min(max(int(level + rng.gauss(0, 12)), 0), CLIPPED - 1)
        logic = 0
        for number, (start, end) in enumerate(d0):
            if start <= i < end:
                logic = 1 | ((i - start) // batch & 1) << 1 | (number & 1) << 2
        words.append(adc | r << 14 | (i + seed) % 64 << 18 | logic << 24)
    return words


def raw(words):
    return bytearray(b"".join(struct.pack("<I", w) for w in words))


def main():
    new, switching = new_metadata(), ((0, 900), (1, 4000), (2, 9000), (3, 2000), (4, 500), (3, 14000), (0, 16000))
    save("clean", raw(load(1, 400)), new)
    save("old-metadata", raw(load(2, 300, switching)), OLD)
    save("nan-metadata", raw(load(3, 300, switching)), with_holes(new))
    save("range-switches", raw(load(4, 500, switching)), new)
    words = load(5, 400)
    save("gap", raw(words[:100] + words[117:300] + words[301:]), new)
    save("gap-64", raw(words[:100] + words[164:]), new)
    # The counter of one word, two words in a row, and the logic of a third one with its counter.
    words = load(6, 400)
    words[90] ^= 21 << 18
    words[150] ^= 1 << 18
    words[151] ^= 63 << 18
    words[260] ^= 0xFF << 24 | 2 << 18 | 0x1C000
    save("damaged", raw(words), new)
    data = raw(load(7, 500))
    del data[4 * 120 + 1]
    del data[4 * 250 + 2]
    del data[4 * 333]
    save("slipped", data, new)
    data = raw(load(8, 300))
    data[4 * 90 + 2:4 * 90 + 2] = b"\x55\xaa\x55"
    save("inserted", data, new)
    # What was left in the pipe of the stream before: 30 bytes of no use, then the new one.
    save("stale-start", raw(load(9, 40))[6:36] + raw(load(10, 300))[3:], new)
    words = load(11, 300)
    for i in (10, 70, 71, 72, 230):
        words[i] |= CLIPPED
    save("clipped", raw(words), new)
    # Damage and loss next to each other, a loss too short to be judged at the end, a cut last word.
    words = load(12, 500)
    for i in (40, 46, 47, 140, 141, 142, 143, 144, 145):
        words[i] ^= 33 << 18
    save("torn", raw(words[:200] + words[263:400] + words[405:410])[:-2], new)
    # Four words are damaged at most, five are searched; a run of eight is a gap, one of seven is not.
    words = load(15, 500)
    for i in (*range(40, 44), *range(80, 85)):
        words[i] ^= (i % 3 + 7) << 18
    save("limits", raw(words[:150] + words[155:163] + words[170:200] + words[205:212] + words[220:]), new)
    save("short", raw(load(13, 8)), new)
    words = [w | (2 << 24 if i >= 330 else 0) for i, w in
             enumerate(load(16, 400, switching, ((60, 120), (150, 330)), 30))]
    save("batches", raw(words), new)
    save("glitches", raw([w ^ (1 << 24 if i in (30, 100, 181, 300) else 0) for i, w in enumerate(load(14, 400))]), new)


main()
