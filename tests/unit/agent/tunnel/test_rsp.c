/* What of gdb's bytes goes on to OpenOCD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tunnel/rsp.h"

struct feed {
	struct rsp_filter filter;
	struct buffer out;
	struct fault fault;
};

static int set_up(void **state)
{
	struct feed *x = calloc(1, sizeof(*x));

	rsp_filter_init(&x->filter);
	x->out = BUFFER_INIT(1 << 20);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct feed *x = *state;

	buffer_done(&x->out);
	free(x);
	return 0;
}

static const char *feed(struct feed *x, const char *text)
{
	buffer_clear(&x->out);
	assert_int_equal(rsp_filter_feed(&x->filter, text, strlen(text), &x->out, &x->fault), 0);
	return x->out.data ? x->out.data : "";
}

/* A packet around the words, as gdb makes it. */
static const char *monitor(const char *head, const char *words)
{
	static char text[2000];
	uint8_t sum = 0;
	size_t n = (size_t)snprintf(text, sizeof(text), "$%s", head);

	for (const char *p = words; *p; p++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%02x", (unsigned char)*p);
	for (const char *p = text + 1; *p; p++)
		sum = (uint8_t)(sum + (uint8_t)*p);
	snprintf(text + n, sizeof(text) - n, "#%02x", sum);
	return text;
}

static void other_packets_pass_whole(void **state)
{
	struct feed *x = *state;

	assert_string_equal(
		feed(x, "+$qSupported:multiprocess+#c6"), "+$qSupported:multiprocess+#c6");
	assert_string_equal(feed(x, "$m0,4#fd+\x03-"), "$m0,4#fd+\x03-");
	assert_string_equal(feed(x, "$X20,1:}\x03#d3"), "$X20,1:}\x03#d1");
	/* An escaped end is no end. */
	assert_string_equal(feed(x, "$X0,1:}##00"), "$X0,1:}##bf");
}

static void bytes_between_packets_do_not(void **state)
{
	struct feed *x = *state;

	assert_string_equal(feed(x, "exec touch x\n+junk#00$g#67qRcmd,00#11"), "+$g#67");
}

static void packets_come_in_pieces(void **state)
{
	struct feed *x = *state;

	assert_string_equal(feed(x, "$"), "");
	assert_string_equal(feed(x, "m0,"), "");
	assert_string_equal(feed(x, "4#f"), "");
	assert_string_equal(feed(x, "d"), "$m0,4#fd");
}

static void commands_of_the_list_pass_in_our_own_words(void **state)
{
	static const char *const words[] = {"halt", "resume", "reset", "reset halt", "reset init",
		"reset run", "reg", "targets", "poll", "wait_halt", "version"};
	struct feed *x = *state;
	char blanks[32], wanted[200];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(wanted, sizeof(wanted), "%s", monitor("qRcmd,", words[i]));
		assert_string_equal(feed(x, wanted), wanted);
		snprintf(blanks, sizeof(blanks), "  %s ", words[i]);
		assert_string_equal(feed(x, monitor("qRcmd,", blanks)), wanted);
	}
}

/* The constant, whatever was asked. */
static void everything_else_becomes_one_constant(void **state)
{
	static const char *const words[] = {"exec touch x", "halt; exec touch x",
		"halt\nexec touch x", "halt\texec", "[exec touch x]", "$x", "reset halt;", "HALT",
		"halt\\", "reset  halt", " ", "reset halt\r", "shutdown",
		"halthalthalthalthalthalthalthalthalthalthalthalthalthalthalt"};
	struct feed *x = *state;
	char constant[1000];

	snprintf(constant, sizeof(constant), "%s", feed(x, monitor("qRcmd,", "exec ls")));
	assert_non_null(strstr(constant, "$qRcmd,6563686f207b")); /* echo { */
	assert_null(strstr(constant, "65786563"));		  /* exec */
	assert_non_null(strstr(constant, "7d#"));		  /* } */
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_string_equal(feed(x, monitor("qRcmd,", words[i])), constant);
	assert_string_equal(feed(x, "$qRcmd,#00"), constant);
	assert_string_equal(feed(x, "$qRcmd#00"), constant);
	assert_string_equal(feed(x, "$qRcmd,zz#00"), constant);
	assert_string_equal(feed(x, "$qRcmd,686#00"), constant);
	assert_string_equal(feed(x, monitor("qRcmd;", "halt")), constant);
	/* OpenOCD undoes escapes in each packet: } and r is R. */
	assert_string_equal(feed(x, "$q}rcmd,6578#00"), constant);
	assert_string_equal(feed(x, "$}QRcmd,6578#00"), constant);
	/* A packet within a packet. */
	assert_string_equal(feed(x, "$m0,4$qRcmd,6578#00"), constant);
}

static void a_packet_that_openocd_cannot_hold_ends_it(void **state)
{
	struct feed *x = *state;
	char much[1000];
	int rc = 0;

	memset(much, 'm', sizeof(much));
	assert_int_equal(rsp_filter_feed(&x->filter, "$", 1, &x->out, &x->fault), 0);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(
			rsp_filter_feed(&x->filter, much, sizeof(much), &x->out, &x->fault), 0);
	rc = rsp_filter_feed(&x->filter, much, sizeof(much), &x->out, &x->fault);
	assert_int_equal(rc, -EMSGSIZE);
	assert_int_equal(x->out.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_packets_pass_whole),
		TEST(bytes_between_packets_do_not),
		TEST(packets_come_in_pieces),
		TEST(commands_of_the_list_pass_in_our_own_words),
		TEST(everything_else_becomes_one_constant),
		TEST(a_packet_that_openocd_cannot_hold_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
