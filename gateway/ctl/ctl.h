/*
 * musterctl puts an administrator's questions to a running gateway, over its Unix socket
 * (gateway/control), and prints the answers as tables for people or as JSON for programs.
 *
 *   main.c        command line
 *   ctl_config.c  the few settings of the gateway's configuration that it needs
 *   ctl_ask.c     requests by libcurl, page after page until the last
 *   ctl_table.c   tables, times, numbers
 *   ctl_show.c    status, zones, keys, queue
 *   ctl_hosts.c   hosts and leases: showing, expiring, holding, removing them
 *   ctl_audit.c   audit, why, explain
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

enum { CTL_ANSWER_MAX = 64 << 20 }; /* octets of one answer; a page has far less */

enum { CTL_GATEWAYS_MAX = 8 }; /* that an enrolment has room for */

/* What the command line says. */
struct ctl {
	const char *config_path;
	const char *socket_path;
	bool is_json;
	bool is_socket_guessed; /* neither -s nor a configuration named it */
	char **args;            /* after the command */
	int arg_count;
	/* Options of single commands; NULL: not given. */
	const char *zone, *name, *key, *state, *since, *limit;
	const char *source, *ttl, *transport;
	bool is_follow, is_delete, is_again, is_dry_run;
	bool is_quiet;                          /* prints nothing when all is well */
	const char *gateways[CTL_GATEWAYS_MAX]; /* for enrol */
	size_t gateway_count;
};

/* ---- the configuration ---- */

/* Reads the file into tree, which has been initialised.  False: it cannot be read, and
 * report has been told why, unless it is NULL. */
bool ctl_config_read(const char *path, config_t *tree, settings_report *report);
/* The path that a setting names, which the caller frees.  Relative paths start at the
 * folder of the file.  NULL: the setting is missing. */
char *ctl_config_path(const char *path, const config_t *tree, const char *setting);

/* ---- asking ---- */

/*
 * Sends one request; body may be NULL.  *ret_value is the answer, which the caller frees;
 * it may be NULL.  CTL_OK; CTL_NO: the gateway refused, and its reason has been printed
 * on standard error, but with is_json it is left in the value; CTL_FAILED: reported.
 */
enum ctl_exit ctl_ask(const struct ctl *ctl, const char *method, const char *path,
	const json_t *body, json_t **ret_value);
/*
 * GETs path, which may have parameters, page by page, and calls visit for each element of
 * the array named list.  With ctl.is_json it prints all of them as one document.
 */
enum ctl_exit ctl_ask_pages(const struct ctl *ctl, const char *path, const char *list,
	void (*visit)(const json_t *element, void *arg), void *arg);
/* Prints a value on one line. */
void ctl_print_json(const json_t *value);

/* A path with its query, under construction. */
struct ctl_path {
	char *text; /* owned; NULL: no memory */
	bool has_query;
};

void ctl_path_init(struct ctl_path *path, const char *text);
void ctl_path_add(struct ctl_path *path,
	const char *segment); /* appends "/" and the encoded segment */
/* Appends a parameter, unless value is NULL. */
void ctl_path_query(struct ctl_path *path, const char *name, const char *value);
void ctl_path_clear(struct ctl_path *path);

/* ---- tables ---- */

struct ctl_table;

/* Titles end with NULL.  A '>' before a title aligns its column right, for numbers. */
struct ctl_table *ctl_table_new(const char *const *titles);
void ctl_table_free(struct ctl_table *table);
/* Copies as many cells as there are titles; NULL becomes "-". */
void ctl_table_add(struct ctl_table *table, const char *const *cells);
size_t ctl_table_count(const struct ctl_table *table);
/* Sorts by the names in the first column, from the root of the DNS down. */
void ctl_table_sort(struct ctl_table *table);
void ctl_table_print(const struct ctl_table *table);

enum { CTL_TEXT_MAX = 64 };
/* A time of the gateway as "3m ago"; "-" for null. */
const char *ctl_ago(const json_t *time, char buf[CTL_TEXT_MAX]);
/* Seconds that are left as "in 42m" or "2m overdue"; "-" for null. */
const char *ctl_left(const json_t *seconds, char buf[CTL_TEXT_MAX]);
const char *ctl_span(double seconds, char buf[CTL_TEXT_MAX]);
const char *ctl_number(const json_t *number, char buf[CTL_TEXT_MAX]);
/* The member, if it is a string; otherwise NULL. */
const char *ctl_text(const json_t *object, const char *member);
double ctl_real(const json_t *object, const char *member);
bool ctl_bool(const json_t *object, const char *member);
/* Begins red (is_bad) or bold text on a terminal; "" elsewhere. */
const char *ctl_mark(bool is_bad);
const char *ctl_unmark(void);

/* Returns memory, or ends the program if that is NULL. */
void *ctl_check(void *memory);

/* ---- commands ---- */

enum ctl_exit ctl_status(const struct ctl *ctl);
enum ctl_exit ctl_zones(const struct ctl *ctl);
enum ctl_exit ctl_keys(const struct ctl *ctl);
enum ctl_exit ctl_queue(const struct ctl *ctl);
enum ctl_exit ctl_hosts(const struct ctl *ctl);
enum ctl_exit ctl_leases(const struct ctl *ctl);
enum ctl_exit ctl_remove(const struct ctl *ctl);
enum ctl_exit ctl_expire(const struct ctl *ctl);
enum ctl_exit ctl_hold(const struct ctl *ctl);
enum ctl_exit ctl_release(const struct ctl *ctl);
enum ctl_exit ctl_resume(const struct ctl *ctl);
enum ctl_exit ctl_adopt(const struct ctl *ctl);
enum ctl_exit ctl_retry(const struct ctl *ctl);
enum ctl_exit ctl_audit(const struct ctl *ctl);
enum ctl_exit ctl_why(const struct ctl *ctl);
enum ctl_exit ctl_explain(const struct ctl *ctl);
enum ctl_exit ctl_enrol(const struct ctl *ctl);
enum ctl_exit ctl_reload(const struct ctl *ctl);
enum ctl_exit ctl_check_config(const struct ctl *ctl);

#endif
