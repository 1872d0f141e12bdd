#include "cli/progress.h"

#include <string.h>
#include <unistd.h>

#include "cli/escape.h"

#define BAR_COLUMNS 30

void progress_start(struct progress *p, FILE *out, size_t total, int64_t now_ns)
{
	*p = (struct progress){
		.out = out, .terminal = isatty(fileno(out)), .total = total, .start_ns = now_ns};
	progress_draw(p, now_ns);
}

void progress_step(struct progress *p, bool failed, const char *text, int64_t now_ns)
{
	p->done++;
	p->failed += failed;
	if (p->terminal)
		fputs("\r\033[K", p->out);
	fprintf(p->out, "%zu/%zu ", p->done, p->total);
	escape_print(p->out, text, strlen(text), false);
	fputc('\n', p->out);
	progress_draw(p, now_ns);
}

void progress_draw(const struct progress *p, int64_t now_ns)
{
	size_t filled = p->total ? p->done * BAR_COLUMNS / p->total : BAR_COLUMNS;
	int seconds = (int)((now_ns - p->start_ns) / 1000000000);

	if (!p->terminal)
		return;
	fputs("\r\033[K[", p->out);
	for (size_t i = 0; i < BAR_COLUMNS; i++)
		fputc(i < filled ? '#' : '.', p->out);
	fprintf(p->out, "] %zu/%zu", p->done, p->total);
	if (p->active)
		fprintf(p->out, ", %zu active", p->active);
	if (p->failed)
		fprintf(p->out, ", %zu not passed", p->failed);
	fprintf(p->out, ", %d:%02d", seconds / 60, seconds % 60);
	fflush(p->out);
}

void progress_end(const struct progress *p)
{
	if (p->terminal)
		fputc('\n', p->out);
}
