override CC   := gcc
# Fixed addresses, so that a fault names what the image names.
CPU           := -D_GNU_SOURCE -fno-pie -fno-omit-frame-pointer
DOT           := plain
PORT          := port/host/host.c port/host/vitals.c port/pins.c
SKIP          := core/memory.c
RESULTS_BYTES := 262144
SAMPLES_ROOM  := 4194304
STACK_BYTES   := 65536
LDFLAGS_ALL   := -no-pie -Wl,-z,relro,-z,now -Wl,--gc-sections
LIBS          :=
