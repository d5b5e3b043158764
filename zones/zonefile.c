/*
 * Reading a zone file (RFC 1035 5) into the mirror, record by record through ldns.
 *
 * $ORIGIN and $TTL are known, $INCLUDE is not.  Without $TTL a record without TTL gets
 * DEFAULT_TTL_S.  A file that Muster serves must be right in itself: what a server's own
 * zone may not hold (a second SOA, a CNAME beside other data, names outside) is an error
 * with its line.
 */
#include "zones/zone.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "zones/rdata.h"

enum { DEFAULT_TTL_S = 3600, TTL_MAX_S = 0x7fffffff };

struct zonefile {
	struct zone *zone;
	int line; /* of the file, as far as read */
	uint32_t default_ttl;
	ldns_rdf *origin;
	ldns_rdf *prev;
	char *error; /* ZONE_ERROR_MAX octets */
};

static int fail(const struct zonefile *file, int error, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct zonefile *file, int error, const char *why, ...)
{
	va_list args;
	int n = snprintf(file->error, ZONE_ERROR_MAX, "line %d: ", file->line);

	va_start(args, why);
	vsnprintf(file->error + n, (size_t)(ZONE_ERROR_MAX - n), why, args);
	va_end(args);
	return error;
}

/* A failure that names the record. */
static int fail_record(const struct zonefile *file, const struct rr *rr, const char *why)
{
	char owner[NAME_TEXT_MAX], type[RDATA_TYPE_NAME_MAX];

	return fail(file, -EINVAL, "%.*s %s: %s", ZONE_ERROR_MAX / 2,
		name_to_text(rr->owner, owner), rdata_type_name(rr->type, type), why);
}

/* May type stand at a node beside what is there?  RFC 1034 3.6.2, RFC 4035 2.5. */
static const char *check_beside(const struct zone_node *node, uint16_t type)
{
	const struct rrset *set;

	for (unsigned i = 0; node && (set = zone_node_rrset(node, i)); i++) {
		bool other_is_cname = set->type == TYPE_CNAME;
		uint16_t other = other_is_cname ? type : set->type;

		if (other_is_cname == (type == TYPE_CNAME))
			continue;
		if (other != TYPE_RRSIG && other != TYPE_NSEC && other != TYPE_KEY)
			return "a CNAME and other data at one name";
	}
	return NULL;
}

static const char *check_record(const struct zone *zone, const struct rr *rr)
{
	const char *why = "malformed RDATA";

	if (!name_is_subdomain(rr->owner, zone_apex(zone)))
		return "not in the zone";
	if (rr->class != CLASS_IN)
		return "class is not IN";
	if (rdata_type_is_meta(rr->type))
		return "a metatype is not data";
	if (rr->ttl > TTL_MAX_S)
		return "TTL is more than 2147483647"; /* RFC 2181 8 */
	if (!rdata_is_valid(rr->type, rr->rdata, rr->rdata_len, &why))
		return why;
	if (rr->type == TYPE_SOA && !name_is_equal(rr->owner, zone_apex(zone)))
		return "a SOA below the zone's name";
	if (rdata_is_singleton(rr->type) && zone_find(zone, rr->owner, rr->type))
		return "a second one at this name";
	return check_beside(zone_find_node(zone, rr->owner), rr->type);
}

static int load(struct zonefile *file, const struct rr *rr)
{
	const char *why = check_record(file->zone, rr);
	int r;

	if (why)
		return fail_record(file, rr, why);
	r = zone_load_rr(file->zone, rr);
	if (r == -ENOSPC) {
		fail_record(file, rr, "too large an RRset");
		return r;
	}
	return r < 0 ? fail(file, r, "no memory") : 0;
}

static int load_ldns(struct zonefile *file, const ldns_rr *from)
{
	uint8_t owner[NAME_MAX_LEN];
	size_t owner_len = ldns_rdf_size(ldns_rr_owner(from));
	ldns_buffer *rdata = ldns_buffer_new(LDNS_MIN_BUFLEN);
	struct rr rr = {.owner = owner,
		.type = (uint16_t)ldns_rr_get_type(from),
		.class = (uint16_t)ldns_rr_get_class(from),
		.ttl = ldns_rr_ttl(from)};
	int r;

	if (!rdata)
		return fail(file, -ENOMEM, "no memory");
	if (owner_len > NAME_MAX_LEN ||
		ldns_rr_rdata2buffer_wire(rdata, from) != LDNS_STATUS_OK ||
		ldns_buffer_position(rdata) > UINT16_MAX) {
		ldns_buffer_free(rdata);
		return fail(file, -EINVAL, "record too long");
	}
	memcpy(owner, ldns_rdf_data(ldns_rr_owner(from)), owner_len);
	name_lower(owner);
	rr.rdata = ldns_buffer_begin(rdata);
	rr.rdata_len = (uint16_t)ldns_buffer_position(rdata);
	r = load(file, &rr);
	ldns_buffer_free(rdata);
	return r;
}

/* One entry of the file: a record, a directive or nothing. */
static int read_entry(struct zonefile *file, FILE *from)
{
	ldns_rr *rr = NULL;
	ldns_status status = ldns_rr_new_frm_fp_l(
		&rr, from, &file->default_ttl, &file->origin, &file->prev, &file->line);
	int r;

	if (ferror(from))
		return fail(file, -EIO, "read error");
	switch (status) {
	case LDNS_STATUS_OK:
		r = load_ldns(file, rr);
		ldns_rr_free(rr);
		return r;
	case LDNS_STATUS_SYNTAX_EMPTY:
	case LDNS_STATUS_SYNTAX_TTL:
	case LDNS_STATUS_SYNTAX_ORIGIN:
		return 0;
	case LDNS_STATUS_SYNTAX_INCLUDE:
		return fail(file, -EINVAL, "$INCLUDE is not supported");
	case LDNS_STATUS_MEM_ERR:
		return fail(file, -ENOMEM, "no memory");
	default:
		return fail(file, -EINVAL, "%s", ldns_get_errorstr_by_id(status));
	}
}

int zone_read_file(struct zone *zone, FILE *from, char ret_error[ZONE_ERROR_MAX])
{
	const uint8_t *apex = zone_apex(zone);
	struct zonefile file = {
		.zone = zone, .default_ttl = DEFAULT_TTL_S, .error = ret_error};
	int r = 0;

	file.origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name_len(apex), apex);
	if (!file.origin)
		return fail(&file, -ENOMEM, "no memory");
	while (r == 0 && !feof(from))
		r = read_entry(&file, from);
	if (r == 0 && !zone_soa(zone))
		r = fail(
			&file, -EINVAL, "the file ends without a SOA at the zone's name");
	ldns_rdf_deep_free(file.origin);
	ldns_rdf_deep_free(file.prev);
	return r;
}
