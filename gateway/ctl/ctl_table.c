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

void *ctl_check(void *memory)
{
	if (memory)
		return memory;
	fputs("musterctl: out of memory\n", stderr);
	exit(CTL_FAILED);
}

static char *copy_printable(const char *text)
{
	char *copy = ctl_check(strdup(text ? text : "-"));

	for (char *at = copy; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return copy;
}

static const char *cell_of(
	const struct ctl_column *column, const json_t *element, char buf[CTL_TEXT_MAX])
{
	const json_t *value =
		column->member ? json_object_get(element, column->member) : element;

	if (column->text)
		return column->text(value, buf);
	if (!json_is_integer(value))
		return json_string_value(value);
	return ctl_number(element, column->member, buf);
}

void ctl_table_clear(struct ctl_table *table)
{
	for (size_t i = 0; i < table->count * table->width; i++)
		free(table->cells[i]);
	free(table->cells);
}

void ctl_table_add(struct ctl_table *table, const json_t *element)
{
	char buf[CTL_TEXT_MAX];

	while (table->columns[table->width].title)
		table->width++;
	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = ctl_check(reallocarray(
			table->cells, table->room * table->width, sizeof(char *)));
	}
	for (size_t i = 0; i < table->width; i++)
		table->cells[table->count * table->width + i] =
			copy_printable(cell_of(&table->columns[i], element, buf));
	table->count++;
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

static void print_cell(
	const struct ctl_column *column, bool is_first, size_t width, const char *text)
{
	const bool is_right = column->title[0] == '>';
	const bool is_last = !column[1].title;

	printf("%s%*s", is_first ? "" : "  ",
		is_right          ? (int)width
			: is_last ? 0
				  : -(int)width,
		text);
}

static void print_rows(const struct ctl_table *table, const size_t *widths)
{
	const struct ctl_column *columns = table->columns;

	for (size_t i = 0; columns[i].title; i++)
		print_cell(&columns[i], !i, widths[i],
			columns[i].title + (columns[i].title[0] == '>'));
	putchar('\n');
	for (size_t row = 0; row < table->count; row++) {
		for (size_t i = 0; i < table->width; i++)
			print_cell(&columns[i], !i, widths[i],
				table->cells[row * table->width + i]);
		putchar('\n');
	}
}

void ctl_table_print(struct ctl_table *table)
{
	const struct ctl_column *columns = table->columns;
	size_t widths[COLUMNS_MAX] = {0};

	for (size_t i = 0; columns[i].title; i++)
		widths[i] = strlen(columns[i].title + (columns[i].title[0] == '>'));
	for (size_t i = 0; i < table->count * table->width; i++) {
		const size_t len = strlen(table->cells[i]);

		if (len > widths[i % table->width])
			widths[i % table->width] = len;
	}
	if (table->is_sorted && table->count)
		qsort(table->cells, table->count, table->width * sizeof(char *),
			compare_rows);
	print_rows(table, widths);
	ctl_table_clear(table);
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

const char *ctl_span_cell(const json_t *seconds, char buf[CTL_TEXT_MAX])
{
	return json_is_number(seconds) ? ctl_span(json_number_value(seconds), buf) : "-";
}

/* ---- members ---- */

const char *ctl_number(const json_t *object, const char *member, char buf[CTL_TEXT_MAX])
{
	if (!json_is_integer(json_object_get(object, member)))
		return "-";
	snprintf(buf, CTL_TEXT_MAX, "%lld", ctl_integer(object, member));
	return buf;
}

const char *ctl_text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

const char *ctl_text_or(const json_t *object, const char *member)
{
	const char *text = ctl_text(object, member);

	return text ? text : "?";
}

long long ctl_integer(const json_t *object, const char *member)
{
	return (long long)json_integer_value(json_object_get(object, member));
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

const char *ctl_mark(void)
{
	return is_terminal() ? "\033[31m" : "";
}

const char *ctl_unmark(void)
{
	return is_terminal() ? "\033[0m" : "";
}
