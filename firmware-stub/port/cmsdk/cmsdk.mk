# Shared by the boards with CMSDK peripherals.
include port/cortexm/cortexm.mk
PORT += $(wildcard port/cmsdk/*.c) port/$(BOARD)/board.c
