/*
 * Records of a target that Muster cannot read: their number and the first few, for a
 * single line in the log.
 *
 * Limits: ODD_SHOWN_MAX records of ODD_TEXT_MAX octets, so that they fit into the
 * line.
 */
#ifndef MUSTER_ODD_LIST_H
#define MUSTER_ODD_LIST_H

#include <stddef.h>
#include <stdint.h>

enum {
	ODD_SHOWN_MAX = 8,
	ODD_TEXT_MAX = 160, /* octets of a record's text, with its final zero */
	ODD_LIST_TEXT_MAX = ODD_SHOWN_MAX * (ODD_TEXT_MAX + 2) + 32,
};

struct odd_list {
	size_t count;
	char shown[ODD_SHOWN_MAX][ODD_TEXT_MAX];
};

/* Adds one: its owner, its type and a remark. */
void odd_list_add(struct odd_list *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Logs that who has them in the zone; nothing if there are none. */
void odd_list_warn(const struct odd_list *list, const uint8_t *zone, const char *who);

/* "a A, b URI and 3 more"; returns ret. */
const char *odd_list_to_text(const struct odd_list *list, char ret[ODD_LIST_TEXT_MAX]);

#endif
