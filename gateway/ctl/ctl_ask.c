/*
 * Requests to the gateway: HTTP over its Unix socket, by libcurl.
 */
#include "gateway/ctl/ctl.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_S = 120 }; /* a reload may read two million keys */

/* ---- one exchange ---- */

struct answer {
	char *text;
	size_t len;
	bool is_too_long;
};

static size_t on_octets(char *octets, size_t size, size_t count, void *arg)
{
	struct answer *answer = arg;
	const size_t len = size * count;

	if (answer->len + len > CTL_ANSWER_MAX) {
		answer->is_too_long = true;
		return 0;
	}
	answer->text = ctl_check(realloc(answer->text, answer->len + len + 1));
	memcpy(answer->text + answer->len, octets, len);
	answer->len += len;
	return len;
}

/* Says why the gateway cannot be reached, and what can be done about it. */
static void explain_failure(const struct ctl *ctl, CURLcode code, long os_errno)
{
	fprintf(stderr, "musterctl: %s: %s\n", ctl->socket_path,
		os_errno ? strerror((int)os_errno) : curl_easy_strerror(code));
	if (os_errno == EACCES || os_errno == EPERM)
		fputs("only root and the gateway's own user may do this: try sudo\n",
			stderr);
	else if (ctl->is_socket_guessed)
		fprintf(stderr,
			"%s has no `control`: say where the socket is with -s SOCKET, or "
			"which configuration with -c FILE\n",
			ctl->config_path);
	else if (os_errno == ENOENT || os_errno == ECONNREFUSED)
		fputs("musterd does not run, or its configuration has no `control`\n",
			stderr);
}

static CURLcode exchange(CURL *curl, const struct ctl *ctl, const char *method,
	const char *url, const char *body, struct answer *answer)
{
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ctl->socket_path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_octets);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	}
	return curl_easy_perform(curl);
}

/* Reports a refusal, unless JSON is wanted: then the caller prints the value. */
static enum ctl_exit refuse(const struct ctl *ctl, long status, json_t *value)
{
	const char *error = ctl_text(value, "error");

	if (ctl->is_json && value)
		return CTL_NO;
	fprintf(stderr, "musterctl: %s\n", error ? error : "the gateway refuses");
	if (!error)
		fprintf(stderr, "(HTTP status %ld)\n", status);
	return status == 403 ? CTL_FAILED : CTL_NO;
}

static enum ctl_exit judge(const struct ctl *ctl, long status,
	const struct answer *answer, json_t **ret_value)
{
	json_t *value = answer->text
		? json_loadb(answer->text, answer->len, JSON_DECODE_ANY, NULL)
		: NULL;

	*ret_value = value;
	if (status >= 300)
		return refuse(ctl, status, value);
	if (json_is_object(value))
		return CTL_OK;
	fprintf(stderr, "musterctl: %s: whatever answers there is not musterd\n",
		ctl->socket_path);
	return CTL_FAILED;
}

enum ctl_exit ctl_ask(const struct ctl *ctl, const char *method, char *path,
	const json_t *body, json_t **ret_value)
{
	struct answer answer = {0};
	CURL *curl = ctl_check(curl_easy_init());
	char *text = body ? ctl_check(json_dumps(body, JSON_COMPACT)) : NULL;
	char *url = NULL;
	long status = 0, os_errno = 0;
	enum ctl_exit result = CTL_FAILED;
	CURLcode code;

	*ret_value = NULL;
	if (asprintf(&url, "http://musterd%s", path) < 0)
		ctl_check(NULL);
	code = exchange(curl, ctl, method, url, text, &answer);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
	if (code == CURLE_OK)
		result = judge(ctl, status, &answer, ret_value);
	else if (answer.is_too_long)
		fputs("musterctl: the answer is too long\n", stderr);
	else
		explain_failure(ctl, code, os_errno);
	free(answer.text);
	free(text);
	free(url);
	free(path);
	curl_easy_cleanup(curl);
	return result;
}

void ctl_print_json(const json_t *value)
{
	/* Reals are written as the gateway writes them. */
	json_dumpf(
		value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
}

enum ctl_exit ctl_ask_one(const struct ctl *ctl, const char *method, char *path,
	const json_t *body, json_t **ret_value)
{
	enum ctl_exit r = ctl_ask(ctl, method, path, body, ret_value);

	if (ctl->is_json && *ret_value)
		ctl_print_json(*ret_value);
	return r;
}

enum ctl_exit ctl_show(const struct ctl *ctl, const char *method, char *path,
	void (*print)(const struct ctl *ctl, const json_t *value))
{
	json_t *value;
	enum ctl_exit r = ctl_ask_one(ctl, method, path, NULL, &value);

	if (r == CTL_OK && !ctl->is_json)
		print(ctl, value);
	json_decref(value);
	return r;
}

/* ---- pages ---- */

/* Takes the elements of a page. */
static void take_page(
	const json_t *page, const char *list, json_t *all, struct ctl_table *table)
{
	const json_t *element;
	size_t i;

	json_array_foreach(json_object_get(page, list), i, element)
	{
		if (table)
			ctl_table_add(table, element);
		else if (json_array_append(all, (json_t *)element))
			ctl_check(NULL);
	}
}

/* table NULL: the elements become those of all. */
static enum ctl_exit ask_pages(const struct ctl *ctl, const char *path, const char *list,
	json_t *all, struct ctl_table *table)
{
	enum ctl_exit r;
	char *cursor = NULL;

	do {
		json_t *value;
		const char *next;

		r = ctl_ask(
			ctl, "GET", ctl_path(path, "cursor", cursor, NULL), NULL, &value);
		free(cursor);
		next = r == CTL_OK ? ctl_text(value, "next") : NULL;
		cursor = next ? ctl_check(strdup(next)) : NULL;
		if (r == CTL_OK)
			take_page(value, list, all, table);
		else if (ctl->is_json && value)
			ctl_print_json(value);
		json_decref(value);
	} while (cursor);
	return r;
}

enum ctl_exit ctl_list(const struct ctl *ctl, char *path, const char *list,
	const struct ctl_column *columns, bool is_sorted, const char *nothing)
{
	struct ctl_table table = {.columns = columns, .is_sorted = is_sorted};
	json_t *all = ctl_check(json_array());
	json_t *document = ctl_check(json_pack("{s:o}", list, all));
	enum ctl_exit r = ask_pages(ctl, path, list, all, ctl->is_json ? NULL : &table);
	const bool is_empty = !table.count && !json_array_size(all);

	if (r == CTL_OK && ctl->is_json)
		ctl_print_json(document);
	else if (r == CTL_OK && is_empty && nothing)
		fprintf(stderr, "musterctl: %s: %s\n", ctl->args[0], nothing);
	else if (r == CTL_OK)
		ctl_table_print(&table);
	if (r != CTL_OK)
		ctl_table_clear(&table);
	json_decref(document);
	free(path);
	return r == CTL_OK && is_empty && nothing ? CTL_NO : r;
}

enum ctl_exit ctl_list_both(const struct ctl *ctl, const struct ctl_listed lists[2])
{
	struct ctl_table tables[2] = {
		{.columns = lists[0].columns}, {.columns = lists[1].columns}};
	json_t *document = ctl_check(json_object());
	enum ctl_exit r = CTL_OK;

	for (size_t i = 0; i < 2 && r == CTL_OK; i++) {
		json_t *all = ctl_check(json_array());

		if (json_object_set_new(document, lists[i].list, all))
			ctl_check(NULL);
		r = ask_pages(ctl, lists[i].path, lists[i].list, all,
			ctl->is_json ? NULL : &tables[i]);
	}
	if (r == CTL_OK && ctl->is_json)
		ctl_print_json(document);
	for (size_t i = 0; i < 2 && !ctl->is_json; i++) {
		if (r != CTL_OK || (i && !tables[i].count)) {
			ctl_table_clear(&tables[i]);
			continue;
		}
		fputs(i ? "\n" : "", stdout);
		ctl_table_print(&tables[i]);
	}
	json_decref(document);
	return r;
}

/* ---- paths ---- */

char *ctl_path(const char *path, ...)
{
	char *text = ctl_check(strdup(path));
	const char *name, *value;
	va_list pairs;

	va_start(pairs, path);
	while ((name = va_arg(pairs, const char *))) {
		const bool is_segment = *name == '/';
		char *encoded, *longer;

		value = va_arg(pairs, const char *);
		if (!value)
			continue;
		encoded = ctl_check(curl_easy_escape(NULL, value, (int)strlen(value)));
		if (asprintf(&longer, "%s%s%s%s%s", text,
			    is_segment                  ? ""
				    : strchr(text, '?') ? "&"
							: "?",
			    name, is_segment ? "" : "=", encoded) < 0)
			ctl_check(NULL);
		curl_free(encoded);
		free(text);
		text = longer;
	}
	va_end(pairs);
	return text;
}
