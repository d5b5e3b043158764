/*
 * Tables for people, with columns as wide as their contents and rounded times.
 *
 * Text from the gateway is printed as it is, without octets that control a terminal.
 */
#include "gateway/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS_MAX = 16 };

struct ctl_table {
	const char *const *titles;
	size_t columns;
	size_t widths[COLUMNS_MAX];
	char **cells;       /* row after row; owned */
	size_t count, room; /* rows */
};

void *ctl_check(void *memory)
{
	if (memory)
		return memory;
	fputs("musterctl: out of memory\n", stderr);
	exit(CTL_FAILED);
}

static const char *title_of(const struct ctl_table *table, size_t column)
{
	return table->titles[column] + (table->titles[column][0] == '>');
}

struct ctl_table *ctl_table_new(const char *const *titles)
{
	struct ctl_table *table = ctl_check(calloc(1, sizeof(*table)));

	table->titles = titles;
	while (titles[table->columns]) {
		const size_t column = table->columns++;

		table->widths[column] = strlen(title_of(table, column));
	}
	return table;
}

void ctl_table_free(struct ctl_table *table)
{
	for (size_t i = 0; i < table->count * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

static char *copy_printable(const char *text)
{
	char *copy = ctl_check(strdup(text ? text : "-"));

	for (char *at = copy; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return copy;
}

void ctl_table_add(struct ctl_table *table, const char *const *cells)
{
	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = ctl_check(reallocarray(
			table->cells, table->room * table->columns, sizeof(char *)));
	}
	for (size_t i = 0; i < table->columns; i++) {
		char *cell = copy_printable(cells[i]);

		table->cells[table->count * table->columns + i] = cell;
		if (strlen(cell) > table->widths[i])
			table->widths[i] = strlen(cell);
	}
	table->count++;
}

size_t ctl_table_count(const struct ctl_table *table)
{
	return table->count;
}

/* The beginning of the label that ends at end. */
static const char *label_before(const char *text, const char *end)
{
	while (end > text && end[-1] != '.')
		end--;
	return end;
}

/* Compares from the last label on: a.example., b.example., a.b.example. */
static int compare_names(const char *a, const char *b)
{
	const char *a_end = a + strlen(a), *b_end = b + strlen(b);

	while (a_end > a && b_end > b) {
		const char *a_label, *b_label;
		size_t a_len, b_len;
		int order;

		a_end -= a_end[-1] == '.';
		b_end -= b_end[-1] == '.';
		a_label = label_before(a, a_end);
		b_label = label_before(b, b_end);
		a_len = (size_t)(a_end - a_label);
		b_len = (size_t)(b_end - b_label);
		order = strncasecmp(a_label, b_label, a_len < b_len ? a_len : b_len);
		if (order)
			return order;
		if (a_len != b_len)
			return a_len < b_len ? -1 : 1;
		a_end = a_label;
		b_end = b_label;
	}
	return (a_end > a) - (b_end > b);
}

static int compare_rows(const void *a, const void *b)
{
	char *const *left = a, *const *right = b;

	return compare_names(left[0], right[0]);
}

void ctl_table_sort(struct ctl_table *table)
{
	if (table->count)
		qsort(table->cells, table->count, table->columns * sizeof(char *),
			compare_rows);
}

static void print_cell(const struct ctl_table *table, size_t column, const char *text)
{
	const bool is_last = column + 1 == table->columns;
	const bool is_right = table->titles[column][0] == '>';

	printf("%s%*s", column ? "  " : "",
		is_right          ? (int)table->widths[column]
			: is_last ? 0
				  : -(int)table->widths[column],
		text);
}

void ctl_table_print(const struct ctl_table *table)
{
	for (size_t i = 0; i < table->columns; i++)
		print_cell(table, i, title_of(table, i));
	putchar('\n');
	for (size_t row = 0; row < table->count; row++) {
		for (size_t i = 0; i < table->columns; i++)
			print_cell(table, i, table->cells[row * table->columns + i]);
		putchar('\n');
	}
}

/* ---- times ---- */

const char *ctl_span(double seconds, char buf[CTL_TEXT_MAX])
{
	if (seconds < 120)
		snprintf(buf, CTL_TEXT_MAX, "%.0fs", seconds);
	else if (seconds < 120 * 60)
		snprintf(buf, CTL_TEXT_MAX, "%.0fm", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(buf, CTL_TEXT_MAX, "%.0fh", seconds / 3600);
	else
		snprintf(buf, CTL_TEXT_MAX, "%.0fd", seconds / 86400);
	return buf;
}

const char *ctl_ago(const json_t *time_value, char buf[CTL_TEXT_MAX])
{
	const char *text = json_string_value(time_value), *end;
	char span[CTL_TEXT_MAX];
	struct tm tm = {0};
	double seconds;

	end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	if (!end || *end)
		return "-";
	seconds = difftime(time(NULL), timegm(&tm));
	if (seconds < 1)
		return "now";
	snprintf(buf, CTL_TEXT_MAX, "%s ago", ctl_span(seconds, span));
	return buf;
}

const char *ctl_left(const json_t *seconds, char buf[CTL_TEXT_MAX])
{
	const double left = json_number_value(seconds);
	char span[CTL_TEXT_MAX];

	if (!json_is_number(seconds))
		return "-";
	if (left < 0)
		snprintf(buf, CTL_TEXT_MAX, "%s overdue", ctl_span(-left, span));
	else
		snprintf(buf, CTL_TEXT_MAX, "in %s", ctl_span(left, span));
	return buf;
}

/* ---- members ---- */

const char *ctl_number(const json_t *number, char buf[CTL_TEXT_MAX])
{
	if (!json_is_integer(number))
		return "-";
	snprintf(buf, CTL_TEXT_MAX, "%lld", (long long)json_integer_value(number));
	return buf;
}

const char *ctl_text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

double ctl_real(const json_t *object, const char *member)
{
	return json_number_value(json_object_get(object, member));
}

bool ctl_bool(const json_t *object, const char *member)
{
	return json_is_true(json_object_get(object, member));
}

/* ---- terminals ---- */

static bool is_terminal(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDOUT_FILENO) && kind && strcmp(kind, "dumb") != 0 &&
		!getenv("NO_COLOR");
}

const char *ctl_mark(bool is_bad)
{
	if (!is_terminal())
		return "";
	return is_bad ? "\033[31m" : "\033[1m";
}

const char *ctl_unmark(void)
{
	return is_terminal() ? "\033[0m" : "";
}
