include port/cortexm/cortexm.mk
PORT := port/cortexm/startup.c port/cortexm/console.c $(wildcard port/nrf5/*.c) port/microbit/board.c \
	$(if $(MARKERS),port/markers.c,port/pins.c)
# Pins 0, 1 and 2 of the edge connector.
CPU  := $(FREESTANDING) -mcpu=cortex-m0 -DCORE_HZ=16000000u -DWATCHDOG_IRQ=8 \
	-DTX_PIN=24 -DRX_PIN=25 -DMARKER_PINS=3,2,1
DOT  := plain
SAMPLES_ROOM := 49152
