/*
 * musterctl: an administrator's questions to a running gateway, over its Unix socket
 * (gateway/control), as tables for people or JSON for programs.
 *
 *   main.c        command line
 *   ctl_config.c  the few settings of the gateway's configuration that it needs
 *   ctl_ask.c     requests by libcurl; pages are asked for until there is none more
 *   ctl_table.c   tables, times, numbers
 *   ctl_show.c    status, zones, keys, queue
 *   ctl_hosts.c   hosts, leases, and what is done to them
 *   ctl_audit.c   audit, why, explain
 *   ctl_enrol.c   a key for a new host
 *
 * It reads nothing of the gateway's but three settings of its configuration, and includes
 * no other room of it but gateway/base/.  What the gateway says is checked for its shape,
 * so that a table never fails on a member that is missing.
 */
#ifndef MUSTER_CTL_H
#define MUSTER_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "gateway/base/settings_text.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_NO = 1,     /* the gateway said no, or there is nothing of that name */
	CTL_FAILED = 2, /* could not ask: usage, no socket, no permission */
};

enum { CTL_ANSWER_MAX = 64 << 20 }; /* octets of one answer; a page has far less */

enum { CTL_GATEWAYS_MAX = 8 }; /* as an enrolment has room for */

/* What the command line says. */
struct ctl {
	const char *config_path;
	const char *socket_path;
	bool is_json;
	bool is_socket_guessed; /* neither -s nor a configuration said so */
	char **args;            /* after the command */
	int arg_count;
	/* Options of commands; NULL: not given. */
	const char *zone, *name, *key, *state, *since, *limit;
	const char *source, *ttl, *transport;
	bool is_follow, is_delete, is_again, is_dry_run;
	bool is_quiet;                          /* says nothing when all is well */
	const char *gateways[CTL_GATEWAYS_MAX]; /* of enrol */
	size_t gateway_count;
};

/* ---- the configuration ---- */

/* Fills tree, which has been initialised.  False: it cannot be read, as report (may be
 * NULL) has been told. */
bool ctl_config_read(const char *path, config_t *tree, settings_report *report);
/* The path that a setting gives, whose relative ones start at the file's folder; the
 * caller's.  NULL: there is no such setting. */
char *ctl_config_path(const char *path, const config_t *tree, const char *setting);

/* ---- asking ---- */

/*
 * One request; body NULL: none.  *ret_value is the caller's: what the gateway said.
 * CTL_OK; CTL_NO: it said no, and has been quoted on standard error unless is_json (then
 * the value is its own error); CTL_FAILED: reported.
 */
enum ctl_exit ctl_ask(const struct ctl *ctl, const char *method, const char *path,
	const json_t *body, json_t **ret_value);
/*
 * GETs path (with parameters already, or not) page by page: calls visit with each element
 * of the array `list`.  With ctl.is_json, prints one document that has all of them.
 */
enum ctl_exit ctl_ask_pages(const struct ctl *ctl, const char *path, const char *list,
	void (*visit)(const json_t *element, void *arg), void *arg);
/* Prints a value as one document on one line. */
void ctl_print_json(const json_t *value);

/* A path or query under construction. */
struct ctl_path {
	char *text; /* owned; NULL: no memory */
	bool has_query;
};

void ctl_path_init(struct ctl_path *path, const char *text);
void ctl_path_add(struct ctl_path *path, const char *segment); /* "/" and it, encoded */
/* value NULL: left out. */
void ctl_path_query(struct ctl_path *path, const char *name, const char *value);
void ctl_path_clear(struct ctl_path *path);

/* ---- tables ---- */

struct ctl_table;

/* Titles end with NULL; one that begins with '>' is of numbers, which stand right. */
struct ctl_table *ctl_table_new(const char *const *titles);
void ctl_table_free(struct ctl_table *table);
/* As many cells as titles; each is copied, NULL is "-". */
void ctl_table_add(struct ctl_table *table, const char *const *cells);
size_t ctl_table_count(const struct ctl_table *table);
/* Sorts by the first column, as names are sorted: from the root down. */
void ctl_table_sort(struct ctl_table *table);
void ctl_table_print(const struct ctl_table *table);

enum { CTL_TEXT_MAX = 64 };
/* "3m ago" of a time as the gateway writes it; "-" for null. */
const char *ctl_ago(const json_t *time, char buf[CTL_TEXT_MAX]);
/* "in 42m", "2m overdue"; "-" for null. */
const char *ctl_left(const json_t *seconds, char buf[CTL_TEXT_MAX]);
const char *ctl_span(double seconds, char buf[CTL_TEXT_MAX]);
const char *ctl_number(const json_t *number, char buf[CTL_TEXT_MAX]);
/* NULL if it is no text. */
const char *ctl_text(const json_t *object, const char *member);
double ctl_real(const json_t *object, const char *member);
bool ctl_bool(const json_t *object, const char *member);
/* Bold or red on a terminal, "" elsewhere. */
const char *ctl_mark(bool is_bad);
const char *ctl_unmark(void);

/* Out of memory: there is nothing to go on with. */
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
