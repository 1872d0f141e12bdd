# Shared by the boards with CMSDK peripherals.
include port/cortexm/cortexm.mk
PORT += $(wildcard port/cmsdk/*.c) port/markers.c port/$(BOARD)/board.c
