/*
 * The one way in which Muster says what it decided about a message.
 *
 * Every decision (is this octet string a message, is this key known, may it do this,
 * does this prerequisite hold) returns a struct verdict: what is sent and what is
 * logged, in one value, so that the two cannot disagree.  Operations that can fail
 * because of the machine return 0 or -errno instead; the two are never mixed.
 */
#ifndef MUSTER_VERDICT_H
#define MUSTER_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/* RFC 1035 4.1.1, RFC 2136 2.2, RFC 6891 9.  Values above 15 need an OPT record. */
enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_YXDOMAIN = 6,
	RCODE_YXRRSET = 7,
	RCODE_NXRRSET = 8,
	RCODE_NOTAUTH = 9,
	RCODE_NOTZONE = 10,
	RCODE_BADVERS = 16,
};

/* RFC 8945 3: values of the Error field of a TSIG record. */
enum tsig_error {
	TSIG_ERROR_NONE = 0,
	TSIG_ERROR_BADSIG = 16,
	TSIG_ERROR_BADKEY = 17,
	TSIG_ERROR_BADTIME = 18,
	TSIG_ERROR_BADTRUNC = 22,
};

/* RFC 8914 4: the codes Muster uses.  EDE_NONE is ours: no EDE option at all. */
enum ede {
	EDE_NONE = -1,
	EDE_OTHER = 0,
	EDE_NOT_READY = 14,
	EDE_PROHIBITED = 18,
	EDE_NOT_AUTHORITATIVE = 20,
	EDE_NOT_SUPPORTED = 21,
	EDE_NETWORK_ERROR = 23,
};

enum { VERDICT_WHY_MAX = 192 }; /* octets of reason, with its final zero */

struct verdict {
	uint16_t rcode;            /* enum rcode; the wire answer */
	uint16_t tsig_error;       /* enum tsig_error; goes into the answer's TSIG */
	int16_t ede;               /* enum ede; EDE_NONE if the rcode says it all */
	char why[VERDICT_WHY_MAX]; /* for the log, and the EDE text; "" when accepted */
};

/* Sets only the terminating zero of why, since verdicts are passed around for every
 * step of every request. */
static inline struct verdict verdict_ok(void)
{
	struct verdict ok;

	ok.rcode = RCODE_NOERROR;
	ok.tsig_error = 0;
	ok.ede = EDE_NONE;
	ok.why[0] = '\0';
	return ok;
}

/* Formats the reason like printf, cut to fit.  Octets that are not printable ASCII
 * become '?', so that no peer can write control characters into a log. */
struct verdict verdict_refuse(enum rcode rcode, enum ede ede, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/* SERVFAIL, "out of memory": for one request, never for the process. */
struct verdict verdict_no_memory(void);

/* RFC 8945 5.2: rcode NOTAUTH with the TSIG error given. */
struct verdict verdict_bad_tsig(enum tsig_error error, const char *why, ...)
	__attribute__((format(printf, 2, 3)));

static inline bool verdict_is_ok(const struct verdict *v)
{
	return v->rcode == RCODE_NOERROR;
}

/* "REFUSED", "NOTAUTH(BADKEY)" and so on; a static string or one written to buf. */
enum { VERDICT_NAME_MAX = 32 };
const char *verdict_name(const struct verdict *v, char buf[VERDICT_NAME_MAX]);
const char *verdict_rcode_name(uint16_t rcode, char buf[VERDICT_NAME_MAX]);

#endif
