#!/usr/bin/python3
"""Makes the golden replies of the bench protocol, with Python's own CRCs: code that shares nothing
with the C encoder or decoder. Run in this folder; the results are committed."""
import binascii
import json
import zlib


def record(body):
    crc = binascii.crc_hqx(body.encode(), 0xFFFF)
    return f"${body}*{crc:04X}"


def run(bodies, status="ok"):
    lines = [record(f"{b[0]},{seq}{b[1:]}") for seq, b in enumerate(bodies)]
    crc = zlib.crc32("".join(lines).encode())
    lines.append(record(f"E,{len(lines)},lines={len(lines)},crc={crc:08X},status={status}"))
    return lines


def save(name, lines, noise=b"", expect=None):
    data = noise + "".join(line + "\r\n" for line in lines).encode()
    with open(name + ".txt", "wb") as f:
        f.write(data)
    if expect is not None:
        with open(name + ".json", "w") as f:
            json.dump(expect, f, indent=1, sort_keys=True)
            f.write("\n")


ticks = [4294967296 + 1000 * i + i * i % 7 for i in range(40)]
warm = ["R,run=3,phase=warm,n=40,warmup=5,batch=1,irq=masked,cache=none,overhead=12,"
        f"window={sum(ticks)},inputs=rotate"]
for i in range(0, 40, 8):
    warm.append(f"C,i={i},t=" + ":".join(str(t) for t in ticks[i:i + 8]))
save("warm", run(warm) + ["m-ready"], expect={"ticks": ticks})

banner = ["", "m-timestamp-mode-performance", "m-lap-us-1234", "m-init-done", "m-ready"]
cold = ["R,run=0,phase=cold,n=1,warmup=0,batch=1,irq=masked,cache=none,overhead=12,window=900,"
        "inputs=fixed,kind=reset", "C,boot=100,load=200,first=300"]
save("cold", banner + run(cold) + ["m-ready"], noise=bytes([0, 255, 254, 36, 128, 13, 7]),
     expect={"boot": 100, "load": 200, "first": 300})

identity = ["H,proto=1,fw=hilda-0.1.0,git=0123456789ab,cc=DEADBEEF,board=mps3-an547,uid=00000000",
            "H,hz=32000000,timer=systick,reset=soft,max_n=4096",
            "M,model=full-nano,quant=int8,variant=none,in=784,out=10,samples=100,bytes=12345",
            "M,sha256=" + "ab" * 32]
save("id", run(identity) + ["m-ready"], expect={
    "H": {"proto": "1", "fw": "hilda-0.1.0", "git": "0123456789ab", "cc": "DEADBEEF",
          "board": "mps3-an547", "uid": "00000000", "hz": "32000000", "timer": "systick",
          "reset": "soft", "max_n": "4096"},
    "M": {"model": "full-nano", "quant": "int8", "variant": "none", "in": "784", "out": "10",
          "samples": "100", "bytes": "12345", "sha256": "ab" * 32}})

classes = [9, 2, 1, 1, 6]
logits = [[-3, 7, i, -128, 127] for i in range(5)]
accuracy = ["R,run=4,phase=accuracy,n=5,inputs=rotate"]
for i in range(5):
    accuracy.append(f"P,i={i},p={classes[i]},l=" + ":".join(map(str, logits[i])))
text = "".join(":".join(map(str, row)) + "\n" for row in logits)
save("accuracy", run(accuracy) + ["m-ready"],
     expect={"classes": classes, "logits_crc": zlib.crc32(text.encode())})

# The encoder's own splitting: as many ticks to a line as 160 characters hold, and a record whose
# next key does not fit goes on in a line of its own. Ends in negative numbers and hostile text.
LINE_MAX = 160
steps = [(7919 * i * i * i + 13) % (10 ** (1 + i % 10)) % 2**32 for i in range(120)]
split = ["R,run=4294967295,phase=warm,n=120,warmup=4294967295,batch=1,irq=masked,cache=none,"
         "overhead=4294967295,window=18446744073709551615,inputs=rotate"]
at = 0
while at < len(steps):
    head = f"C,i={at},t="
    items = []
    while at < len(steps):
        longer = head + ":".join(items + [str(steps[at])])
        if len(f"${longer}*XXXX") + len(f",{len(split)}") > LINE_MAX:
            break
        items.append(str(steps[at]))
        at += 1
    split.append(head + ":".join(items))
split.append("S,low=-9223372036854775808,address=0x0000BEEF,text=a_b_c_d_e_f," + "long=" + "x" * 119 + "~")
if len(split[-1]) + len(f"$,{len(split) - 1}*XXXX") > LINE_MAX:
    long_key = split[-1].index(",long=")
    split.append("S" + split[-1][long_key:])
    split[-2] = split[-2][:long_key]
save("encoder", run(split) + ["m-ready"], expect={"ticks": steps})
