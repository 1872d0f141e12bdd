# Pages, their libraries and the REST contract, compiled into the server.
ASSETS_C := $(BUILD)/gen/assets.c

$(ASSETS_C): server/assets/embed.py protocols/rest/openapi.json $(WEB_FILES) $(BUILD)/npm/.installed
	@mkdir -p $(@D)
	$(call say,EMBED)
	$(Q)$(PYTHON) server/assets/embed.py web $(BUILD)/npm/node_modules protocols/rest/openapi.json $@

$(BUILD)/gen/assets.o: $(ASSETS_C)
	$(call say,CC)
	$(Q)$(CC) $(HOST_CFLAGS) -c $< -o $@

$(OUT)/lib/libserver.a: $(BUILD)/gen/assets.o
