/*
 * What every number on these pages means: the one table that tiles, column heads and the help page
 * take their words from. Better: which direction is an improvement.
 */
export const METRICS = {
	latency_us: {
		title: "Latency", better: "lower",
		help: "One inference: input copied in, model invoked, output read. The cost of the empty " +
			"loop is measured, subtracted and reported. Cold is the first inference after a " +
			"reset; warm are the later ones, after the warm-up count.",
	},
	boot_us: {
		title: "Boot", better: "lower",
		help: "From reset to main().",
	},
	load_us: {
		title: "Load", better: "lower",
		help: "Model checked and arena planned, before the first inference.",
	},
	throughput_ips: {
		title: "Throughput", better: "higher",
		help: "n inferences divided by the time of the whole window.",
	},
	instructions: {
		title: "Instructions", better: "lower",
		help: "Virtual boards only: instructions that one inference executes, counted exactly and " +
			"the same in every run. It is not a time and no claim about silicon.",
	},
	energy_uJ: {
		title: "Energy", better: "lower",
		help: "Gross energy of one inference: everything that flowed in its window on the power " +
			"profiler. Modelled energy is marked and never ranked.",
	},
	energy_net_uJ: {
		title: "Net energy", better: "lower",
		help: "Energy of one inference above idle, which is measured before the window: waiting " +
			"for an interrupt at the same clocks, for a second.",
	},
	energy_filtered_uJ: {
		title: "Filtered energy", better: "lower",
		help: "Gross energy of one inference as the desktop application would show it, with the " +
			"spikes at changes of range smoothed away. Beside the unfiltered one, never in its place.",
	},
	charge_uC: {
		title: "Charge", better: "lower",
		help: "Charge of one inference, gross: the sum over samples of current times 10 µs.",
	},
	current_uA: {
		title: "Current", better: "lower",
		help: "Mean supply current over one inference.",
	},
	current_peak_uA: {
		title: "Peak over 10 µs", better: "lower",
		help: "Largest single sample within the measured window.",
	},
	current_peak_1ms_uA: {
		title: "Peak over 1 ms", better: "lower",
		help: "Largest mean over 100 samples within the measured window: what a supply has to give.",
	},
	idle_uA: {
		title: "Idle", better: "lower",
		help: "Current of the waiting board before the window; net energy subtracts it.",
	},
	energy_per_day_mJ: {
		title: "Energy per day", better: "lower",
		help: "At the job's duty cycle: its inferences of a day, and idle in between.",
	},
	battery_days: {
		title: "Battery", better: "higher",
		help: "Days on the battery that the job states, at its duty cycle; no self-discharge, no " +
			"losses of a regulator.",
	},
	sram_peak_bytes: {
		title: "Peak SRAM", better: "lower",
		help: "data + bss + peak of the stack (painted) + peak of the heap. An arena that lies in " +
			"bss is not added again.",
	},
	overhead_us: {
		title: "Empty loop", better: "lower", help:
			"What measuring itself costs; already subtracted from every latency.",
	},
	arena_size_bytes: { title: "Arena size", better: "lower", help:
		"Room that the image keeps for the tensor arena." },
	arena_bytes: { title: "Arena", better: "lower", help: "Tensor arena in use at its peak." },
	stack_bytes: { title: "Stack peak", better: "lower", help:
		"Deepest use of the painted stack." },
	heap_bytes: { title: "Heap peak", better: "lower", help: "Largest use of the heap." },
	flash_bytes: {
		title: "Flash", better: "lower",
		help: "Loaded segments in flash: code, read-only data, and the image of initialised data.",
	},
	ram_static_bytes: { title: "Static RAM", better: "lower", help:
		"data + bss of the image." },
	weights_bytes: {
		title: "Weights", better: "lower", help:
			"The model's weights within flash; embeddings count.",
	},
	accuracy: {
		title: "Accuracy", better: "higher",
		help: "Share of right predictions. A hundred samples on a device cannot resolve half a " +
			"point: the full set is computed on the host with the same integer kernels, and the " +
			"device proves that it agrees.",
	},
	f1: { title: "F1", better: "higher", help: "Of the positive class that is named with it." },
	agreement: { title: "Agreement", better: "higher", help:
		"Share of predictions equal to those of the host build of the same integer kernels." },
	logits_equal: { title: "Equal logits", better: "higher", help:
		"Share of samples whose logits are the host build's, bit for bit." },
	correct: { title: "Right", better: "higher", help:
		"Each sample in the list's order: 1 where the predicted class is right." },
	layer_us: { title: "Parts", better: "lower", help:
		"Median time of each part of an inference, from a run of its own." },
	worst_us: { title: "Slowest input found", better: "lower", help:
		"The slowest of the inputs that the job's search tried, over and over. Not a bound." },
	search_us: { title: "Inputs of the search", better: "lower", help:
		"Each input that was tried, once: the list's first, then drawn and changed ones." },
	latency_p50_length_us: { title: "Latency at the median length", better: "lower", help:
		"One inference on text as long as half of the inputs at most are." },
	latency_p95_length_us: { title: "Latency at the p95 length", better: "lower", help:
		"One inference on text as long as 95 % of the inputs at most are." },
	latency_p99_length_us: { title: "Latency at the p99 length", better: "lower", help:
		"One inference on text as long as 99 % of the inputs at most are." },
	worst_instructions: { title: "Slowest input found", better: "lower", help:
		"Guest instructions on the slowest of the inputs that the search tried. Not a bound." },
	search_instructions: { title: "Inputs of the search", better: "lower", help:
		"Guest instructions of each input that was tried, once." },
	instructions_p50_length: { title: "At the median length", better: "lower", help:
		"Guest instructions on text as long as half of the inputs at most are." },
	instructions_p95_length: { title: "At the p95 length", better: "lower", help:
		"Guest instructions on text as long as 95 % of the inputs at most are." },
	instructions_p99_length: { title: "At the p99 length", better: "lower", help:
		"Guest instructions on text as long as 99 % of the inputs at most are." },
};

export const LAG_1 = "Correlation of each value with the one before, −1 to 1. Far from 0 means that n " +
	"counts for less than independent values would.";

export const STATISTICS = [
	["p50, p95, p99", "Order statistics of the samples, each with a two-sided 95 % interval from order " +
		"statistics too. A quantile is blank where n cannot carry the interval: it needs n ≥ 6 " +
		"for p50, 72 for p95, 368 for p99."],
	["within one boot", "The interval knows nothing of what changes from boot to boot (layout, clock " +
		"calibration). Ask for warm.boots ≥ 5 to get intervals across boots."],
	["max observed", "The largest of n values, over as many different inputs as are named. Not a bound."],
	["lag-1", LAG_1],
	["± deviation", "Standard deviation of the values around their mean; a long tail makes it large. It is " +
		"no interval of the mean."],
	["distinct", "How many different counts were seen over the inputs; 1 means that the count does not " +
		"depend on the input."],
];

export const ENERGY_WORDS = [
	["modelled", "Energy of a virtual board comes from a table of currents by activity: it restates " +
		"time, tests the pipeline, and is never ranked, averaged or compared with measured energy."],
	["window, batch", "A pin is high for the whole measured window; a second one toggles with each " +
		"batch of inferences. A batch is as small as the meter can resolve; its energy is divided " +
		"by its inferences."],
	["valid", "The second pin's edges match the inferences, the window's width agrees with the " +
		"device's own time, and no sample is missing. Otherwise there are no numbers, and the " +
		"reason stands in their place."],
	["host-time", "No wire marks the window: its ends are the host's times of command and answer. " +
		"Such numbers are approximate and say so wherever they stand."],
	["lost, invalid, clipped", "Lost samples are gaps: hatched in the plot, never filled. Invalid " +
		"ones stand beside a break in the stream. Clipped ones were beyond the meter's range."],
	["debug", "Whether the debugger was gone while energy was measured; only detached is ranked."],
	["the meter's own error", "A gain error of 10 to 15 % that does not average out. Compare on one " +
		"unit: a run names the unit's serial and the hash of its calibration."],
];

export const OUTCOMES = [
	["passed", "The firmware's verdict is ok and every criterion of the job holds."],
	["failed", "The firmware's own verdict, or a criterion that does not hold."],
	["infrastructure", "Probe, serial port, power or agent. The only outcome that is tried again."],
	["configuration", "The job asks for what cannot be: wrong machine, unknown key, a clock that is off."],
	["timeout", "A stage took longer than the job allows."],
	["canceled", "Somebody said stop."],
	["lost", "The agent went away and no attempt is left."],
];

const STATS = {
	value: "", p50: "p50", p95: "p95", p99: "p99", max: "max", min: "min", mean: "mean", sd:
		"sd",
};

/* warm.latency_us.p95 -> {phase, metric, stat, unit, title} */
export function address(text) {
	const [phase, metric, stat] = String(text).split(".");
	const plain = ["warm", "memory", "footprint", "energy"].includes(phase);
	const title = [
		plain ? "" : phase,
		plain ?
			METRICS[metric]?.title ?? metric
			: METRICS[metric]?.title.toLowerCase() ?? metric,
		STATS[stat] ?? stat,
	].filter(Boolean).join(" ");
	return { phase, metric, stat, unit: unitOf(metric), title:
		title.charAt(0).toUpperCase() + title.slice(1) };
}

export function unitOf(metric = "") {
	return /_(us|bytes|uJ|mJ|uC|uA|ips|days)$/.exec(metric)?.[1] ?? "";
}
