# Shared by the Cortex-M boards.
override CC   := arm-none-eabi-gcc
PORT          := $(wildcard port/cortexm/*.c)
RESULTS_BYTES := 4096
# Of inputs that the image holds.
SAMPLES_ROOM  := 131072
STACK_BYTES   := 2048
LDSCRIPT      := port/$(BOARD)/board.ld port/cortexm/sections.ld
FREESTANDING  := -ffreestanding -mthumb
LDFLAGS_ALL    = -nostdlib -static -T port/$(BOARD)/board.ld -Wl,--gc-sections \
	-Wl,--defsym=STACK_BYTES=$(STACK_BYTES) -Wl,--build-id=none -Wl,-Map=$(ELF:.elf=.map)
LIBS          := -lgcc
