/*
 * Where to try next: see endpoints.h.
 */
#include "gateway/target/endpoints.h"

void endpoints_begin(struct endpoints *endpoints)
{
	endpoints->failed = 0;
}

bool endpoints_fail(struct endpoints *endpoints, size_t at)
{
	if (at == endpoints->current && endpoints->failed < endpoints->count) {
		endpoints->failed++;
		endpoints->current = (at + 1) % endpoints->count;
	}
	return endpoints->failed < endpoints->count;
}

bool endpoints_answer(struct endpoints *endpoints, size_t at)
{
	const bool is_other = endpoints->answered != at;

	endpoints->failed = 0;
	endpoints->current = at;
	endpoints->answered = at;
	return is_other;
}
