#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "common/buffer.h"
#include "common/cleanup.h"
#include "protocols/capture/capture.h"
#include "tests/unit/protocols/ppk2/vector.h"

#define FILE_LIMIT (16 << 20)

/* What a stream gave, as one value for each word: compared before and after. */
struct row {
	uint64_t index, invalid; /* no padding */
	uint32_t word, lost_before;
};

struct rows {
	struct buffer bytes;
	struct capture_writer *writer;
};

static void note(void *arg, const struct ppk2_block *block)
{
	struct rows *rows = arg;

	assert_true(block->n >= 1 && block->n <= PPK2_STREAM_BLOCK);
	for (size_t i = 0; i < block->n; i++) {
		struct row r = {block->index + i, block->invalid, block->words[i],
			i ? 0 : block->lost_before};

		assert_int_equal(buffer_add(&rows->bytes, &r, sizeof(r)), 0);
	}
	if (rows->writer)
		assert_int_equal(capture_write(rows->writer, block), 0);
}

static int sink(void *arg, const void *bytes, size_t n)
{
	assert_true(n <= CAPTURE_RECORD_MAX_BYTES);
	return buffer_add(arg, bytes, n);
}

static struct capture_header header(const char *metadata, size_t n)
{
	struct capture_header h = {
		.serial = "C0FFEE",
		.mode = PPK2_SOURCE,
		.voltage_mV = 3300,
		.started_at_ms = 1700000000123,
		.is_virtual = true,
		.metadata_bytes = n,
	};

	memcpy(h.metadata, metadata, n);
	return h;
}

static void capture(const struct vector *v, struct buffer *file, struct rows *rows)
{
	struct capture_header h = header(v->metadata, v->n_metadata);
	struct ppk2_stream s;

	assert_int_equal(capture_writer_new(&h, sink, file, &rows->writer), 0);
	ppk2_stream_init(&s, note, rows);
	vector_feed(&s, v->raw, v->n_raw, 500, 3);
	assert_int_equal(capture_writer_end(rows->writer, 4000123), 0);
	capture_writer_free(rows->writer);
	rows->writer = NULL;
}

/* Records that are whole from the front; the fault of the first that is not. */
static int replay(const char *data, size_t n, struct rows *rows, struct capture_record *last)
{
	struct capture_reader *r;
	struct fault f;
	int got, records = 0;

	assert_int_equal(capture_reader_new(&r), 0);
	for (;; records++) {
		got = capture_read(r, data, n, last, &f);
		if (got != 1)
			break;
		data += last->bytes;
		n -= last->bytes;
		capture_replay(r, note, rows);
	}
	capture_reader_free(r);
	return got ? got : records;
}

static void golden_streams_come_back_exactly(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(vector_names); i++) {
		struct vector v = vector_load(vector_names[i]);
		struct buffer file = BUFFER_INIT(FILE_LIMIT);
		struct rows in = {BUFFER_INIT(FILE_LIMIT)}, out = {BUFFER_INIT(FILE_LIMIT)};
		static struct capture_record last;
		int received, lost, invalid;

		capture(&v, &file, &in);
		assert_int_equal(replay(file.data, file.n, &out, &last), in.bytes.n ? 3 : 2);
		assert_int_equal(in.bytes.n, out.bytes.n);
		if (in.bytes.n)
			assert_memory_equal(in.bytes.data, out.bytes.data, in.bytes.n);
		assert_int_equal(json_unpack(v.expected, "{s:i,s:i,s:i}", "received", &received,
					 "lost", &lost, "invalid", &invalid),
			0);
		assert_int_equal(last.kind, CAPTURE_END);
		assert_int_equal(last.samples, received);
		assert_int_equal(last.lost, lost);
		assert_int_equal(last.invalid, invalid);
		assert_int_equal(last.host_us, 4000123);
		buffer_done(&file);
		buffer_done(&in.bytes);
		buffer_done(&out.bytes);
		vector_free(&v);
	}
}

static void the_header_comes_back(void **state)
{
	static const char text[] = "R0: 1 \"quoted\" \\\n\x01\xc3\xa9\nEND\n\0behind";
	struct capture_header h = header(text, sizeof(text));
	struct buffer file = BUFFER_INIT(FILE_LIMIT);
	static struct capture_record rec;
	struct capture_writer *w;
	struct capture_reader *r;
	struct fault f;

	h.mode = PPK2_AMPERE;
	assert_int_equal(capture_writer_new(&h, sink, &file, &w), 0);
	capture_writer_free(w);
	assert_int_equal(capture_reader_new(&r), 0);
	assert_int_equal(capture_read(r, file.data, file.n, &rec, &f), 1);
	assert_int_equal(rec.kind, CAPTURE_HEADER);
	assert_int_equal(rec.bytes, file.n);
	assert_string_equal(rec.header.serial, h.serial);
	assert_int_equal(rec.header.mode, PPK2_AMPERE);
	assert_int_equal(rec.header.voltage_mV, 3300);
	assert_int_equal(rec.header.started_at_ms, h.started_at_ms);
	assert_true(rec.header.is_virtual);
	assert_int_equal(rec.header.metadata_bytes, sizeof(text));
	assert_memory_equal(rec.header.metadata, text, sizeof(text));
	capture_reader_free(r);
	buffer_done(&file);
	/* Not UTF-8; longer than a unit's can be. */
	h.metadata[3] = '\xff';
	assert_int_equal(capture_writer_new(&h, sink, &file, &w), -EINVAL);
	h.metadata_bytes = PPK2_METADATA_MAX_BYTES + 1;
	assert_int_equal(capture_writer_new(&h, sink, &file, &w), -EINVAL);
	capture_writer_free(NULL);
	capture_reader_free(NULL);
}

/* Random blocks over many records: odd counters, the reserved bit, gaps of any size, invalid words. */
static void random_blocks_come_back_exactly(void **state)
{
	for (uint32_t seed = 1; seed <= 12; seed++) {
		struct buffer file = BUFFER_INIT(FILE_LIMIT);
		struct rows in = {BUFFER_INIT(FILE_LIMIT)}, out = {BUFFER_INIT(FILE_LIMIT)};
		struct capture_header h = header("END\n", 4);
		static struct capture_record last;
		uint32_t r = seed * 2654435761u, words[PPK2_STREAM_BLOCK];
		uint64_t index = 0;
		/* Short blocks hit the limit of gaps and spans in one record. */
		uint32_t longest = seed % 3 ? PPK2_STREAM_BLOCK : 3;

		assert_int_equal(capture_writer_new(&h, sink, &file, &in.writer), 0);
		while (in.bytes.n < 150000 * sizeof(struct row)) {
			struct ppk2_block block = {.words = words};

			block.lost_before = vector_random(&r) & 1 ? vector_random(&r) % 3000 : 0;
			if (vector_random(&r) % 1000 == 0)
				block.lost_before = UINT32_MAX;
			block.n = 1 + vector_random(&r) % longest;
			block.invalid = vector_random(&r) & 1;
			block.index = index + block.lost_before;
			for (size_t i = 0; i < block.n; i++) {
				words[i] = vector_random(&r);
				if (seed & 1)
					words[i] = (words[i] & ~(63u << 18)) |
						((block.index + i) & 63) << 18;
			}
			note(&in, &block);
			index = block.index + block.n;
		}
		assert_int_equal(capture_writer_end(in.writer, 1), 0);
		capture_writer_free(in.writer);
		assert_true(replay(file.data, file.n, &out, &last) > 2);
		assert_int_equal(in.bytes.n, out.bytes.n);
		assert_memory_equal(in.bytes.data, out.bytes.data, in.bytes.n);
		buffer_done(&file);
		buffer_done(&in.bytes);
		buffer_done(&out.bytes);
	}
}

static void what_does_not_follow_is_refused_for_good(void **state)
{
	struct buffer file = BUFFER_INIT(FILE_LIMIT);
	struct capture_header h = header("END\n", 4);
	struct capture_writer *w;
	uint32_t word = 0;
	struct ppk2_block block = {.index = 5, .words = &word, .n = 1};

	assert_int_equal(capture_writer_new(&h, sink, &file, &w), 0);
	assert_int_equal(capture_write(w, &block), 0);
	block.index = 7;
	assert_int_equal(capture_write(w, &block), -EINVAL);
	block.index = 6;
	assert_int_equal(capture_write(w, &block), -EINVAL);
	assert_int_equal(capture_writer_end(w, 1), -EINVAL);
	capture_writer_free(w);
	buffer_done(&file);
	file = BUFFER_INIT(600);
	assert_int_equal(capture_writer_new(&h, sink, &file, &w), 0);
	block = (struct ppk2_block){.index = 9, .lost_before = 9, .words = &word, .n = 1};
	assert_int_equal(capture_write(w, &block), 0);
	file.limit = file.n;
	assert_int_equal(capture_writer_end(w, 1), -EFBIG);
	capture_writer_free(w);
	buffer_done(&file);
}

/* At each length the records before are whole, and nothing is made up behind them. */
static void a_cut_file_is_read_up_to_its_cut(void **state)
{
	struct vector v = vector_load("torn");
	struct buffer file = BUFFER_INIT(FILE_LIMIT);
	struct rows in = {BUFFER_INIT(FILE_LIMIT)};
	static struct capture_record rec;
	size_t ends[3], at = 0;
	struct capture_reader *r;
	struct fault f;

	capture(&v, &file, &in);
	assert_int_equal(capture_reader_new(&r), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(capture_read(r, file.data + at, file.n - at, &rec, &f), 1);
		at += rec.bytes;
		ends[i] = at;
	}
	assert_int_equal(at, file.n);
	for (size_t n = 0; n < file.n; n++) {
		/* Its own copy, so that a sanitizer sees a read behind the end. */
		char *cut = malloc(n ? n : 1);
		struct rows out = {BUFFER_INIT(FILE_LIMIT)};
		int records;

		memcpy(cut, file.data, n);
		records = replay(cut, n, &out, &rec);
		assert_int_equal(records, (n >= ends[0]) + (n >= ends[1]));
		assert_int_equal(out.bytes.n, n >= ends[1] ? in.bytes.n : 0);
		buffer_done(&out.bytes);
		free(cut);
	}
	capture_reader_free(r);
	buffer_done(&file);
	buffer_done(&in.bytes);
	vector_free(&v);
}

static void every_flipped_bit_is_found(void **state)
{
	struct vector v = vector_load("torn");
	struct buffer file = BUFFER_INIT(FILE_LIMIT);
	struct rows in = {BUFFER_INIT(FILE_LIMIT)};
	static struct capture_record rec;
	int damaged = 0, cut = 0;

	capture(&v, &file, &in);
	for (size_t bit = 0; bit < 8 * file.n; bit++) {
		struct rows out = {BUFFER_INIT(FILE_LIMIT)};
		int got;

		file.data[bit / 8] ^= (char)(1 << bit % 8);
		got = replay(file.data, file.n, &out, &rec);
		/* 3 would be a whole file; fewer: the length was hit and the file seems cut. */
		assert_true(got == -EBADMSG || (got >= 0 && got < 3));
		damaged += got == -EBADMSG;
		cut += got >= 0;
		assert_true(out.bytes.n == 0 || out.bytes.n == in.bytes.n);
		if (out.bytes.n)
			assert_memory_equal(out.bytes.data, in.bytes.data, in.bytes.n);
		buffer_done(&out.bytes);
		file.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_true(damaged > 0 && cut <= 16);
	buffer_done(&file);
	buffer_done(&in.bytes);
	vector_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_streams_come_back_exactly),
		cmocka_unit_test(the_header_comes_back),
		cmocka_unit_test(random_blocks_come_back_exactly),
		cmocka_unit_test(what_does_not_follow_is_refused_for_good),
		cmocka_unit_test(a_cut_file_is_read_up_to_its_cut),
		cmocka_unit_test(every_flipped_bit_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
