#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "cli/command.h"
#include "cli/url.h"
#include "common/cleanup.h"

#define MAX_WORDS 16

/* Parses a line whose words are separated by single spaces; they live in *text. */
static int parse(struct cli *cli, const char *line, char **text, struct fault *f)
{
	static char *argv[MAX_WORDS];
	int argc = 0;

	*text = strdup(line);
	for (char *p = *text; p;) {
		char *space = strchr(p, ' ');

		argv[argc++] = p;
		if (space)
			*space++ = '\0';
		p = space;
	}
	return cli_parse(cli, argc, argv, f);
}

static void options_stand_anywhere(void **state)
{
	static const char *const lines[] = {"hilda job bundle 17 -o x.tar --json --server http://s",
		"hilda --json --server=http://s job bundle -ox.tar 17",
		"hilda --server http://s job bundle --output=x.tar --json 17",
		"hilda job bundle --server http://s --json --output x.tar -- 17"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_free_ char *text = NULL;
		struct cli cli;
		struct fault f;

		if (parse(&cli, lines[i], &text, &f))
			fail_msg("%s: %s", lines[i], f.text);
		assert_string_equal(cli.command->name, "job bundle");
		assert_true(cli.json);
		assert_string_equal(cli.server, "http://s");
		assert_string_equal(cli_value(&cli, "output"), "x.tar");
		assert_int_equal(cli.n_arguments, 1);
		assert_string_equal(cli.arguments[0], "17");
	}
}

static void the_longest_name_wins(void **state)
{
	_cleanup_free_ char *one = NULL, *two = NULL;
	struct cli cli;
	struct fault f;

	assert_int_equal(parse(&cli, "hilda job 17", &one, &f), 0);
	assert_string_equal(cli.command->name, "job");
	assert_int_equal(parse(&cli, "hilda job bundle 17", &two, &f), 0);
	assert_string_equal(cli.command->name, "job bundle");
}

static void options_may_be_repeated(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct cli cli;
	struct fault f;

	assert_int_equal(parse(&cli, "hilda jobs -l a=1 --label b=2 -n 5 --limit 7", &text, &f), 0);
	assert_string_equal(cli_value_at(&cli, "label", 0), "a=1");
	assert_string_equal(cli_value_at(&cli, "label", 1), "b=2");
	assert_null(cli_value_at(&cli, "label", 2));
	assert_string_equal(cli_value(&cli, "limit"), "7");
	assert_false(cli_has(&cli, "state"));
}

static void every_command_has_what_the_help_shows(void **state)
{
	const struct command *c;
	size_t n = 0;

	for (; (c = command_at(n)); n++) {
		assert_non_null(c->run);
		assert_true(c->min_arguments <= c->max_arguments);
		assert_true(!*c->arguments == !c->max_arguments);
		for (const struct command_option *o = c->options; o && o->name; o++) {
			assert_true(strlen(o->help) > 5);
			for (const struct command_option *p = c->options; p != o; p++) {
				assert_string_not_equal(p->name, o->name);
				assert_true(!o->letter || p->letter != o->letter);
			}
		}
	}
	assert_true(n >= 13);
}

static void near_misses_are_named(void **state)
{
	assert_string_equal(command_nearest("sumbit"), "submit");
	assert_string_equal(command_nearest("board"), "boards");
	assert_string_equal(command_nearest("resutls"), "results");
	assert_null(command_nearest("zebra"));
	assert_null(command_nearest("x"));
	assert_null(command_nearest("averyveryverylongwordthatisnocommandatall"));
}

static void queries_are_encoded(void **state)
{
	_cleanup_(buffer_done) struct buffer url = BUFFER_INIT(64);

	assert_int_equal(buffer_add_text(&url, "/x"), 0);
	assert_int_equal(url_add(&url, "label.a", "b c&d=\xc3\xa4/%"), 0);
	assert_int_equal(url_add(&url, "n", "1"), 0);
	assert_string_equal(url.data, "/x?label.a=b%20c%26d%3D%C3%A4%2F%25&n=1");
	assert_int_equal(url_add(&url, "long", "0123456789012345678901234567890"), -EFBIG);
}

static void exit_codes_by_outcome(void **state)
{
	assert_int_equal(exit_code_of_job("succeeded", "passed"), EXIT_OK);
	assert_int_equal(exit_code_of_job("failed", "timeout"), EXIT_JOB_FAILED);
	assert_int_equal(exit_code_of_job("lost", ""), EXIT_LAB_FAULT);
	assert_int_equal(exit_code_of_job("failed", "infrastructure"), EXIT_LAB_FAULT);
	assert_int_equal(exit_code_worse(EXIT_CANCELED, EXIT_LAB_FAULT), EXIT_LAB_FAULT);
	assert_int_equal(exit_code_worse(EXIT_JOB_FAILED, EXIT_LAB_FAULT), EXIT_JOB_FAILED);
	assert_int_equal(exit_code_worse(EXIT_OK, EXIT_OK), EXIT_OK);
	for (size_t i = 1; exit_code_at(i); i++)
		assert_true(exit_code_at(i)->code > exit_code_at(i - 1)->code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(the_longest_name_wins),
		cmocka_unit_test(options_may_be_repeated),
		cmocka_unit_test(every_command_has_what_the_help_shows),
		cmocka_unit_test(near_misses_are_named),
		cmocka_unit_test(queries_are_encoded),
		cmocka_unit_test(exit_codes_by_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
