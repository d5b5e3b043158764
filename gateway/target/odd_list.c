/*
 * Records of a target that Muster cannot read (odd_list.h).
 */
#include "gateway/target/odd_list.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/log.h"
#include "tsig/name.h"
#include "tsig/plural.h"

void odd_list_add(struct odd_list *list, const char *format, ...)
{
	va_list args;

	if (list->count++ >= ODD_SHOWN_MAX)
		return;
	va_start(args, format);
	vsnprintf(list->shown[list->count - 1], ODD_TEXT_MAX, format, args);
	va_end(args);
}

const char *odd_list_to_text(const struct odd_list *list, char ret[ODD_LIST_TEXT_MAX])
{
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < list->count && i < ODD_SHOWN_MAX; i++)
		at += (size_t)snprintf(ret + at, ODD_LIST_TEXT_MAX - at, "%s%s",
			i > 0 ? ", " : "", list->shown[i]);
	if (list->count > ODD_SHOWN_MAX)
		snprintf(ret + at, ODD_LIST_TEXT_MAX - at, " and %zu more",
			list->count - ODD_SHOWN_MAX);
	return ret;
}

void odd_list_warn(const struct odd_list *list, const uint8_t *zone, const char *who)
{
	char name[NAME_TEXT_MAX], text[ODD_LIST_TEXT_MAX];

	if (list->count > 0)
		log_warning("zone %s: %s has %zu %s in it that Muster cannot read: %s; "
			    "Muster leaves %s alone",
			name_to_text(zone, name), who, list->count,
			PLURAL(list->count, "record"), odd_list_to_text(list, text),
			list->count == 1 ? "it" : "them");
}
