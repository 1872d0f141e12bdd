/* Every command; commands.c puts them in the help's order. */
#ifndef HILDA_CLI_COMMANDS_COMMANDS_H
#define HILDA_CLI_COMMANDS_COMMANDS_H

#include "cli/command.h"

extern const struct command command_submit, command_jobs, command_job, command_log, command_results,
	command_leaderboard, command_boards, command_agents, command_cancel, command_job_bundle,
	command_rerun, command_suite_run, command_metrics, command_ppk2_info, command_ppk2_record,
	command_ppk2_convert, command_model_info, command_model_size, command_complete,
	command_help, command_version, command_suite_put, command_suite_list, command_suite_show,
	command_suite_start, command_suite_cancel, command_suite_retry, command_suite_results,
	command_schedule_add, command_schedule_list, command_schedule_pause,
	command_schedule_resume, command_schedule_run, command_schedule_remove, command_reserve,
	command_release, command_console, command_gdb;

/* What a command does, or with NULL which there are. */
void help_print(const struct command *c, bool json);

#endif
