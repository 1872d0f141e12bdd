/*
 * The agent's process: what its threads share. Made and ended by agent_run on the main thread,
 * which waits for signals; everything in here lives as long as the threads that use it.
 */
#ifndef HILDA_AGENT_AGENT_H
#define HILDA_AGENT_AGENT_H

#include "agent/artifacts/cache.h"
#include "agent/board/fleet.h"
#include "agent/link/session.h"
#include "agent/pulse.h"
#include "agent/settings.h"
#include "agent/spool/sender.h"
#include "agent/spool/shipper.h"
#include "common/notify.h"

struct acquire;
struct heartbeat;
struct keeper;
struct orders;
struct tunnels;

struct agent {
	const struct clock *clock;
	uint32_t (*random_below)(uint32_t bound);
	const struct agent_settings *settings; /* [agent]; the boards are the fleet's */
	struct link *link;
	struct session *session;
	struct epochs *epochs;
	struct fleet *fleet;
	struct spool *spool;
	struct cache *cache;
	struct sender *sender;
	struct shipper *shipper;
	struct orders *orders;
	struct acquire *acquire;
	struct heartbeat *heartbeat;
	struct keeper *keeper;
	struct tunnels *tunnels;
	struct pulse acquire_pulse, heartbeat_pulse;
	struct notify notify; /* the service manager */
	int stop_fd;	      /* readable: calls to the server are given up */
};

/* Until SIGTERM or SIGINT. The exit code. */
int agent_run(const char *config_path);

#endif
