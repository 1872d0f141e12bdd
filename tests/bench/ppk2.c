/*
 * How fast a PPK2's bytes become currents, and how small and fast a capture of them is. Prints one JSON
 * object; bench.py judges. The stream is a board's: sleep and work in turn over three ranges, windows
 * on D0 and batches on D1, Gaussian noise of the LSBs given.
 *
 *     ppk2 SAMPLES NOISE_LSB
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <math.h>

#include "common/cleanup.h"
#include "common/numbers.h"
#include "protocols/capture/capture.h"
#include "protocols/ppk2/sample.h"

#define PIECE_BYTES 4096 /* as a tty gives them */
#define TRIES 5

static struct ppk2_converter converter;
static double sink_A; /* so that no work is left out */

/* This thread's own time: the bars are for one core, and other work may be on the machine. */
static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double uniform(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (double)(*state >> 11) / 9007199254740992.0;
}

static double gauss(uint64_t *state)
{
	return sqrt(-2 * log(1 - uniform(state))) * cos(2 * M_PI * uniform(state));
}

static void fill(uint8_t *bytes, size_t n, double noise)
{
	static const struct {
		uint32_t range, level;
	} phases[] = {{0, 900}, {3, 1300}, {3, 1700}, {2, 6000}};
	uint64_t seed = 88172645463325252;

	for (size_t i = 0; i < n; i++) {
		size_t phase = i / 5000 % 4;
		uint32_t adc = (uint32_t)lround(phases[phase].level + noise * gauss(&seed));
		uint32_t logic = phase ? 1 | (i / 500 & 1) << 1 : 0;
		uint32_t word = ppk2_word(adc, phases[phase].range, i & 63, logic);

		for (int b = 0; b < 4; b++)
			bytes[4 * i + b] = (uint8_t)(word >> 8 * b);
	}
}

static void convert(void *arg, const struct ppk2_block *block)
{
	static double currents_A[PPK2_STREAM_BLOCK];

	ppk2_currents_A(&converter, block->words, block->n, currents_A);
	sink_A += currents_A[block->n - 1];
}

static void convert_and_filter(void *arg, const struct ppk2_block *block)
{
	static double currents_A[PPK2_STREAM_BLOCK];

	ppk2_currents_A(&converter, block->words, block->n, currents_A);
	ppk2_filter_all_A(arg, block->words, block->n, currents_A);
	sink_A += currents_A[block->n - 1];
}

static void decode(const uint8_t *bytes, size_t n, ppk2_block_fn give, void *arg)
{
	static struct ppk2_stream s;

	ppk2_stream_init(&s, give, arg);
	for (size_t at = 0; at < n; at += PIECE_BYTES)
		ppk2_stream_feed(&s, bytes + at, n - at < PIECE_BYTES ? n - at : PIECE_BYTES);
	ppk2_stream_end(&s);
}

struct file {
	uint8_t *data;
	size_t n, room;
};

static int append(void *arg, const void *bytes, size_t n)
{
	struct file *f = arg;

	if (n > f->room - f->n)
		return -EFBIG;
	memcpy(f->data + f->n, bytes, n);
	f->n += n;
	return 0;
}

static void write_block(void *arg, const struct ppk2_block *block)
{
	if (capture_write(arg, block))
		abort();
}

/* Also the writer's memory, at the end of its work. */
static size_t write_capture(const uint8_t *bytes, size_t n, struct file *file)
{
	static const struct capture_header header = {
		.mode = PPK2_SOURCE, .voltage_mV = 3300, .metadata = "END\n", .metadata_bytes = 4};
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, after;
	struct capture_writer *w;

	file->n = 0;
	if (capture_writer_new(&header, append, file, &w))
		abort();
	decode(bytes, n, write_block, w);
	after = mallinfo2().uordblks + mallinfo2().hblkhd;
	if (capture_writer_end(w, 0))
		abort();
	capture_writer_free(w);
	return after - before;
}

static void count(void *arg, const struct ppk2_block *block)
{
	*(uint64_t *)arg += block->n;
}

static void read_capture(const struct file *file, uint64_t wanted)
{
	static struct capture_record rec;
	struct capture_reader *r;
	uint64_t samples = 0;
	struct fault f;
	size_t at = 0;

	if (capture_reader_new(&r))
		abort();
	while (capture_read(r, file->data + at, file->n - at, &rec, &f) == 1) {
		at += rec.bytes;
		capture_replay(r, count, &samples);
	}
	capture_reader_free(r);
	if (samples != wanted || at != file->n)
		abort();
}

static double faster(double best, double since_s)
{
	double took = now_s() - since_s;

	return took < best ? took : best;
}

int main(int argc, char **argv)
{
	double noise, copy = INFINITY, plain = INFINITY, filtered = INFINITY, packed = INFINITY;
	double unpacked = INFINITY, t;
	size_t memory = 0, n;
	uint64_t samples;
	struct fault f;

	if (argc != 3 || number_u64(argv[1], 100000, 1 << 28, &samples) ||
		number_f64(argv[2], 0, 1000, &noise) ||
		ppk2_metadata_parse("END\n", 4, &converter.metadata, &f))
		return 2;
	converter.vdd_mV = 3300;
	n = 4 * (size_t)samples;
	_cleanup_free_ uint8_t *bytes = malloc(n), *other = malloc(n);
	_cleanup_free_ uint8_t *room = malloc(n);
	struct file file = {.data = room, .room = n};

	if (!bytes || !other || !room)
		return 2;
	fill(bytes, samples, noise);
	/* In turn, so that a busy machine is busy for all. */
	for (int i = 0; i < TRIES; i++) {
		struct ppk2_filter filter;

		ppk2_filter_reset(&filter);
		t = now_s();
		memcpy(other, bytes, n);
		copy = faster(copy, t);
		t = now_s();
		decode(bytes, n, convert, NULL);
		plain = faster(plain, t);
		t = now_s();
		decode(bytes, n, convert_and_filter, &filter);
		filtered = faster(filtered, t);
		t = now_s();
		memory = write_capture(bytes, n, &file);
		packed = faster(packed, t);
		t = now_s();
		read_capture(&file, samples);
		unpacked = faster(unpacked, t);
	}
	printf("{\"copy\": %.6g, \"decode\": %.6g, \"filter\": %.6g, \"write_MBps\": %.6g, "
	       "\"read_MBps\": %.6g, \"size\": %.6g, \"writer_bytes\": %zu, \"check\": %g}\n",
		(double)samples / copy, (double)samples / plain, (double)samples / filtered,
		(double)n / packed / 1e6, (double)n / unpacked / 1e6, (double)file.n / (double)n,
		memory, sink_A);
	return 0;
}
