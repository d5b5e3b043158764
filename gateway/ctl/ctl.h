/*
 * musterctl puts an administrator's questions to a running gateway, over its Unix socket
 * (gateway/control), and prints the answers as tables for people or as JSON for programs.
 *
 *   main.c        command line
 *   ctl_config.c  the few settings of the gateway's configuration that it needs
 *   ctl_ask.c     requests by libcurl, page after page until the last
 *   ctl_table.c   tables, times, numbers
 *   ctl_show.c    status, zones, targets, keys
 *   ctl_queue.c   queue, and what targets have refused: retry, drop
 *   ctl_hosts.c   hosts and leases: showing, expiring, holding, removing them
 *   ctl_audit.c   audit, why, explain
 *   ctl_sync.c    sync
 *   ctl_enrol.c   a key for a new host
 *
 * It reads three settings of the gateway's configuration and nothing else of it, and
 * includes no other room than gateway/base/.  Members that an answer lacks appear as "-"
 * or "?", so that no table fails on them.
 */
#ifndef MUSTER_CTL_H
#define MUSTER_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "gateway/base/settings_text.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_NO = 1,     /* the gateway refused, or knows nothing of that name */
	CTL_FAILED = 2, /* nothing could be asked: usage, socket, permission */
};

enum {
	CTL_ANSWER_MAX = 64 << 20, /* octets of one answer; a page has far less */
	CTL_GATEWAYS_MAX = 8,      /* that an enrolment has room for */
	CTL_TEXT_MAX = 1024,       /* of a cell of a table */
};

/* Of single commands. */
enum ctl_option {
	CTL_ZONE,
	CTL_NAME,
	CTL_KEY,
	CTL_STATE,
	CTL_SINCE,
	CTL_LIMIT,
	CTL_FOLLOW,
	CTL_DELETE,
	CTL_SOURCE,
	CTL_TTL,
	CTL_TCP,
	CTL_GATEWAY,
	CTL_AGAIN,
	CTL_DRY_RUN,
	CTL_GIVE_BACK,
	CTL_TARGET,
	CTL_TAKE,
	CTL_OPTIONS,
};

/* What the command line says. */
struct ctl {
	const char *config_path;
	const char *socket_path;
	bool is_json;
	bool is_socket_guessed; /* neither -s nor a configuration named it */
	bool is_quiet;          /* prints nothing when all is well */
	const char *command;
	char **args; /* after the command, and then NULL */
	int arg_count;
	const char *options[CTL_OPTIONS];       /* NULL: not given */
	const char *gateways[CTL_GATEWAYS_MAX]; /* each CTL_GATEWAY */
	size_t gateway_count;
};

/* ---- the configuration ---- */

/* Reads the file into tree, which has been initialised.  False: it cannot be read, and
 * report has been told why, unless it is NULL. */
bool ctl_config_read(const char *path, config_t *tree, settings_report *report);
/* The path that a setting names, which the caller frees.  Relative paths start at the
 * folder of the file.  NULL: the setting is missing. */
char *ctl_config_path(const char *path, const config_t *tree, const char *setting);
/* The folder of a file, with its final slash, which the caller frees; "": the current
 * one. */
char *ctl_folder(const char *path);

/* ---- asking ---- */

/*
 * A path with its query.  Pairs follow, and then NULL: the name and the value of a
 * parameter, or "/" and a segment.  Pairs whose value is NULL are left out.  The path
 * belongs to whichever of the functions below gets it.
 */
char *ctl_path(const char *path, ...) __attribute__((sentinel));
/*
 * Sends one request; body may be NULL.  *ret_value is the answer, which the caller frees;
 * it may be NULL.  CTL_OK; CTL_NO: the gateway refused, and its reason has been printed
 * on standard error, but with is_json it is left in the value; CTL_FAILED: reported.
 */
enum ctl_exit ctl_ask(const struct ctl *ctl, const char *method, char *path,
	const json_t *body, json_t **ret_value);
/* The same, and prints the answer if JSON is wanted. */
enum ctl_exit ctl_ask_one(const struct ctl *ctl, const char *method, char *path,
	const json_t *body, json_t **ret_value);
/* The same, and prints the answer by print otherwise. */
enum ctl_exit ctl_show(const struct ctl *ctl, const char *method, char *path,
	void (*print)(const struct ctl *ctl, const json_t *value));
/* Prints a value on one line. */
void ctl_print_json(const json_t *value);

/* ---- tables ---- */

struct ctl_column {
	const char *title;  /* with a '>' before it, the column is aligned right */
	const char *member; /* of the element; NULL: the element itself */
	/* The text of the member, which may be NULL.  NULL: it is shown as it is. */
	const char *(*text)(const json_t *value, char buf[CTL_TEXT_MAX]);
};

struct ctl_table {
	const struct ctl_column *columns; /* the last has no title */
	bool is_sorted; /* by names in the first column, from the root of the DNS down */
	/* Private. */
	size_t width;       /* columns */
	char **cells;       /* row after row; owned */
	size_t count, room; /* rows */
};

/* Adds a row for the element. */
void ctl_table_add(struct ctl_table *table, const json_t *element);
void ctl_table_print(struct ctl_table *table); /* also clears it */
void ctl_table_clear(struct ctl_table *table);
/*
 * GETs path, page by page, and prints a table of the elements of the array named list, or
 * with ctl.is_json one document with all of them.  nothing: printed on standard error if
 * there are none, for CTL_NO; NULL: that is a table, too.
 */
enum ctl_exit ctl_list(const struct ctl *ctl, char *path, const char *list,
	const struct ctl_column *columns, bool is_sorted, const char *nothing);

/* Two lists: two tables, of which an empty second one is not printed, or one document. */
struct ctl_listed {
	const char *path, *list;
	const struct ctl_column *columns;
};
enum ctl_exit ctl_list_both(const struct ctl *ctl, const struct ctl_listed lists[2]);

/* ---- members and cells ---- */

/* A time of the gateway as "3m ago"; "-" for null. */
const char *ctl_ago(const json_t *time, char buf[CTL_TEXT_MAX]);
/* Seconds that are left as "in 42m" or "2m overdue"; "-" for null. */
const char *ctl_left(const json_t *seconds, char buf[CTL_TEXT_MAX]);
const char *ctl_span(double seconds, char buf[CTL_TEXT_MAX]);
/* Seconds as "42m". */
const char *ctl_span_cell(const json_t *seconds, char buf[CTL_TEXT_MAX]);
const char *ctl_number(const json_t *object, const char *member, char buf[CTL_TEXT_MAX]);
/* The member, if it is a string; otherwise NULL. */
const char *ctl_text(const json_t *object, const char *member);
/* The same, and "?" otherwise. */
const char *ctl_text_or(const json_t *object, const char *member);
long long ctl_integer(const json_t *object, const char *member);
double ctl_real(const json_t *object, const char *member);
bool ctl_bool(const json_t *object, const char *member);
/* Begins red text on a terminal; "" elsewhere. */
const char *ctl_mark(void);
const char *ctl_unmark(void);

/* Returns memory, or ends the program if that is NULL. */
void *ctl_check(void *memory);

/* ---- commands ---- */

typedef enum ctl_exit ctl_command(const struct ctl *ctl);

ctl_command ctl_status, ctl_zones, ctl_targets, ctl_keys, ctl_queue, ctl_hosts,
	ctl_leases, ctl_act, ctl_adopt, ctl_rectify, ctl_sync, ctl_asides, ctl_audit,
	ctl_why, ctl_explain, ctl_enrol, ctl_order;

#endif
