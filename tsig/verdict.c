/*
 * Makes verdicts, and names them for logs.
 *
 * Does not allocate; a reason longer than VERDICT_WHY_MAX is cut.
 */
#include "tsig/verdict.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static const char *const rcode_names[] = {
	[RCODE_NOERROR] = "NOERROR",
	[RCODE_FORMERR] = "FORMERR",
	[RCODE_SERVFAIL] = "SERVFAIL",
	[RCODE_NXDOMAIN] = "NXDOMAIN",
	[RCODE_NOTIMP] = "NOTIMP",
	[RCODE_REFUSED] = "REFUSED",
	[RCODE_YXDOMAIN] = "YXDOMAIN",
	[RCODE_YXRRSET] = "YXRRSET",
	[RCODE_NXRRSET] = "NXRRSET",
	[RCODE_NOTAUTH] = "NOTAUTH",
	[RCODE_NOTZONE] = "NOTZONE",
	[RCODE_BADVERS] = "BADVERS",
};

static void print_why(struct verdict *v, const char *why, va_list args)
	__attribute__((format(printf, 2, 0)));

static void print_why(struct verdict *v, const char *why, va_list args)
{
	if (vsnprintf(v->why, sizeof(v->why), why, args) < 0)
		v->why[0] = '\0';
	for (char *p = v->why; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

struct verdict verdict_refuse(enum rcode rcode, enum ede ede, const char *why, ...)
{
	struct verdict v = {.rcode = (uint16_t)rcode, .ede = (int16_t)ede};
	va_list args;

	va_start(args, why);
	print_why(&v, why, args);
	va_end(args);
	return v;
}

struct verdict verdict_no_memory(void)
{
	return verdict_refuse(RCODE_SERVFAIL, EDE_OTHER, "out of memory");
}

struct verdict verdict_bad_tsig(enum tsig_error error, const char *why, ...)
{
	struct verdict v = {
		.rcode = RCODE_NOTAUTH, .tsig_error = (uint16_t)error, .ede = EDE_NONE};
	va_list args;

	va_start(args, why);
	print_why(&v, why, args);
	va_end(args);
	return v;
}

static const char *tsig_error_name(uint16_t error)
{
	switch (error) {
	case TSIG_ERROR_BADSIG:
		return "BADSIG";
	case TSIG_ERROR_BADKEY:
		return "BADKEY";
	case TSIG_ERROR_BADTIME:
		return "BADTIME";
	case TSIG_ERROR_BADTRUNC:
		return "BADTRUNC";
	default:
		return NULL;
	}
}

const char *verdict_rcode_name(uint16_t rcode, char buf[VERDICT_NAME_MAX])
{
	if (rcode < sizeof(rcode_names) / sizeof(rcode_names[0]) && rcode_names[rcode])
		return rcode_names[rcode];
	snprintf(buf, VERDICT_NAME_MAX, "RCODE%u", rcode);
	return buf;
}

const char *verdict_name(const struct verdict *v, char buf[VERDICT_NAME_MAX])
{
	char rcode_buf[VERDICT_NAME_MAX];

	if (v->tsig_error == TSIG_ERROR_NONE)
		return verdict_rcode_name(v->rcode, buf);

	const char *rcode = verdict_rcode_name(v->rcode, rcode_buf);
	const char *error = tsig_error_name(v->tsig_error);

	if (error)
		snprintf(buf, VERDICT_NAME_MAX, "%.15s(%s)", rcode, error);
	else
		snprintf(buf, VERDICT_NAME_MAX, "%.15s(TSIG%u)", rcode, v->tsig_error);
	return buf;
}
