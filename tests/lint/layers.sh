#!/bin/sh
# The layering (README.md, "Map"): tsig/ <- zones/ <- gateway/ and agent/, and the last two
# never include each other, but for gateway/base/, which both stand on.  tsig/ and zones/ are
# pure: no sockets, clock, logging or database.
set -u
cd "${srcdir:-.}" || exit 1

# forbid FOLDER PATTERN REASON: no include in FOLDER may match the extended regular expression.
forbid() {
	[ -d "$1" ] || return 0
	find "$1" -name '*.[ch]' -exec grep -HnE "^[ 	]*#[ 	]*include[ 	]*[<\"]($2)" {} + |
		sed "s|^\([^:]*:[0-9]*\): *|\1: $3: |"
}

# Calls, not words: comments, which begin with a star or stand behind a slash, are no code.
forbid_calls() {
	find "$1" -name '*.[ch]' -exec \
		grep -HnE "(^|[^_[:alnum:]>.])($2)[ 	]*\(" {} + |
		grep -vE '^[^:]*:[0-9]*:([ 	]*(/\*|\*| \*)|[^"]*//)' |
		sed "s|^\([^:]*:[0-9]*\): *|\1: $3: |"
}

problems=$(
	forbid tsig '(zones|gateway|agent)/' 'tsig/ stands below this'
	forbid zones '(gateway|agent)/' 'zones/ stands below this'
	forbid gateway 'agent/' 'gateway/ and agent/ are strangers'
	forbid agent 'gateway/' 'gateway/ and agent/ are strangers' | grep -v '"gateway/base/'
	forbid gateway/base '(gateway|agent)/' 'gateway/base/ stands below this' |
		grep -v '"gateway/base/'
	forbid gateway/control 'gateway/(request|leases|reverse|content|delivery|thread)/' \
		'control sees zones through gateway/served/view.h alone'
	forbid gateway/control 'gateway/served/' \
		'control sees zones through gateway/served/view.h alone' |
		grep -vE '"gateway/served/(view|writer)\.h"'
	for folder in tsig zones; do
		# Key files are read by what understands them: that one may read(2).
		forbid "$folder" \
			'(sys/socket|sqlite3|syslog|unistd|time|sys/time|threads|pthread)\.h' \
			'not in a pure layer' | grep -v '^tsig/keyfile_load\.c:.*<unistd\.h>'
		forbid "$folder" '(curl|event2|microhttpd|jansson|libconfig)' 'not in a pure layer'
		forbid_calls "$folder" \
			'time|clock_gettime|gettimeofday|localtime(_r)?|syslog|socket|printf|perror' \
			'not in a pure layer'
	done
)
[ -z "$problems" ] && exit 0
printf '%s\n' "$problems"
exit 1
