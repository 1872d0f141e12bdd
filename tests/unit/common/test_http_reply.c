#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/http_reply.h"

#define REPLY                                                                     \
	{                                                                         \
		.status = 400, .body = BUFFER_INIT(1 << 16), .upload_offset = -1, \
		.retry_after_ms = -1                                              \
	}

static void a_problem_becomes_words(void **state)
{
	struct http_reply reply = REPLY;
	struct fault f = {0};

	assert_int_equal(http_reply_fault(&reply, &f), -EPROTO);
	assert_string_equal(f.text, "the server answered with HTTP status 400");
	assert_int_equal(
		buffer_add_text(&reply.body,
			"{\"title\":\"t\",\"detail\":\"unknown key 'x'\",\"pointer\":\"/board/x\","
			"\"known\":[\"type\",\"tags\"]}     "),
		0);
	assert_int_equal(http_reply_fault(&reply, &f), -EPROTO);
	assert_string_equal(f.text, "unknown key 'x' (at /board/x); known: type, tags");
	http_reply_done(&reply);
}

static void what_is_known_and_no_text_is_passed_over(void **state)
{
	struct http_reply reply = REPLY;
	struct fault f = {0};

	assert_int_equal(
		buffer_add_text(&reply.body, "{\"title\":\"t\",\"known\":[null,\"a\",7,\"b\"]}"),
		0);
	assert_int_equal(http_reply_fault(&reply, &f), -EPROTO);
	assert_string_equal(f.text, "t; known: a, b");
	http_reply_done(&reply);
}

static void a_long_problem_keeps_its_first_words(void **state)
{
	struct http_reply reply = REPLY;
	struct fault f = {0};

	assert_int_equal(buffer_printf(&reply.body, "{\"detail\":\"the board %02000d\"}", 7), 0);
	assert_int_equal(http_reply_fault(&reply, &f), -EPROTO);
	assert_int_equal(strncmp(f.text, "the board 0000", 14), 0);
	http_reply_done(&reply);
}

static void hear(struct http_reply *reply, const char *line)
{
	http_reply_header(reply, line, strlen(line));
}

static void headers_are_read_whatever_their_case_and_others_passed_over(void **state)
{
	struct http_reply reply = REPLY;

	hear(&reply, "Locations: /x\r\n");
	hear(&reply, "Upload-Offset: 12x\r\n");
	hear(&reply, "Retry-After: 86401\r\n");
	assert_string_equal(reply.location, "");
	assert_int_equal(reply.upload_offset, -1);
	assert_int_equal(reply.retry_after_ms, -1);
	hear(&reply, "location:/api/v1/jobs/7 \r\n");
	hear(&reply, "UPLOAD-OFFSET: 12\r\n");
	hear(&reply, "Retry-After:\t3\r\n");
	assert_string_equal(reply.location, "/api/v1/jobs/7");
	assert_int_equal(reply.upload_offset, 12);
	assert_int_equal(reply.retry_after_ms, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_problem_becomes_words),
		cmocka_unit_test(what_is_known_and_no_text_is_passed_over),
		cmocka_unit_test(a_long_problem_keeps_its_first_words),
		cmocka_unit_test(headers_are_read_whatever_their_case_and_others_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
