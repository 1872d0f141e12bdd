#include "core/fault.h"

#include "core/reset.h"
#include "core/run.h"

static void put(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	port_write(bytes, n);
}

void fault_report(const struct fault_state *f)
{
	static struct hilda_report last_words;

	port_console_init();
	hilda_report_init(&last_words, put, NULL);
	/* The line that was being sent ends here. */
	hilda_report_plain(&last_words, "");
	hilda_report_open(&last_words, 'X');
	hilda_report_text(&last_words, "kind", f->kind);
	hilda_report_hex(&last_words, "pc", f->pc);
	hilda_report_hex(&last_words, "lr", f->lr);
	hilda_report_hex(&last_words, "sp", f->sp);
	hilda_report_hex(&last_words, "xpsr", f->xpsr);
	hilda_report_hex(&last_words, "cfsr", f->cfsr);
	hilda_report_hex(&last_words, "hfsr", f->hfsr);
	hilda_report_hex(&last_words, "mmfar", f->mmfar);
	hilda_report_hex(&last_words, "bfar", f->bfar);
	if (f->message)
		hilda_report_text(&last_words, "msg", f->message);
	hilda_report_close(&last_words);
	reset_now(f->kind[0] == 'w' ? RESET_WATCHDOG : RESET_SOFT);
}

void fault_assert(const char *what, uint32_t pc)
{
	struct fault_state f = {.kind = "assert", .message = what, .pc = pc};

	fault_report(&f);
}
