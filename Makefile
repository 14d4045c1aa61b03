# SPDX-License-Identifier: MIT
#
# libipc. `make help` lists the targets. A C compiler and make are enough to
# build it and for `make demo`; `make test` needs cmocka and sees to it.

CFLAGS     ?= -O2 -g
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
INCLUDEDIR ?= $(PREFIX)/include
BUILD      ?= build$(if $(filter posix,$(BACKEND)),/posix)
export BUILD CC CXX BACKEND

VERSION := $(shell awk '/define LIBIPC_VERSION_(MAJOR|MINOR|PATCH)/ \
	{ v = v dot $$3; dot = "." } END { print v }' include/ipc/base.h)
SONAME := libipc.so.0

COMPILE = $(CC) -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
	-Wstrict-prototypes -Wmissing-prototypes $(CFLAGS) -pthread \
	-Iinclude -MMD -MP
POSIX := -D_POSIX_C_SOURCE=200809L
LINK = $(CC) $(CFLAGS) $(LDFLAGS)
LIBS := -pthread -lrt # before glibc 2.34 shm_open is in librt
Q = $(if $(filter 1,$(V)),,@printf '  %-4s %s\n' $(1) $@;) mkdir -p $(@D);

# linux: exact, and bounded where the kernel is too old. posix: bounded.
BACKEND ?= linux
OTHER := $(if $(filter posix,$(BACKEND)),linux,posix)
TEST_BACKEND := $(if $(filter posix,$(BACKEND)),,-DTEST_LINUX_BACKEND)
SOURCES := $(filter-out src/os_$(OTHER)% src/os_process_$(OTHER)% src/tool%, \
	$(wildcard src/*.c))
TOOL := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/tool*.c))
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%, \
	$(filter-out examples/ticket_file.c,$(wildcard examples/*.c)))
TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/test_*$(ONLY)*.c))
BENCH := $(patsubst tests/bench/%.c,$(BUILD)/bench/%.o,\
	$(wildcard tests/bench/*.c))

PROGRAMS := $(BUILD)/libipc $(EXAMPLES)

all: $(BUILD)/libipc.a $(BUILD)/libipc.so $(PROGRAMS) ## library, programs

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-19s%s\n", $$1, $$2 }' \
		Makefile
	@echo "Variables: CC CFLAGS LDFLAGS PREFIX BINDIR LIBDIR INCLUDEDIR MANDIR" \
		"DESTDIR BUILD, BACKEND=posix, V=1"

# ---------------------------------------------------------------- the library

# $(call library,DIRECTORY,FLAGS): DIRECTORY/libipc.a, compiled with FLAGS
define library
$(1)/obj/%.o: src/%.c
	$$(call Q,CC)$$(COMPILE) -fPIC -fno-plt -fvisibility=hidden $(2) -c $$< -o $$@ \
		$$(if $$(findstring linux,$$(<F)),-D_GNU_SOURCE,$$(POSIX))

$(1)/libipc.a: $$(SOURCES:src/%.c=$(1)/obj/%.o)
	$$(call Q,AR)rm -f $$@; $$(AR) rcs $$@ $$^
endef

$(eval $(call library,$(BUILD),))

$(BUILD)/$(SONAME): $(SOURCES:src/%.c=$(BUILD)/obj/%.o) src/libipc.map
	$(call Q,LD)$(LINK) -shared -Wl,-soname,$(SONAME),-z,defs \
		-Wl,--version-script=src/libipc.map $(filter %.o,$^) $(LIBS) -o $@

$(BUILD)/libipc.so: $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $@

# --------------------------------------------------------------- the programs

$(BUILD)/libipc: $(TOOL) $(BUILD)/libipc.a
	$(call Q,LD)$(LINK) $(TOOL) $(BUILD)/libipc.a $(LIBS) -o $@

$(BUILD)/examples/%.o: examples/%.c
	$(call Q,CC)$(COMPILE) $(POSIX) -c $< -o $@

$(BUILD)/examples/ticket_grab: $(BUILD)/examples/ticket_file.o
$(EXAMPLES): %: %.o $(BUILD)/libipc.a
	$(call Q,LD)$(LINK) $(filter %.o,$^) $(BUILD)/libipc.a $(LIBS) -o $@

demo: $(BUILD)/examples/ticket_grab $(BUILD)/examples/baozi_many ## see it
	@examples/demo.sh $(BUILD)/examples

# ------------------------------------------------------------------ the tests

test: all $(TESTS) killers soakers counters ## all tests
	@tests/run.sh $(TESTS) "tests/test_examples.sh $(BUILD)/examples" \
		$(patsubst %,"% short",tests/kill/run.sh tests/soak/run.sh) \
		tests/instructions/run.sh

check-one: $(BUILD)/tests/test_$(T) ## one test program, T=queue_basic
	$(BUILD)/tests/test_$(T)

# with another libc, with 32 bits, on an emulated machine; see the script
test-musl test-m32 test-aarch64: test-%:
	@tests/cross.sh $*

units: $(TESTS)
	@tests/run.sh $(TESTS)

SANITIZE = --no-print-directory units BUILD=$(BUILD)/$@ \
	CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=$(1)"

asan: ## the tests with AddressSanitizer and UBSan
	@TEST_SLOW=3 $(MAKE) $(call SANITIZE,address$(COMMA)undefined \
		-fno-sanitize-recover=all)
COMMA := ,

tsan: ## the tests named threads, with ThreadSanitizer
	@TEST_SLOW=5 $(MAKE) $(call SANITIZE,thread) ONLY=threads

$(BUILD)/tests/%.o: tests/%.c
	$(call Q,CC)$(COMPILE) -D_GNU_SOURCE $(TEST_BACKEND) -Isrc -c $< -o $@

HARNESS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/harness*.c))
$(TESTS:%=%.o) $(HARNESS): | $(BUILD)/cmocka-is-there
$(BUILD)/cmocka-is-there: tests/install_cmocka.sh
	@mkdir -p $(@D); tests/install_cmocka.sh && touch $@

$(filter $(BUILD)/tests/test_tool%,$(TESTS)): | $(BUILD)/libipc
$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(HARNESS) $(BUILD)/libipc.a
	$(call Q,LD)$(LINK) $^ -lcmocka $(LIBS) -o $@

# every call that faults.c stands before goes through it
FAULTS := $(BUILD)/tests/faults.o $(BUILD)/tests/faults_run.o
$(FAULTS): | $(BUILD)/cmocka-is-there
$(BUILD)/tests/test_%_faults: $(BUILD)/tests/test_%_faults.o $(HARNESS) \
		$(FAULTS) $(BUILD)/libipc.a
	$(call Q,LD)$(LINK) $$(nm $(BUILD)/tests/faults.o | \
		sed -n 's/.* T __wrap_/-Wl,--wrap=/p') $^ -lcmocka $(LIBS) -o $@

# tests/kill/kill_*.c are programs, the rest of the folder is a part of each.
# Short spins make single steps few, and a long pause is seen. Each control is
# the library with one safeguard taken out, which the sweeps must notice.
KILLERS := $(patsubst tests/kill/%.c,%,$(wildcard tests/kill/kill_*.c))
KILL_PARTS := $(patsubst tests/kill/%.c,%, \
	$(filter-out tests/kill/kill_%,$(wildcard tests/kill/*.c)))

SWEPT := -DIPCI_SPIN_MAX=2 -DIPCI_PAUSE_MS=20 -DIPCI_POOL_KEEP=0 \
	-DIPCI_CHUNK_BYTES=4096

# $(call killers,DIRECTORY,PROGRAMS,FLAGS): with a library with FLAGS
define killers
$(call library,$(1),$(SWEPT) $(3))
killers: $(2:%=$(1)/%)
$(1)/kill_%: $(BUILD)/kill/kill_%.o $(KILL_PARTS:%=$(BUILD)/kill/%.o) \
		$(1)/libipc.a
	$$(call Q,LD)mkdir -p $$(@D); $$(LINK) -Wl,-z,now $$^ $$(LIBS) -o $$@
endef

# the safeguard, in lower case, and the programs that must notice
control = $(eval $(call killers,$(BUILD)/kill/$(1),$(2:%=kill_%),\
	-DIPCI_CONTROL_$(shell echo $(1) | tr a-z A-Z)))

$(eval $(call killers,$(BUILD)/kill,$(KILLERS),))
ifeq ($(BACKEND),posix)
$(call control,no_slice,queue)
$(call control,not_robust,mutex)
$(call control,no_visits,cross_lease)
else
$(call control,no_announce,queue mutex)
$(call control,no_debt,queue pipe shutdown lease)
$(call control,no_compare,cross cross_lease shutdown)
$(call control,no_marks,joinable)
$(call control,no_repair,kinds joinable lease)
$(call control,no_unmark,kinds)
$(call control,no_taken,grow)
$(call control,no_leaving,grow)
$(call control,no_settled,grow)
$(call control,no_pass_on,shutdown)
$(call control,no_watch,lease cross_lease pipe)
$(call control,no_rouse,lease)
$(call control,one_word,lease)
$(call control,no_stamps,joinable lease)
endif

$(BUILD)/kill/%.o: tests/kill/%.c
	$(call Q,CC)$(COMPILE) -D_GNU_SOURCE -Isrc $(SWEPT) -c $< -o $@

# Segments written over. guard.c stands before some of the library's calls.
# A driver of our own makes the inputs, or libFuzzer, where clang has it.
FUZZ_PARTS := $(BUILD)/fuzz/fuzz_segment.o $(BUILD)/fuzz/guard.o
FUZZ_LINK = $(LINK) -Wl,--wrap=mmap,--wrap=munmap,--wrap=kill
$(BUILD)/fuzz/%.o: tests/fuzz/%.c
	$(call Q,CC)$(COMPILE) -D_GNU_SOURCE -Isrc -c $< -o $@
$(BUILD)/fuzz/fuzz_driver: $(BUILD)/fuzz/driver.o $(FUZZ_PARTS) \
		$(BUILD)/libipc.a
	$(call Q,LD)$(FUZZ_LINK) $^ $(LIBS) -o $@
$(BUILD)/fuzz/fuzz_segment: $(FUZZ_PARTS) $(BUILD)/libipc.a
	$(call Q,LD)$(FUZZ_LINK) -fsanitize=fuzzer $^ $(LIBS) -o $@

# Everybody killed, stopped and restarted.
SOAK := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/soak/*.c))
$(BUILD)/tests/soak/%.o: tests/soak/%.c
	$(call Q,CC)$(COMPILE) -D_GNU_SOURCE -Isrc -c $< -o $@
$(BUILD)/soak/soak: $(SOAK) $(BUILD)/libipc.a
	$(call Q,LD)$(LINK) $^ $(LIBS) -o $@
# the control: a library whose locks outlive who held them
$(eval $(call library,$(BUILD)/soak/no_list,-DIPCI_CONTROL_NO_LIST))
$(BUILD)/soak/soak_no_list: $(SOAK) $(BUILD)/soak/no_list/libipc.a
	$(call Q,LD)$(LINK) $^ $(LIBS) -o $@

# the controls of tests/test_gate_fences.c: late stores that nobody waits for
FENCES := $(patsubst %,$(BUILD)/soak/fences_%,no_barrier no_fence no_helped)
$(eval $(call library,$(BUILD)/soak/no_barrier,-DIPCI_CONTROL_NO_BARRIER))
$(eval $(call library,$(BUILD)/soak/no_fence,-DIPCI_CONTROL_NO_FENCE))
$(eval $(call library,$(BUILD)/soak/no_helped,-DIPCI_CONTROL_NO_HELPED))
$(FENCES): $(BUILD)/soak/fences_%: $(BUILD)/tests/test_gate_fences.o \
		$(HARNESS) $(BUILD)/soak/%/libipc.a
	$(call Q,LD)mkdir -p $(@D); $(LINK) $^ -lcmocka $(LIBS) -o $@

soakers: $(BUILD)/soak/soak $(BUILD)/soak/soak_no_list $(FENCES)
soak: $(BUILD)/soak/soak ## kill, stop, restart for SECONDS=60; it adds up
	@$(BUILD)/soak/soak $(SECONDS)

SECONDS ?= 60
fuzz: ## memory written over under sanitizers, SECONDS=60
	@tests/fuzz/run.sh $(SECONDS)

model: ## the Spin models; long, if MODEL=long, short, or MODEL=quick
	@tests/model/run.sh $(MODEL)

kill: killers ## all kill sweeps, instruction by instruction; long, if not SWEEP=short
	@tests/kill/run.sh $(SWEEP)

# which libraries to compare with are here, asked each time
BENCH_PEERS := $(BUILD)/bench/peers.h
$(BENCH_PEERS): FORCE
	@mkdir -p $(@D); tests/bench/peers.sh >$@.new; \
		cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:

$(BUILD)/bench/%.o: tests/bench/%.c $(BENCH_PEERS)
	$(call Q,CC)$(COMPILE) -D_GNU_SOURCE -Isrc -I$(BUILD)/bench \
		-DBENCH_DIR='"$(CURDIR)/tests/bench"' -c $< -o $@

# nothing, where there is no compiler for it
$(BUILD)/bench/boost.o: tests/bench/boost.cc tests/bench/boost.h $(BENCH_PEERS)
	$(call Q,CXX)if grep -qE 'LOCKFREE|INTERPROCESS' $(BENCH_PEERS); \
		then $(CXX) -std=c++14 -Wall -Wextra $(CFLAGS) -pthread \
		-I$(BUILD)/bench -c $< -o $@; \
		else echo 'extern int none;' | $(CC) -x c -c - -o $@; fi

$(BUILD)/bench/bench: $(BENCH) $(BUILD)/bench/boost.o $(BUILD)/libipc.a
	$(call Q,LD)$(LINK) $^ $$(tests/bench/peers.sh libs) $(LIBS) -o $@

PICTURE ?= $(BUILD)/bench.svg
bench: $(BUILD)/bench/bench ## how fast; ONLY="queue 2P2C", ROUNDS=7, QUICK=1, PICTURE=x.svg
	@$(BUILD)/bench/bench $(QUICK:%=--quick) $(ROUNDS:%=--rounds %) \
		$(if $(ONLY),--only "$(ONLY)") --goals $(BUILD)/bench/goals.csv
	@tests/bench/draw.sh $(BUILD)/bench/goals.csv $(PICTURE)

# instructions, which are the same anywhere
$(BUILD)/instructions/%.o: tests/instructions/%.c
	$(call Q,CC)$(COMPILE) -D_GNU_SOURCE -DFLAGS='"$(CFLAGS)"' -c $< -o $@
$(BUILD)/instructions/count: $(BUILD)/instructions/count.o $(BUILD)/libipc.a
	$(call Q,LD)$(LINK) -Wl,--wrap=clock_gettime $^ $(LIBS) -o $@
counters: $(BUILD)/instructions/count

bench-instructions: counters ## of each call; UPDATE=1: that is the reference
	@tests/instructions/run.sh $(UPDATE:%=update)

check: check-headers check-symbols check-layers check-docs check-format
check: check-labels check-faults check-install ## headers, symbols, layers, docs, ...

check-symbols: $(BUILD)/libipc.a $(BUILD)/$(SONAME)
check-faults: $(BUILD)/libipc.a $(BUILD)/tests/faults.o
check-install: all
check-%: tests/check_%.sh
	@$<

format: ## clang-format on every source
	clang-format -i $(shell find include src tests examples -name '*.[ch]')

# --------------------------------------------------------------- installation

AT_BIN = $(DESTDIR)$(BINDIR)
AT_MAN = $(DESTDIR)$(MANDIR)/man1
AT_LIB = $(DESTDIR)$(LIBDIR)
AT_INCLUDE = $(DESTDIR)$(INCLUDEDIR)

install: $(BUILD)/libipc.a $(BUILD)/$(SONAME) $(BUILD)/libipc ## DESTDIR, PREFIX
	install -d $(AT_BIN) $(AT_MAN) $(AT_INCLUDE)/ipc $(AT_LIB)/pkgconfig
	install -m 755 $(BUILD)/libipc $(AT_BIN)
	install -m 644 src/libipc.1 $(AT_MAN)
	install -m 644 include/libipc.h $(AT_INCLUDE)
	install -m 644 include/ipc/*.h $(AT_INCLUDE)/ipc
	install -m 644 $(BUILD)/libipc.a $(AT_LIB)
	install -m 755 $(BUILD)/$(SONAME) $(AT_LIB)/libipc.so.$(VERSION)
	ln -sf libipc.so.$(VERSION) $(AT_LIB)/$(SONAME)
	ln -sf $(SONAME) $(AT_LIB)/libipc.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		src/libipc.pc.in >$(AT_LIB)/pkgconfig/libipc.pc

uninstall: ## what install put there
	rm -f $(patsubst include/%,$(AT_INCLUDE)/%,$(wildcard include/*.h \
		include/ipc/*.h)) $(AT_BIN)/libipc $(AT_MAN)/libipc.1 \
		$(addprefix $(AT_LIB)/,libipc.a libipc.so \
		$(SONAME) libipc.so.$(VERSION) pkgconfig/libipc.pc)
	-rmdir $(AT_INCLUDE)/ipc

clean: ## remove what was built
	rm -rf $(BUILD)

.PHONY: test-musl test-m32 test-aarch64
.PHONY: all help demo test units check-one asan tsan kill killers model soak \
	soakers counters fuzz bench bench-instructions check format install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
