/*
 * Reads for REST: each appends the JSON text of a resource of docs/wire.md section 4 to a buffer. On
 * a borrowed reader (one thread at a time); waits for the disk at most. Text, not json_t: columns that
 * hold JSON are spliced in, nothing is parsed.
 *
 * 0, -ENOENT (nothing was added), -EFBIG (the buffer's limit), -ENOMEM or -EIO.
 */
#ifndef HILDA_SERVER_STORE_READ_H
#define HILDA_SERVER_STORE_READ_H

#include "common/buffer.h"
#include "server/leaderboard/leaderboard.h"
#include "server/store/store.h"

#define READ_LIMIT_DEFAULT 50
#define READ_LIMIT_MAX 500
#define READ_LABELS_MAX 8
#define READ_LEADERBOARD_MAX 4000 /* phases of cells: the newest */

struct job;

struct read_label {
	const char *key, *value;
};

struct read_page {
	int64_t after;	/* 0: from the newest */
	unsigned limit; /* 0: READ_LIMIT_DEFAULT */
};

struct read_jobs_filter {
	struct read_page page;
	const char *state; /* NULL: any; also "live": queued and active */
	const char *board; /* name of the board of its latest run */
	int64_t parent;	   /* 0: any */
	struct read_label labels[READ_LABELS_MAX];
	size_t n_labels;
};

struct read_results_filter {
	struct read_page page;
	const char *board, *type, *outcome; /* NULL: any */
	const char *metric; /* "warm.latency_us" or "warm.latency_us.p95": only these columns */
	int is_virtual;	    /* -1: any, 0, 1 */
	struct read_label labels[READ_LABELS_MAX];
	size_t n_labels;
};

int read_job(struct store_reader *r, int64_t job, struct buffer *out);
int read_jobs(struct store_reader *r, const struct read_jobs_filter *filter, struct buffer *out);
int read_run(struct store_reader *r, int64_t run, struct buffer *out);
/* {"items":[...],"next":null}, without metrics and documents' parts. */
int read_job_runs(struct store_reader *r, int64_t job, struct buffer *out);
/* boot < 0: all. -ENOENT also when the run has no such samples. */
int read_samples(struct store_reader *r, int64_t run, const char *phase, const char *metric,
	int64_t boot, struct buffer *out);
int read_results(
	struct store_reader *r, const struct read_results_filter *filter, struct buffer *out);
int read_results_csv(
	struct store_reader *r, const struct read_results_filter *filter, struct buffer *out);
/* Adds the latest numbers to an empty leaderboard, which is still to be finished. */
int read_leaderboard(struct store_reader *r, struct leaderboard *b);
int read_boards(struct store_reader *r, struct buffer *out);
int read_board(struct store_reader *r, const char *name, struct buffer *out);
/*
 * 0: `who` may open the board's console or debugger. -EACCES: it is another's, or nobody's; -EBUSY: its job is
 * not over yet, or its agent is offline; -ENOENT: no such board. The fault says it as a tunnel's refusal does.
 */
int read_board_may_open(
	struct store_reader *r, const char *name, const char *who, int64_t now_ms, struct fault *f);
/* ["linux-arm64", "mps3-an547"]: types of every board ever registered. */
int read_board_types(struct store_reader *r, struct buffer *out);
/* How many registered boards the job could go to, whatever their states; counted up to `enough`. */
int read_boards_fitting(struct store_reader *r, const struct job *job, size_t enough, size_t *n);
int read_agents(struct store_reader *r, struct buffer *out);
int read_agent(struct store_reader *r, int64_t agent, struct buffer *out);
int read_artifact(struct store_reader *r, const char *sha256, struct buffer *out);

/* {"items":[...],"next":null}: never a secret. */
int read_tokens(struct store_reader *r, struct buffer *out);
struct read_audit_filter {
	struct read_page page;
	const char *who; /* NULL: any */
};
int read_audit(struct store_reader *r, const struct read_audit_filter *filter, struct buffer *out);

/* ---- for handlers, not for the wire ---- */

struct read_token {
	int64_t token, expires_ms; /* 0: never */
	unsigned scopes;
	char public[16], name[STORE_NAME_BYTES], host[STORE_NAME_BYTES];
	uint8_t secret[32];
};
/* Those that are not revoked, one call each. */
int read_tokens_alive(
	struct store_reader *r, int (*give)(void *arg, const struct read_token *token), void *arg);

struct read_run_brief {
	int64_t run, job, agent, epoch, log_bytes, capture_bytes;
	char board[STORE_NAME_BYTES];
	char state[STORE_WORD_BYTES];
	char outcome[STORE_WORD_BYTES];
	bool live; /* offered, running or finishing: its log may grow */
	bool is_virtual, capture_removed;
	char agent_name[STORE_NAME_BYTES];
	char energy_source[STORE_WORD_BYTES]; /* "": no energy */
};
int read_run_brief(struct store_reader *r, int64_t run, struct read_run_brief *out);
/* The result's energy and its batches as they are kept, NULL without; malloc'd. */
int read_run_energy(struct store_reader *r, int64_t run, char **energy, char **batches);
/*
 * Runs that are over and whose captures retention may take, oldest first: at most `max`, and how many
 * bytes all captures have together.
 */
struct read_capture {
	int64_t run, finished_ms, bytes;
};
int read_captures(
	struct store_reader *r, struct read_capture *out, size_t max, size_t *n, int64_t *total);
/* *run = 0 when the job has none yet. */
int read_job_latest_run(struct store_reader *r, int64_t job, int64_t *run);

struct read_upload_brief {
	int64_t upload, bytes, offset;
	char sha256[65];
};
int read_upload_brief(struct store_reader *r, int64_t upload, struct read_upload_brief *out);
/* -ENOENT when there is none. */
int read_artifact_bytes(struct store_reader *r, const char *sha256, int64_t *bytes);

/*
 * Is this the latest session of the agent that its token is good for ("": every one)? 0 and its id, or
 * -ESTALE: a session is a small number, and who guesses another agent's has none.
 */
int read_session(struct store_reader *r, int64_t session, const char *host, int64_t *agent);

struct read_counts {
	int64_t jobs_queued, jobs_active, jobs_total, runs_total;
	int64_t boards_ready, boards_busy, boards_quarantined, boards_held, boards_online;
	int64_t agents_online;
};
int read_counts(struct store_reader *r, struct read_counts *out);

/* Is there anything for op_sweep to do at that time? */
int read_queue_deadline(struct store_reader *r, int64_t *at_ms);
int read_hold_over(struct store_reader *r, int64_t now_ms, bool *over);
int read_check_due(struct store_reader *r, int64_t now_ms, int64_t every_ms, bool *due);

#endif
