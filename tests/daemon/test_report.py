"""The pair that others drop into their firmware, and firmware made with it, driven by the agent."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, ROOT, need
from steps_lab import exec_board, of_phase, phases, stages
from virtual_lab import VirtualLab

REPORT = ROOT / "firmware-stub/report"
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wundef", "-Wdouble-promotion"]
ARM = ["arm-none-eabi-gcc", "-std=c99", "-ffreestanding", "-Os", "-mthumb"]
CORES = ["cortex-m0", "cortex-m4", "cortex-m7", "cortex-m55"]


def run_quietly(*argv, **more):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_pair_is_what_our_own_firmware_is_built_of(tmp_path):
    run_quietly("/usr/bin/python3", REPORT / "amalgamate.py", tmp_path)
    for name in ("hilda_report.h", "hilda_report.c"):
        assert (tmp_path / name).read_bytes() == (REPORT / name).read_bytes(), \
            f"{name} is not up to date: `make report`"


@pytest.mark.parametrize("compiler", [
    ["gcc", "-std=c99"], ["clang", "-std=c99"], ["g++", "-x", "c++", "-std=c++98"],
    ["g++", "-x", "c++", "-std=c++17"], *[[*ARM, f"-mcpu={core}"] for core in CORES]],
    ids=lambda argv: "-".join(argv[:1] + argv[-1:]))
def test_the_pair_is_strict_and_needs_nothing(tmp_path, compiler):
    """Alone in a folder: two files are all there is."""
    need(compiler[0])
    for name in ("hilda_report.h", "hilda_report.c"):
        shutil.copy(REPORT / name, tmp_path)
    out = tmp_path / "pair.o"
    run_quietly(*compiler, *STRICT, "-c", "hilda_report.c", "-o", out, cwd=tmp_path)
    undefined = [line.split()[-1] for line in run_quietly("nm", "-u", out).splitlines()]
    # The compiler's own library, and the functions that GCC demands of any program.
    allowed = r"__(aeabi_|gnu_thumb1_|stack_chk_)|_GLOBAL_OFFSET_TABLE_$|mem(cpy|set|move|cmp)$"
    assert not [n for n in undefined if not re.match(allowed, n)], undefined
    defined = re.findall(r" [TDBRC] (\S+)", run_quietly("nm", "-C", out))
    assert defined and not [n for n in defined if not n.startswith("hilda_")], defined


def test_cplusplus_can_call_it(tmp_path):
    (tmp_path / "main.cc").write_text(
        '#include "hilda_report.h"\n'
        "static void put(void *, const char *, size_t) {}\n"
        "static int get(void *) { return HILDA_CLOSED; }\n"
        "static uint64_t ticks(void *) { static uint64_t now; return now++; }\n"
        "int main() { static hilda_device d; d.put = put; d.get = get; d.ticks = ticks; d.hz = 1;\n"
        "d.infer = [](void *, uint32_t) {}; hilda_device_run(&d); return 0; }\n")
    run_quietly("gcc", "-std=c99", "-c", REPORT / "hilda_report.c", "-o", tmp_path / "pair.o")
    run_quietly("g++", "-std=c++11", *STRICT, f"-I{REPORT}", tmp_path / "main.cc", tmp_path / "pair.o",
                "-o", tmp_path / "program")
    run_quietly(tmp_path / "program")


def test_the_sizes_in_the_readme(tmp_path):
    need("arm-none-eabi-gcc")
    table = dict(re.findall(r"(?m)^\| Cortex-(M\d+) \| ([\d,]+) \|", (REPORT / "README.md").read_text()))
    assert sorted(table) == ["M0", "M4", "M55", "M7"]
    for core in CORES:
        run_quietly(*ARM, f"-mcpu={core}", "-c", REPORT / "hilda_report.c", "-o", tmp_path / "x.o")
        text = int(run_quietly("arm-none-eabi-size", tmp_path / "x.o").splitlines()[1].split()[0])
        told = int(table[core.replace("cortex-m", "M")].replace(",", ""))
        assert abs(text - told) <= told * 0.05, f"{core}: {text} bytes"


def example(name, target):
    """Built by its own Makefile, as its README says."""
    made = BUILD / "firmware" / name / str(os.getpid())
    run_quietly("make", "-C", REPORT / "examples" / name, f"BUILD={made}", f"{made}/{target}")
    image = (made / target).read_bytes()
    shutil.rmtree(made)
    return image


JOB = phases(cold={"boots": 3, "by": "reset"}, warm={"iterations": 100, "warmup": 4, "boots": 2}, memory=True,
             accuracy={"samples": 8})


def check_phases(result):
    assert result["outcome"] == "passed", result["detail"]
    assert stages(result) == ["flash", "boot", "cold", "warm", "accuracy", "memory", "collect"]
    assert result["model"]["model"] == "quarters" and result["model"]["bytes"] == 64
    assert result["device"]["max_n"] == 512
    cold = of_phase(result, "cold")
    assert [c["boot"] for c in cold] == [0, 1, 2]
    assert all(c["boot_ticks"] > 0 and c["first_ticks"] > 0 for c in cold)
    for warm in of_phase(result, "warm"):
        assert warm["n"] == len(warm["ticks"]) == 100 and warm["inputs"] == "rotate"
        assert warm["window_ticks"] > sum(warm["ticks"]) > 0
    assert of_phase(result, "accuracy")[0]["predictions"] == [0, 1, 2, 3] * 2


def test_the_plain_example_as_a_program(tmp_path):
    image = example("plain", "plain-host")
    with exec_board(tmp_path) as run:
        result = run(image, **JOB)
    check_phases(result)
    assert result["timer"] == {"hz": 1000000000, "kind": "monotonic"}
    assert "stack_used" not in of_phase(result, "memory")[0]["values"]


def test_the_plain_example_on_a_virtual_board(tmp_path):
    for tool in ("qemu-system-arm", "openocd", "arm-none-eabi-gcc"):
        need(tool)
    image = example("plain", "plain-mps2-an386.elf")
    lab = VirtualLab(tmp_path, "mps2-an386")
    try:
        result = lab.run(image, **JOB)
        refused = lab.run(image, **phases(energy=True))
    finally:
        lab.close()
    check_phases(result)
    # The same input takes the same instructions; the counter's phase may differ by a tick.
    for warm in of_phase(result, "warm"):
        assert max(warm["ticks"]) - min(warm["ticks"]) <= 1
    values = of_phase(result, "memory")[0]["values"]
    assert 256 < values["stack_used"] < values["stack_size"] == 2048
    assert values["heap_used"] == 0 and values["bss"] > 2048  # the results are in there
    assert refused["outcome"] == "configuration", refused["detail"]
    assert "cannot do 'lab energy" in refused["detail"] and "leave the phase out" in refused["detail"]


# What MLPerf Tiny's unmodified firmware does with a word that it does not know, and when it starts.
MLPERF = r"""
#include <stdio.h>
#include <string.h>
int main(void)
{
	char command[81];
	printf("\r\nm-timestamp-mode-performance\r\nm-lap-us-0\r\nm-init-done\r\nm-ready\r\n");
	fflush(stdout);
	while (scanf("%80[^%%]%%", command) == 1) {
		if (!strcmp(command, "name"))
			printf("m-name-dut-[unspecified]\r\n");
		else
			printf("e-[Unknown command: %s]\r\n", strtok(command, " "));
		printf("m-ready\r\n");
		fflush(stdout);
	}
	return 0;
}
"""


def test_mlperf_firmware_is_told_what_is_missing(tmp_path):
    (tmp_path / "main.c").write_text(MLPERF)
    run_quietly("gcc", "-o", tmp_path / "image", tmp_path / "main.c")
    with exec_board(tmp_path) as run:
        result = run((tmp_path / "image").read_bytes(), **JOB)
    assert (result["outcome"], result["stage"]) == ("configuration", "boot"), result["detail"]
    assert result["detail"] == (
        "the firmware does not speak the bench protocol (e-[Unknown command: lab]): add hilda_report.[ch] of "
        'firmware-stub/report to it, or use "protocol": "lines"')
    # Asked once, and nothing else: no phase was tried on firmware that cannot do it.
    assert result["log"][3] == "lab id%"


# Just enough of what each library declares for a compiler to read an example: it holds the example to
# hilda_report.h. None of it says anything about the library.
DECLARED = {
    "tflite-micro": {
        "tensorflow/lite/schema/schema_generated.h":
            "#include <cstdint>\n#include <cstddef>\n#define TFLITE_SCHEMA_VERSION 3\nnamespace tflite { struct Model "
            "{ uint32_t version() const; }; const Model *GetModel(const void *); }\n",
        "tensorflow/lite/micro/micro_mutable_op_resolver.h":
            "namespace tflite { template <unsigned n> struct MicroMutableOpResolver { void AddFullyConnected(); "
            "void AddSoftmax(); void AddReshape(); void AddQuantize(); }; }\n",
        "tensorflow/lite/micro/micro_interpreter.h":
            "#include <cstdint>\n#include <cstddef>\nenum TfLiteStatus { kTfLiteOk };\nstruct TfLiteTensor { size_t bytes; "
            "struct { int8_t *int8; } data; };\nnamespace tflite { struct Model; struct MicroInterpreter {\n"
            "template <class R> MicroInterpreter(const Model *, const R &, uint8_t *, size_t);\n"
            "TfLiteStatus AllocateTensors(); TfLiteStatus Invoke(); TfLiteTensor *input(int); "
            "TfLiteTensor *output(int); size_t arena_used_bytes() const; }; }\n"},
    "microtvm": {
        "tvmgen_default.h":
            "#include <stdint.h>\n#define TVMGEN_DEFAULT_WORKSPACE_SIZE 4096\n"
            "struct tvmgen_default_inputs { void *input; };\nstruct tvmgen_default_outputs { void *output; };\n"
            "int32_t tvmgen_default_run(struct tvmgen_default_inputs *, struct tvmgen_default_outputs *);\n"},
    "cmsis-nn": {
        "arm_nnfunctions.h":
            "#include <stdint.h>\ntypedef struct { void *buf; int32_t size; } cmsis_nn_context;\n"
            "typedef struct { int32_t n, h, w, c; } cmsis_nn_dims;\ntypedef struct { int32_t a; } cmsis_nn_fc_params;\n"
            "typedef struct { int32_t multiplier, shift; } cmsis_nn_per_tensor_quant_params;\n"
            "int32_t arm_fully_connected_s8_get_buffer_size(const cmsis_nn_dims *);\nint arm_fully_connected_s8("
            "const cmsis_nn_context *, const cmsis_nn_fc_params *, const cmsis_nn_per_tensor_quant_params *, "
            "const cmsis_nn_dims *, const int8_t *, const cmsis_nn_dims *, const int8_t *, const cmsis_nn_dims *, "
            "const int32_t *, const cmsis_nn_dims *, int8_t *);\n",
        "device.h":
            "#include <stdint.h>\nextern struct { uint32_t CYCCNT, CTRL; } *DWT;\nextern struct { uint32_t DEMCR; } "
            "*CoreDebug;\n#define CoreDebug_DEMCR_TRCENA_Msk 1u\n#define DWT_CTRL_CYCCNTENA_Msk 1u\n"
            "extern uint32_t SystemCoreClock;\nvoid NVIC_SystemReset(void);\n"},
    "onnxruntime": {
        "onnxruntime_c_api.h":
            "#include <stdint.h>\n#include <stddef.h>\n" +
            "".join(f"typedef struct {n} {n};\n" for n in ("OrtStatus", "OrtEnv", "OrtSession", "OrtSessionOptions",
                                                          "OrtValue", "OrtMemoryInfo", "OrtRunOptions")) +
            "#define ORT_API_VERSION 14\nenum { ORT_LOGGING_LEVEL_WARNING, OrtArenaAllocator, OrtMemTypeDefault, "
            "ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT };\ntypedef struct OrtApi {\n"
            "const char *(*GetErrorMessage)(const OrtStatus *);\nOrtStatus *(*CreateEnv)(int, const char *, OrtEnv **);\n"
            "OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **);\n"
            "OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *, int);\n"
            "OrtStatus *(*CreateSession)(const OrtEnv *, const char *, const OrtSessionOptions *, OrtSession **);\n"
            "OrtStatus *(*CreateCpuMemoryInfo)(int, int, OrtMemoryInfo **);\n"
            "OrtStatus *(*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo *, void *, size_t, const int64_t *, size_t, "
            "int, OrtValue **);\nvoid (*ReleaseMemoryInfo)(OrtMemoryInfo *);\nvoid (*ReleaseValue)(OrtValue *);\n"
            "OrtStatus *(*Run)(OrtSession *, const OrtRunOptions *, const char *const *, const OrtValue *const *, size_t, "
            "const char *const *, size_t, OrtValue **);\nOrtStatus *(*GetTensorMutableData)(OrtValue *, void **);\n"
            "} OrtApi;\ntypedef struct { const OrtApi *(*GetApi)(uint32_t); } OrtApiBase;\n"
            "const OrtApiBase *OrtGetApiBase(void);\n"},
    "zephyr": {
        "zephyr/device.h": "struct device;\n#define DT_CHOSEN(n) n\n#define DEVICE_DT_GET(n) ((const struct device *)0)\n",
        "zephyr/drivers/uart.h": "void uart_poll_out(const struct device *, unsigned char);\n"
                                 "int uart_poll_in(const struct device *, unsigned char *);\n",
        "zephyr/kernel.h":
            "#include <stdint.h>\n#include <stddef.h>\n#define ARG_UNUSED(x) (void)(x)\n#define __noinit\n"
            "#define CONFIG_BOARD \"b\"\nunsigned int irq_lock(void);\nvoid irq_unlock(unsigned int);\n"
            "struct k_thread { struct { uintptr_t start; size_t size; } stack_info; };\n"
            "struct k_thread *k_current_get(void);\n",
        "zephyr/sys/reboot.h": "enum { SYS_REBOOT_COLD };\nvoid sys_reboot(int);\n",
        "zephyr/timing/timing.h": "typedef uint64_t timing_t;\nvoid timing_init(void);\nvoid timing_start(void);\n"
                                  "timing_t timing_counter_get(void);\nuint64_t timing_freq_get(void);\n"},
    "freertos": {
        "FreeRTOS.h": "#include <stddef.h>\n#define configTOTAL_HEAP_SIZE ((size_t)65536)\n#define configCPU_CLOCK_HZ "
                      "64000000u\nsize_t xPortGetMinimumEverFreeHeapSize(void);\n",
        "task.h": "#define tskIDLE_PRIORITY 0\nvoid taskENTER_CRITICAL(void);\nvoid taskEXIT_CRITICAL(void);\n"
                  "int xTaskCreate(void (*)(void *), const char *, unsigned, void *, unsigned, void *);\n"
                  "void vTaskDelete(void *);\nvoid vTaskStartScheduler(void);\n"},
}


def test_every_example_is_known():
    folders = sorted(p.name for p in (REPORT / "examples").iterdir() if p.is_dir())
    assert folders == sorted([*DECLARED, "plain"])
    table = (REPORT / "README.md").read_text()
    for name in folders:
        readme = (REPORT / "examples" / name / "README.md").read_text()
        assert f"](examples/{name}) |" in table and len(readme.splitlines()) <= 14
        if name in DECLARED:
            (source,) = (REPORT / "examples" / name).glob("main.*")
            assert "Not compiled here: " in readme and "Not compiled here: " in source.read_text()


@pytest.mark.parametrize("name", DECLARED)
def test_examples_of_libraries_keep_to_the_header(tmp_path, name):
    """Against declarations of our own: no word about the library."""
    for header, text in DECLARED[name].items():
        path = tmp_path / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (source,) = (REPORT / "examples" / name).glob("main.*")
    compiler = ["g++", "-std=c++17"] if source.suffix == ".cc" else ["gcc", "-std=c11"]
    run_quietly(*compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{tmp_path}", f"-I{REPORT}",
                f"-I{REPORT}/examples/plain", source)
