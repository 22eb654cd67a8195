# SPDX-License-Identifier: MIT
# A thin front of meson; ./run installs what these need.
BUILD = build
ARGS =

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@meson setup $(BUILD) >/dev/null || { meson setup $(BUILD); exit 1; }

demo: all
	@$(BUILD)/bin/caravan demo --libdir $(BUILD)/lib --guest $(BUILD)/guest/guest.img --out demo-out $(ARGS)

# The whole suite: see tests/README.md. `make check` is the quick part, in this build only.
test:
	@tests/run $(ARGS)

check: all
	@meson test -C $(BUILD) --suite unit --suite abi --suite fuzz-replay

bench: all
	@bench/run $(ARGS)
	@bench/vmstate.py $(VMSTATE_ARGS)

# Long ones: fuzzing, memory over ten minutes, many moves.
soak: all
	@tests/run --soak $(ARGS)

format:
	@git ls-files '*.c' '*.h' | grep -v '^proto/.*_messages\.h$$' | xargs clang-format -i

lint: all
	@git ls-files 'src/*.c' 'vmstate/*.c' 'proto/*.c' 'tools/*.c' | xargs clang-tidy --quiet -p $(BUILD)

install: all
	meson install -C $(BUILD) $(ARGS)

clean:
	rm -rf $(BUILD) build-*

.PHONY: all demo test check bench soak format lint install clean
