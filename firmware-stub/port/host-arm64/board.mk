# The host port for 64-bit ARM Linux machines, static, so that it runs on any of them and under qemu-aarch64.
include port/host/board.mk
override CC   := aarch64-linux-gnu-gcc
LDFLAGS_ALL   += -static
