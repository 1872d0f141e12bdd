/*
 * `hilda-agent enroll URL`: this machine's agent comes into a server. Shows the server's certificate, trades
 * an enrolment token for the agent's own, and writes token, certificate and the lines of [agent] into the
 * folder of the configuration. Waits for the server and for the person.
 */
#ifndef HILDA_AGENT_COMMANDS_ENROLL_H
#define HILDA_AGENT_COMMANDS_ENROLL_H

struct enroll_options {
	const char *url;
	const char *config;
	const char *fingerprint; /* NULL: a person is asked */
	const char *token_file;	 /* NULL: from standard input, asked for on a terminal */
};

/* The exit code. */
int command_enroll(const struct enroll_options *o);

#endif
