# The firmware's kernels and bench core under the host's compiler, linked to fakes of the port.
FW_TEST_SRC := $(filter-out firmware-stub/core/memory.c,$(wildcard firmware-stub/core/*.c)) \
	$(filter-out %/dot_smlad.c %/dot_helium.c,$(wildcard firmware-stub/nn/*.c)) \
	firmware-stub/models/model.c firmware-stub/report/device.c
FW_TEST_LIB := $(BUILD)/lib/libfirmware.a
FW_TEST_FLAGS := -Ifirmware-stub -DRESULTS_BYTES=4096 -DINPUT_BYTES=784 \
	-DFW_VERSION='"0.0.0"' -DFW_GIT='"test"' -DFW_TOOLCHAIN='"test"' \
	-DIDENTITY_SECTION='".identity"'

$(BUILD)/obj/firmware-stub/%.o: HOST_CFLAGS += $(FW_TEST_FLAGS)
$(BUILD)/obj/tests/unit/firmware-stub/%.o: HOST_CFLAGS += $(FW_TEST_FLAGS)

# The tests' own model, from a seed, whatever is committed.
FW_TEST_MODEL := $(BUILD)/obj/firmware-stub/models/full-nano-int8
$(FW_TEST_MODEL).hlm: $(wildcard firmware-stub/convert/*.py) | packages
	@mkdir -p $(@D)
	$(call say,MODEL)
	$(Q)$(PYTHON) firmware-stub/convert/untrained.py full-nano int8 $@ $(@:.hlm=.bin)
$(BUILD)/obj/firmware-stub/models/model.o: firmware-stub/models/model.c $(FW_TEST_MODEL).hlm firmware-stub/models/describe.sh
	$(call say,CC)
	$(Q)$(CC) $(HOST_CFLAGS) -DMODEL_FILE='"$(FW_TEST_MODEL).hlm"' -DSAMPLE_FILE='"$(FW_TEST_MODEL).bin"' \
		$$(firmware-stub/models/describe.sh $(FW_TEST_MODEL).hlm $(FW_TEST_MODEL).bin 1000000 | \
		sed -n 's/^MODEL_FLAGS := //p') -MMD -MP -c $< -o $@

$(FW_TEST_LIB): $(call objects,$(FW_TEST_SRC))
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcsD $@ $^

define firmware_unit_rules
$(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(1)): $(BUILD)/obj/$(1:.c=.o) $(FW_TEST_LIB) $(LIBHILDA)
	@mkdir -p $$(@D)
	$$(call say,LD)
	$$(Q)$(CC) $(HOST_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) -lcmocka -lm
endef
$(foreach t,$(filter tests/unit/firmware-stub/%,$(UNIT_SRC)),$(eval $(call firmware_unit_rules,$(t))))
