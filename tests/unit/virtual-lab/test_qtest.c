#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "virtual-lab/qtest.h"

struct rig {
	struct qtest qtest;
	int ours;
	int peer;
	char said[QTEST_LINE_BYTES];
};

static void open_rig(struct rig *r)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	r->ours = pair[0];
	r->peer = pair[1];
	qtest_init(&r->qtest, r->ours);
}

static void close_rig(struct rig *r)
{
	close(r->ours);
	close(r->peer);
}

static void reply(struct rig *r, const char *line)
{
	assert_int_equal(write(r->peer, line, strlen(line)), (ssize_t)strlen(line));
}

static const char *heard(struct rig *r)
{
	ssize_t n = recv(r->peer, r->said, sizeof(r->said) - 1, MSG_DONTWAIT);

	r->said[n > 0 ? n : 0] = 0;
	return r->said;
}

static void words_of_every_width(void **state)
{
	struct rig r;
	uint32_t v = 0;

	open_rig(&r);
	reply(&r, "OK 0x00000000410fd221\n");
	assert_int_equal(qtest_read(&r.qtest, 0xe000ed00, 4, &v), 0);
	assert_int_equal(v, 0x410fd221);
	assert_string_equal(heard(&r), "readl 0xe000ed00\n");
	reply(&r, "OK 0x12\n");
	assert_int_equal(qtest_read(&r.qtest, 1, 1, &v), 0);
	assert_string_equal(heard(&r), "readb 0x1\n");
	reply(&r, "OK\n");
	assert_int_equal(qtest_write(&r.qtest, 2, 2, 0xbeef), 0);
	assert_string_equal(heard(&r), "writew 0x2 0xbeef\n");
	close_rig(&r);
}

static void blocks_are_base64_in_pieces(void **state)
{
	struct rig r;
	uint8_t data[QTEST_BLOCK_BYTES + 3] = "abc";

	open_rig(&r);
	reply(&r, "OK\n");
	assert_int_equal(qtest_write_block(&r.qtest, 0x20, data, 3), 0);
	assert_string_equal(heard(&r), "b64write 0x20 0x3 YWJj\n");
	reply(&r, "OK eHl6\n");
	assert_int_equal(qtest_read_block(&r.qtest, 0x20, data, 3), 0);
	assert_memory_equal(data, "xyz", 3);
	assert_string_equal(heard(&r), "b64read 0x20 0x3\n");
	/* Too few bytes are an error. */
	reply(&r, "OK eHl6\n");
	assert_int_equal(qtest_read_block(&r.qtest, 0x20, data, 4), -EPROTO);
	close_rig(&r);
}

static void refusals_and_rubbish(void **state)
{
	static const char *const bad[] = {"FAIL Unknown command\n", "ERR\n", "OK\n", "OK zz\n"};
	struct rig r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t v = 9;

		open_rig(&r);
		reply(&r, bad[i]);
		assert_int_equal(qtest_read(&r.qtest, 0, 4, &v), -EPROTO);
		assert_int_equal(v, 9);
		close_rig(&r);
	}
}

static void a_peer_that_went_is_an_error(void **state)
{
	struct rig r;

	open_rig(&r);
	close(r.peer);
	assert_int_equal(qtest_write(&r.qtest, 0, 4, 0), -EPIPE);
	close(r.ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_every_width),
		cmocka_unit_test(blocks_are_base64_in_pieces),
		cmocka_unit_test(refusals_and_rubbish),
		cmocka_unit_test(a_peer_that_went_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
