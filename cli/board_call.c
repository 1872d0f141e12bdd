#include "cli/board_call.h"

#include "cli/url.h"
#include "common/cleanup.h"

enum exit_code board_call(struct session *s, const char *method, const char *board,
	const char *behind, const json_t *body, json_t **out, struct fault *f)
{
	_cleanup_(buffer_done) struct buffer path = BUFFER_INIT(URL_MAX_BYTES);
	int err = url_board(&path, board, behind);

	if (err) {
		fault_errno(f, -err, "the board's name");
		return EXIT_USAGE;
	}
	return session_call(s, method, path.data, NULL, body, out, f);
}
