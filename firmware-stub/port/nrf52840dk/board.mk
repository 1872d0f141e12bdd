include port/cortexm/cortexm.mk
PORT += port/nrf5/console.c port/nrf5/markers.c port/pins.c $(wildcard port/nrf52840dk/*.c)
# Arduino pins A0, A1 and A2.
CPU := $(FREESTANDING) -mcpu=cortex-m4 -mfloat-abi=soft -DCORE_HZ=64000000u -DSLEEP_CLOCK_HZ=16000000u \
	-DWATCHDOG_IRQ=8 -DTX_PIN=6 -DRX_PIN=8 -DMARKER_PINS=3,4,28
DOT := smlad
