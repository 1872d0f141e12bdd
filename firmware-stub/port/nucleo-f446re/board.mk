include port/cortexm/cortexm.mk
PORT += $(wildcard port/stm32f4/*.c) port/pins.c port/nucleo-f446re/board.c
# Arduino pins D7, D8 and D2.
CPU := $(FREESTANDING) -mcpu=cortex-m4 -mfloat-abi=soft -DCORE_HZ=84000000u -DSLEEP_CLOCK_HZ=84000000u \
	-DAPB1_HZ=42000000u -DTIM5_HZ=84000000u -DWATCHDOG_IRQ=50 -DMARKER_PINS=8,9,10
DOT := smlad
