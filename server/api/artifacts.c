/* Content-addressed blobs: announce, look, read back. */
#include <errno.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "common/hex.h"
#include "server/api/api.h"
#include "server/artifacts/artifacts.h"
#include "server/http/reply.h"
#include "server/store/ops.h"
#include "server/store/read.h"

/* ---- POST /artifacts ---- */

struct announce {
	struct op_upload_create create;
	char sha256[SHA256_HEX_BYTES];
};

static void announced(struct request *r)
{
	struct announce *a = r->own;
	struct op_upload_create *x = &a->create;
	int64_t offset;

	if (x->op.rc != 0) {
		reply_rc(r, x->op.rc, &x->op.fault);
		return;
	}
	if (x->have) {
		artifacts_note_known(r->server->artifacts, a->sha256);
		reply_jsonf(r, 200, "{\"sha256\":\"%s\",\"bytes\":%lld,\"have\":true}", a->sha256,
			(long long)x->bytes);
		return;
	}
	offset = upload_offset(r->server->artifacts, x->upload);
	if (offset < 0)
		offset = x->offset;
	reply_jsonf(r, 201, "{\"id\":%lld,\"sha256\":\"%s\",\"bytes\":%lld,\"offset\":%lld}",
		(long long)x->upload, a->sha256, (long long)x->bytes, (long long)offset);
	reply_headerf(r, "Location", "/api/v1/uploads/%lld", (long long)x->upload);
	reply_headerf(r, "Upload-Offset", "%lld", (long long)offset);
}

static bool parse_announce(struct request *r, json_t *doc, struct announce *a)
{
	static const char *const keys[] = {"sha256", "bytes", NULL};
	const json_t *sha256 = json_object_get(doc, "sha256"),
		     *bytes = json_object_get(doc, "bytes");
	int64_t limit = (int64_t)r->server->settings->artifact_max_bytes;
	struct problem p;

	if (!request_keys_only(r, doc, keys))
		return false;
	if (!json_is_string(sha256) || !hex_is_sha256(json_string_value(sha256))) {
		problem_set(
			&p, PROBLEM_BAD_JSON, "sha256 must be 64 lower-case hexadecimal digits");
		problem_pointer(&p, "/sha256");
	} else if (!json_is_integer(bytes) || json_integer_value(bytes) < 0) {
		problem_set(&p, PROBLEM_BAD_JSON, "bytes must be the file's size, a whole number");
		problem_pointer(&p, "/bytes");
	} else if (json_integer_value(bytes) > limit) {
		problem_set(&p, PROBLEM_TOO_LARGE, "the artifact has %lld bytes, the limit is %lld",
			(long long)json_integer_value(bytes), (long long)limit);
		problem_pointer(&p, "/bytes");
	} else {
		snprintf(a->sha256, sizeof(a->sha256), "%s", json_string_value(sha256));
		a->create.sha256 = a->sha256;
		a->create.bytes = json_integer_value(bytes);
		return true;
	}
	reply_problem(r, &p);
	return false;
}

void artifacts_announce(struct request *r)
{
	struct announce *a;
	struct fault f;
	json_t *doc = request_json(r, false);
	bool ok;

	if (!doc)
		return;
	a = request_own(r, sizeof(*a), NULL);
	ok = a && parse_announce(r, doc, a);
	json_decref(doc);
	if (!ok)
		return;
	if (artifacts_check_space(r->server->artifacts, a->create.bytes, &f) != 0) {
		reply_rc(r, -ENOSPC, &f);
		return;
	}
	op_upload_create_setup(&a->create);
	request_submit(r, &a->create.op, announced);
}

/* ---- GET, HEAD /artifacts/{sha256} ---- */

static void reply_metadata(struct request *r, struct store_reader *reader)
{
	struct buffer b = BUFFER_INIT(4096);
	int rc = read_artifact(reader, r->name, &b);

	if (rc == 0)
		reply_buffer(r, 200, &b, TYPE_JSON);
	else
		reply_rc(r, rc, NULL);
	buffer_done(&b);
}

static void reply_file(struct request *r, int64_t bytes)
{
	_cleanup_(file_close) int fd = -1;
	struct MHD_Response *response;
	int64_t size;
	int rc = artifacts_open_blob(r->server->artifacts, r->name, &fd, &size);

	if (rc != 0 || size != bytes) {
		reply_problemf(r, PROBLEM_INTERNAL,
			"the file of artifact %s is missing or damaged on the server's disk",
			r->name);
		return;
	}
	response = MHD_create_response_from_fd64((uint64_t)size, fd);
	if (response)
		take_fd(fd);
	r->reply_bytes = size;
	reply(r, 200, response);
	reply_header(r, "Content-Type", TYPE_BYTES);
	reply_headerf(r, "Content-Disposition", "attachment; filename=\"%.16s.bin\"", r->name);
	reply_header(r, "Content-Security-Policy", "sandbox; default-src 'none'");
	reply_header(r, "X-Content-Type-Options", "nosniff");
	reply_header(r, "Cache-Control", "private, max-age=31536000, immutable");
	reply_headerf(r, "ETag", "\"%s\"", r->name);
}

void artifacts_get(struct request *r)
{
	const char *accept = request_header(r, "Accept");
	struct store_reader *reader = request_reader(r);
	int64_t bytes;
	int rc;

	if (!reader)
		return;
	rc = read_artifact_bytes(reader, r->name, &bytes);
	if (rc == 0 && accept && strcmp(accept, TYPE_JSON) == 0)
		reply_metadata(r, reader);
	else if (rc == 0)
		reply_file(r, bytes);
	request_reader_return(r, reader);
	if (rc == -ENOENT)
		reply_problemf(r, PROBLEM_NOT_FOUND, "there is no artifact %s", r->name);
	else if (rc != 0)
		reply_rc(r, rc, NULL);
}
