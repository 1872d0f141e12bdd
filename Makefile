# Hilda: one Makefile, everything it makes lies under $(BUILD).
#   make            programs, firmware, pages         make check      every test but the long ones
#   make demo       the whole lab on this machine     make bench      ratios against bare limits
# `make help` lists the rest.

VERSION := 0.1.0
VARIANT ?=
BUILD   ?= build$(if $(VARIANT),/$(VARIANT))
PREFIX  ?= /usr/local
ifeq ($(origin CC),default)
CC := gcc
endif
# V=1 shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)')
PYTHON  := /usr/bin/python3

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

# ---- flags -------------------------------------------------------------------------------------

GIT_HASH := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)

# No fused multiply-add: currents and statistics are the same to the last digit on each machine.
CFLAGS_BASE := -std=gnu11 -g -O2 -ffp-contract=off -fno-omit-frame-pointer -fstack-protector-strong -Wall \
	-Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter \
	-Wno-missing-field-initializers -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE \
	-DHILDA_VERSION='"$(VERSION)"' -I. -pthread
LDFLAGS_BASE := -pthread -Wl,-z,relro,-z,now

CFLAGS_asan  := -fsanitize=address,undefined -fno-sanitize-recover=undefined -O1
CFLAGS_tsan  := -fsanitize=thread -O1
CFLAGS_cov   := --coverage -O0
CFLAGS_fuzz  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -O1 \
	-Wno-unknown-warning-option
VARIANT_FLAGS := $(CFLAGS_$(VARIANT))

HOST_CFLAGS := $(CFLAGS_BASE) -include common/banned.h $(VARIANT_FLAGS) $(CFLAGS)
HOST_LDFLAGS := $(LDFLAGS_BASE) $(VARIANT_FLAGS) $(LDFLAGS)

LIBS_common      := -ljansson -lsodium -linih -lpcre2-8 -lzstd -lz
LIBS_server      := -lmicrohttpd -lgnutls -lsqlite3 -larchive $(LIBS_common) -lm
LIBS_agent       := -lcurl -lelf -ldw -lserialport -ludev $(LIBS_common) -lm
LIBS_cli         := -lcurl -larchive -lserialport $(LIBS_common) -lm
LIBS_virtual-lab := $(LIBS_common) -lm

# ---- sources: what lies in a folder is built into that folder's archive --------------------------

folders = $(foreach d,$(1),$(wildcard $(d)/*.c $(d)/*/*.c $(d)/*/*/*.c))
# What depends on PREFIX lies in $(OUT): `make deb` has its own, and shares every other object.
OUT      ?= $(BUILD)
PREFIXED := common/process.c agent/settings.c
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out $(PREFIXED),$(1))) \
	$(patsubst %.c,$(OUT)/prefixed/%.o,$(filter $(PREFIXED),$(1)))

PROGRAMS     := server agent cli virtual-lab
NAME_server  := hildad
NAME_agent   := hilda-agent
NAME_cli     := hilda
NAME_virtual-lab := hilda-vboard

# It starts before every child: with musl it is small and touches few pages.
SHIM_SRC     := common/shim/main.c
SHIM_HEADER  := common/shim/wire.h
# Asked in the recipe: the same make may have installed musl-gcc a moment before.
SHIM_CC      := $$(command -v musl-gcc || echo $(CC))
LIB_SRC      := $(filter-out $(SHIM_SRC),$(call folders,common protocols instruments stats))
$(foreach p,$(PROGRAMS),$(eval SRC_$(p) := $(filter-out $(p)/main.c,$(call folders,$(p)))))

LIBHILDA     := $(OUT)/lib/libhilda.a
BINARIES     := $(foreach p,$(PROGRAMS),$(if $(wildcard $(p)/main.c),$(OUT)/bin/$(NAME_$(p)))) $(OUT)/bin/hilda-shim

.PHONY: all
all: $(BINARIES) firmware

$(BUILD)/obj/%.o: %.c | packages
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/prefixed/%.o: %.c | packages
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(HOST_CFLAGS) -DHILDA_LIBEXECDIR='"$(PREFIX)/libexec/hilda"' -MMD -MP -c $< -o $@

# The number module is the one place that may call strtol's family.
$(BUILD)/obj/common/numbers.o: HOST_CFLAGS += -DHILDA_NUMBERS_MODULE

# 100,000 samples a second of each board: loops that the compiler is to vectorise.
$(BUILD)/obj/protocols/ppk2/sample.o $(BUILD)/obj/protocols/ppk2/stream.o: HOST_CFLAGS += -O3

$(LIBHILDA): $(call objects,$(LIB_SRC))
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcsD $@ $^

define program_rules
$(OUT)/lib/lib$(1).a: $(call objects,$(SRC_$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR)
	$$(Q)ar rcsD $$@ $$^

$(OUT)/bin/$(NAME_$(1)): $(BUILD)/obj/$(1)/main.o $(OUT)/lib/lib$(1).a $(LIBHILDA)
	@mkdir -p $$(@D)
	$$(call say,LD)
	$$(Q)$(CC) $(HOST_LDFLAGS) -o $$@ $$^ $(LIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$(p))))

# The schema is compiled in by .incbin, which dependency files do not see.
$(BUILD)/obj/server/store/migrations.o: $(wildcard db/*.sql)

$(OUT)/bin/hilda-shim: $(SHIM_SRC) $(SHIM_HEADER) | packages
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(SHIM_CC) $(CFLAGS_BASE) -static -Os -o $@ $<

# ---- pages: compiled into the server ------------------------------------------------------------

WEB_FILES := $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null)
include server/assets/rules.mk

# ---- firmware -----------------------------------------------------------------------------------

.PHONY: firmware
firmware: | packages
	@if [ -f firmware-stub/Makefile ]; then $(MAKE) --no-print-directory -C firmware-stub \
		BUILD=$(abspath $(BUILD))/firmware all; fi

# ---- models: committed; only retraining needs PyTorch -------------------------------------------

# make train MODEL=linformer-nano SEEDS=1: one model, one seed; SST2=folder for models named *-sst2.
MODEL ?=
SEEDS ?= 1,2,3
SST2  ?=
.PHONY: train
train: | packages
	@sh packaging/install-packages packaging/packages-train
	$(MAKE) --no-print-directory -C firmware-stub/train BUILD=$(abspath $(BUILD))/train MODEL='$(MODEL)' \
		SEEDS='$(SEEDS)' SST2='$(SST2)' train

# The pair for other people's firmware, made of the files that ours is built of; it is committed.
.PHONY: report
report:
	$(PYTHON) firmware-stub/report/amalgamate.py firmware-stub/report

# make convert: model files of all ONNX files and their ranges, without a data set; CONVERT=full-nano for one.
# make ranges, make evaluate: need the data sets.
CONVERT ?=
LISTS   := $(abspath $(BUILD))/train/lists
NUMPY   := OMP_NUM_THREADS=1 $(PYTHON)
.PHONY: convert ranges evaluate lists
convert: | packages
	$(NUMPY) firmware-stub/convert/models.py convert $(CONVERT)
lists: | packages
	@sh packaging/install-packages packaging/packages-train
	$(MAKE) --no-print-directory -C firmware-stub/train BUILD=$(abspath $(BUILD))/train samples
ranges: lists
	$(NUMPY) firmware-stub/convert/models.py ranges --lists $(LISTS) $(CONVERT)
evaluate: lists
	$(NUMPY) firmware-stub/convert/evaluate.py --lists $(LISTS) --build $(BUILD)/firmware $(CONVERT)

# ONNX Runtime (npm, 190 MB, MIT), to hold our numbers against: a program for exec boards, and jobs of it.
.PHONY: runtimes
runtimes: all lists $(BUILD)/runtimes/onnxruntime
	$(NUMPY) firmware-stub/runtimes/compare.py --build $(BUILD) --launcher $(BUILD)/runtimes/onnxruntime \
		--lists $(LISTS) $(CONVERT)
$(BUILD)/runtimes/onnxruntime: firmware-stub/runtimes/package.json firmware-stub/runtimes/package-lock.json | packages
	@mkdir -p $(@D)
	cp firmware-stub/runtimes/package.json firmware-stub/runtimes/package-lock.json $(@D)/
	cd $(@D) && ONNXRUNTIME_NODE_INSTALL_CUDA=skip npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	printf '#!%s\nimport("%s").then((m) => m.main("%s"));\n' "$$(command -v node)" \
		$(abspath firmware-stub/runtimes/onnxruntime.mjs) $(abspath $(@D)) > $@
	chmod +x $@

# ---- tests --------------------------------------------------------------------------------------

UNIT_SRC := $(shell find tests/unit -name 'test_*.c' 2>/dev/null)
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))

# The component of tests/unit/server/store/test_x.c is server; its archive is linked.
unit_component = $(firstword $(subst /, ,$(patsubst tests/unit/%,%,$(1))))
unit_archive = $(if $(filter $(PROGRAMS),$(call unit_component,$(1))),$(BUILD)/lib/lib$(call unit_component,$(1)).a)
unit_libs = $(if $(filter $(PROGRAMS),$(call unit_component,$(1))),$(LIBS_$(call unit_component,$(1))),$(LIBS_common) -lcurl -lserialport -ludev -lm)

# What tests share and is too much for a header; a test links what it calls.
UNIT_KIT := $(BUILD)/lib/libunit.a
$(UNIT_KIT): $(call objects,$(shell find tests/unit -name '*.c' ! -name 'test_*.c' 2>/dev/null))
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcsD $@ $^

define unit_rules
$(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(1)): $(BUILD)/obj/$(1:.c=.o) $(UNIT_KIT) $(call unit_archive,$(1)) $(LIBHILDA) $(BUILD)/bin/hilda-shim
	@mkdir -p $$(@D)
	$$(call say,LD)
	$$(Q)$(CC) $(HOST_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) -lcmocka $(call unit_libs,$(1))
endef
$(foreach t,$(filter-out tests/unit/firmware-stub/%,$(UNIT_SRC)),$(eval $(call unit_rules,$(t))))
-include tests/unit/firmware-stub/rules.mk

.PHONY: unit
unit: $(UNIT_BIN)

# Arguments for the runner: make check T='tests/daemon/test_x.py tests/unit/common'
T ?=

.PHONY: check
# The packages are those of the plain variant.
check: all unit node-modules $(BUILD)/scenario/driven $(BUILD)/tests/make_capture $(if $(VARIANT),,deb)
	HILDA_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/run.py $(T)

.PHONY: check-asan check-tsan coverage
# The sanitizers look at host programs; the pages are the same files in every variant.
check-asan:
	$(MAKE) VARIANT=asan check T='tests/unit tests/daemon'
# TSan's memory map needs a fixed layout.
check-tsan:
	setarch -R $(MAKE) VARIANT=tsan check T='tests/unit tests/daemon'
coverage:
	$(MAKE) VARIANT=cov check
	gcovr --root . --exclude tests build/cov

.PHONY: node-modules
node-modules: $(BUILD)/npm/.installed
$(BUILD)/npm/.installed: package.json package-lock.json | packages
	@mkdir -p $(@D)
	cp package.json package-lock.json $(@D)/
	cd $(@D) && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	touch $@

# ---- the main job -------------------------------------------------------------------------------

.PHONY: demo
demo: all
	HILDA_BUILD=$(abspath $(BUILD)) ONCE=$(ONCE) $(PYTHON) tests/scenario/demo.py

# What the exec boards of a torture run.
$(BUILD)/scenario/driven: tests/scenario/driven.c | packages
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(SHIM_CC) -static -Os -Wall -Wextra -Werror -o $@ $<

$(BUILD)/tests/make_capture: $(BUILD)/obj/tests/make_capture.o $(LIBHILDA)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^ $(LIBS_common) -lm

# make torture N=2000 SEED=7: kills of server, agents and their children, and what became of it all.
N ?= 2000
SEED ?=
.PHONY: torture
torture: all $(BUILD)/scenario/driven
	HILDA_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/scenario/torture.py --kills $(N) $(if $(SEED),--seed $(SEED))

# ---- fuzzing ------------------------------------------------------------------------------------

# One target a file; it is linked with the archive it names here, the library always.
FUZZ_SRC      := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN      := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))
FUZZ_LIBS_elf := agent
FUZZ_LIBS_ini := agent
FUZZ_LIBS_http := server
FUZZ_LIBS_query := server
FUZZ_LIBS_buspirate := virtual-lab
FUZZ_LIBS_route := server
FUZZ_LIBS_cron  := server
SECONDS_EACH   = $(or $(SECONDS),60)

define fuzz_rules
$(BUILD)/fuzz/fuzz_$(1): $(BUILD)/obj/tests/fuzz/fuzz_$(1).o $(if $(FUZZ_LIBS_$(1)),$(BUILD)/lib/lib$(FUZZ_LIBS_$(1)).a) $(LIBHILDA)
	@mkdir -p $$(@D)
	$$(call say,LD)
	$$(Q)$(CC) $(HOST_LDFLAGS) -fsanitize=fuzzer -o $$@ $$^ $$(LIBS_$$(or $$(FUZZ_LIBS_$(1)),common))
endef
$(foreach t,$(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC)),$(eval $(call fuzz_rules,$(t))))

# make fuzz SECONDS=60 F=job: seconds for each target; F for one.
F ?=
.PHONY: fuzz fuzz-build
fuzz: | packages
	$(MAKE) VARIANT=fuzz CC=clang BUILD=$(BUILD)/fuzz fuzz-build
	HILDA_BUILD=$(abspath $(BUILD))/fuzz $(PYTHON) tests/fuzz/fuzz.py $(SECONDS_EACH) $(F)
fuzz-build: $(FUZZ_BIN)

# ---- speed and memory ---------------------------------------------------------------------------

$(BUILD)/bench/bare_server: $(BUILD)/obj/tests/bench/bare_server.o $(LIBHILDA)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^ -lmicrohttpd -lsqlite3 $(LIBS_common)

$(BUILD)/bench/agents: $(BUILD)/obj/tests/bench/agents.o $(BUILD)/obj/tests/bench/talk.o $(LIBHILDA)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^ $(LIBS_common)

$(BUILD)/bench/ends_at_once: tests/bench/ends_at_once.c | packages
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(SHIM_CC) -static -Os -o $@ $<

$(BUILD)/bench/ppk2: $(BUILD)/obj/tests/bench/ppk2.o $(LIBHILDA)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^ $(LIBS_common) -lm

$(BUILD)/bench/turns: $(BUILD)/obj/tests/bench/turns.o $(BUILD)/lib/libserver.a $(LIBHILDA)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^ $(LIBS_server)

# make bench B='get post': only these.
B ?=
.PHONY: bench
bench: all node-modules $(addprefix $(BUILD)/bench/,bare_server agents ends_at_once ppk2 turns) $(BUILD)/tests/make_capture
	HILDA_BUILD=$(abspath $(BUILD)) $(PYTHON) tests/bench/bench.py $(B)

# ---- installation -------------------------------------------------------------------------------

# Pages of the manual say what the programs say of themselves; MANUAL_BIN names others that run here.
MANUAL_BIN ?= $(OUT)/bin
MAN := $(addprefix $(OUT)/man/,hildad.8 hilda-agent.8 hilda.1 hilda-vboard.1)
$(OUT)/man/.made: packaging/manual.py $(addprefix $(MANUAL_BIN)/,$(foreach p,$(PROGRAMS),$(NAME_$(p))))
	@mkdir -p $(@D)
	$(call say,MAN)
	$(Q)$(PYTHON) $< $(MANUAL_BIN) $(@D) $(VERSION) $$(git log -1 --format=%cs 2>/dev/null || date +%F)
	@touch $@
.PHONY: man
man: $(OUT)/man/.made

DESTDIR ?=
INSTALLED := $(DESTDIR)$(PREFIX)
.PHONY: install
install: $(BINARIES) man
	install -D -m 755 -t $(INSTALLED)/bin $(foreach p,$(PROGRAMS),$(OUT)/bin/$(NAME_$(p)))
	install -D -m 755 -t $(INSTALLED)/libexec/hilda $(OUT)/bin/hilda-shim
	install -D -m 644 -t $(INSTALLED)/share/bash-completion/completions packaging/completion/hilda
	install -D -m 644 -t $(INSTALLED)/share/doc/hilda README.md NEWS.md docs/*.md
	install -D -m 644 -t $(INSTALLED)/share/hilda/drop-ins packaging/drop-ins/*.conf
	for page in $(MAN); do install -d $(INSTALLED)/share/man/man$${page##*.} && \
		gzip -9nc $$page >$(INSTALLED)/share/man/man$${page##*.}/$${page##*/}.gz || exit 1; done
	install -d $(INSTALLED)/lib/systemd/system
	for unit in hildad hilda-agent; do sed 's,/usr/bin/hilda,$(PREFIX)/bin/hilda,g' packaging/$$unit.service \
		>$(INSTALLED)/lib/systemd/system/$$unit.service || exit 1; done
	install -D -m 644 packaging/sysusers.conf $(INSTALLED)/lib/sysusers.d/hilda.conf
	install -D -m 644 packaging/tmpfiles.conf $(INSTALLED)/lib/tmpfiles.d/hilda.conf
	install -D -m 644 -t $(INSTALLED)/lib/udev/rules.d packaging/60-hilda.rules

# ---- Debian packages ------------------------------------------------------------------------------

DEB_NATIVE  := $(shell dpkg --print-architecture)
DEB_ARCH    ?= $(DEB_NATIVE)
# What is not released yet sorts before the release, and by its date.
DEB_VERSION  = $(VERSION)$(if $(shell grep -s 'not released' NEWS.md),~git$(shell git log -1 --format=%cd --date=format:%Y%m%d.%H%M%S).$(GIT_HASH))
DEB_BUILD   := $(BUILD)/deb
.PHONY: deb check-deb
ifeq ($(DEB_ARCH),$(DEB_NATIVE))
deb: $(BINARIES)
	$(call deb_packages,$(DEB_BUILD),OUT=$(DEB_BUILD))
else
# DEB_ARCH=arm64: built across, with the libraries of that Debian unpacked below the build folder.
DEB_TYPE_arm64 := aarch64-linux-gnu
DEB_TYPE    := $(DEB_TYPE_$(DEB_ARCH))
DEB_ACROSS  := $(DEB_BUILD)/$(DEB_ARCH)
DEB_SYSROOT := $(abspath $(DEB_BUILD))/sysroot-$(DEB_ARCH)
DEB_CC      := $(DEB_TYPE)-gcc --sysroot=$(DEB_SYSROOT)/root
deb: $(BUILD)/npm/.installed | packages
	$(if $(DEB_TYPE),,$(error make deb knows DEB_ARCH=$(DEB_NATIVE) and $(patsubst DEB_TYPE_%,%,$(filter DEB_TYPE_%,$(.VARIABLES)))))
	packaging/deb/sysroot $(DEB_ARCH) $(DEB_TYPE) $(DEB_SYSROOT)
	@mkdir -p $(DEB_ACROSS) && ln -sfn $(abspath $(BUILD))/npm $(DEB_ACROSS)/npm
	$(MAKE) OUT=$(DEB_BUILD) PREFIX=/usr man >/dev/null
	$(call deb_packages,$(DEB_ACROSS),BUILD=$(DEB_ACROSS) CC='$(DEB_CC)' SHIM_CC='$(DEB_CC)' MANUAL_BIN=$(DEB_BUILD)/bin)
endif

# deb_packages FOLDER, WORDS-FOR-MAKE
define deb_packages
rm -rf $(1)/stage
+$(MAKE) PREFIX=/usr DESTDIR=$(abspath $(1))/stage $(2) install >/dev/null
$(if $(DEB_TYPE),$(DEB_TYPE)-)strip --strip-unneeded $(1)/stage/usr/bin/* $(1)/stage/usr/libexec/hilda/*
packaging/deb/build $(abspath $(1))/stage $(abspath $(DEB_BUILD))/packages $(DEB_VERSION) $(DEB_ARCH) $(DEB_SYSROOT)
@ls -l $(DEB_BUILD)/packages/*_$(DEB_ARCH).deb
endef

# Into a fresh Debian, as root; boots it where the machine lets systemd-nspawn do so.
check-deb: deb
	$(MAKE) DEB_ARCH=arm64 deb
	HILDA_BUILD=$(abspath $(BUILD)) HILDA_DEBOOTSTRAP=1 $(PYTHON) -m pytest -q -rs -p no:cacheprovider tests/daemon/test_deb.py

# ---- packages -----------------------------------------------------------------------------------

.PHONY: packages
# clang for the fuzzers is in the list too: CI runs them.
packages:
	@sh packaging/install-packages packaging/packages

.PHONY: help
help:
	@echo 'make                programs, pages and firmware into $(BUILD)/'
	@echo 'make demo           a server, an agent, four virtual boards and this host: the main job'
	@echo '     ONCE=1         ends after the table; exit code 0 only if every job passed'
	@echo 'make check          every test but the long ones; T="tests/unit/common ..." for some'
	@echo 'make check-asan     unit and daemon tests under AddressSanitizer and UBSan'
	@echo 'make check-tsan     the same under ThreadSanitizer'
	@echo 'make coverage       line coverage of make check (gcovr)'
	@echo 'make bench          speed and memory against bare limits; B="get post" for some rows'
	@echo 'make fuzz           libFuzzer on every parser, SECONDS=60 each; F=job for one'
	@echo 'make torture        kill -9 under load, and what was lost: N=2000 kills, SEED=7'
	@echo 'make train          retrains the models and compares accuracies; MODEL=linformer-nano SEEDS=1 for one'
	@echo 'make report         firmware-stub/report/hilda_report.[ch] anew, after a change of what is in them'
	@echo 'make convert        model files of the committed ONNX files and ranges; CONVERT=full-nano for one'
	@echo 'make ranges         measures the ranges anew, on training samples; make evaluate: whole test sets'
	@echo 'make runtimes       ONNX Runtime (npm, 190 MB) on the same models: accuracies and latencies beside ours'
	@echo 'make tidy           clang-tidy over the host sources'
	@echo 'make format         clang-format over every C file'
	@echo 'make install        into PREFIX=$(PREFIX), below DESTDIR'
	@echo 'make deb            Debian packages into $(BUILD)/deb/packages; make check-deb: in a fresh Debian (root)'
	@echo '     DEB_ARCH=arm64 built across, with the libraries of that Debian below $(BUILD)/deb'
	@echo 'make clean          removes $(BUILD)/'
	@echo 'V=1 shows whole commands; BUILD=DIR builds elsewhere.'

.PHONY: tidy
tidy:
	clang-tidy --quiet $(call folders,common protocols instruments stats $(PROGRAMS)) -- \
		$(filter-out -Werror,$(HOST_CFLAGS))

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: format format-check
FORMAT_FILES = $(shell git ls-files '*.c' '*.h' | grep -v -e '^firmware-stub/models/' -e 'vectors/')
format:
	clang-format -i $(FORMAT_FILES)
format-check:
	clang-format --dry-run -Werror $(FORMAT_FILES)

-include $(shell find $(BUILD)/obj $(OUT)/prefixed -name '*.d' 2>/dev/null)
