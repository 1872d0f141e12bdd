#include "agent/bench/heard.h"

#include <errno.h>
#include <string.h>

#include "agent/bench/words.h"
#include "common/clock.h"

void heard_bytes(struct heard *h, const char *data, size_t n)
{
	size_t late = 0;

	/* A line's end that comes late belongs to what was said before. */
	while (!h->bytes && late < n && (data[late] == '\r' || data[late] == '\n'))
		late++;
	h->bytes += n - late;
	h->total_bytes += n;
	if (n >= HEARD_TAIL_BYTES) {
		memcpy(h->tail, data + n - HEARD_TAIL_BYTES, HEARD_TAIL_BYTES);
		h->n_tail = HEARD_TAIL_BYTES;
		return;
	}
	if (h->n_tail + n > HEARD_TAIL_BYTES) {
		size_t drop = h->n_tail + n - HEARD_TAIL_BYTES;

		memmove(h->tail, h->tail + drop, h->n_tail - drop);
		h->n_tail -= drop;
	}
	memcpy(h->tail + h->n_tail, data, n);
	h->n_tail += n;
}

int heard_fault_timeout(
	const struct heard *h, const char *asked, int64_t waited_ns, struct fault *f)
{
	double waited_s = (double)(waited_ns / CLOCK_NS_PER_MS) / 1000;
	char words[WORDS_BYTES];

	/* Good lines among much noise: it is the wire; nothing but noise: it is the firmware. */
	if (h->good_lines && h->noise_bytes > h->total_bytes / 4) {
		words_escape(h->tail, h->n_tail, words);
		return fault_set(f, EBADMSG,
			"the console is disturbed: %zu of %zu bytes that came after %s belong to no whole "
			"line; the last bytes: %s; look at its cable and baud rate",
			h->noise_bytes, h->total_bytes, asked, words);
	}
	words_last_line(h->tail, h->n_tail, words);
	if (h->bytes == 0)
		return fault_set(f, ETIMEDOUT,
			"the firmware is silent: not a byte came in %.1f s after %s%s%s%s%s",
			waited_s, asked, words[0] ? "; its last words were '" : "", words,
			words[0] ? "'" : "",
			h->total_bytes ? ""
				       : "; is the image built for this board and its console?");
	if (h->good_lines == 0 && words_is_binary(h->tail, h->n_tail)) {
		words_escape(h->tail, h->n_tail, words);
		return fault_set(f, EILSEQ,
			"the firmware babbles: %zu bytes came after %s, and no line of the bench "
			"protocol; the last of them: %s",
			h->bytes, asked, words);
	}
	return fault_set(f, ETIMEDOUT, "no end in %.1f s after %s; the firmware's last words: '%s'",
		waited_s, asked, words);
}

int heard_fault_damaged(const struct heard *h, const char *asked, struct fault *f)
{
	char words[WORDS_BYTES];

	words_escape(h->tail, h->n_tail, words);
	return fault_set(f, EILSEQ,
		"the firmware babbles: %zu damaged bytes came after %s; the last of them: %s",
		h->noise_bytes, asked, words);
}
