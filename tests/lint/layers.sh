#!/bin/sh
# The layering (README.md, "Map"): tsig/ <- zones/ <- gateway/ and agent/.  The last two never
# include each other, except that both build on gateway/base/.  tsig/ and zones/ are pure: they
# have no sockets, clock, logging or database.
set -u
cd "${srcdir:-.}" || exit 1

# forbid FOLDER PATTERN REASON: no include in FOLDER may match the extended regular expression.
forbid() {
	[ -d "$1" ] || return 0
	find "$1" -name '*.[ch]' -exec grep -HnE "^[ 	]*#[ 	]*include[ 	]*[<\"]($2)" {} + |
		sed "s|^\([^:]*:[0-9]*\): *|\1: $3: |"
}

# Calls, but not in comments, which begin with a star or come after a slash.
forbid_calls() {
	find "$1" -name '*.[ch]' -exec \
		grep -HnE "(^|[^_[:alnum:]>.])($2)[ 	]*\(" {} + |
		grep -vE '^[^:]*:[0-9]*:([ 	]*(/\*|\*| \*)|[^"]*//)' |
		sed "s|^\([^:]*:[0-9]*\): *|\1: $3: |"
}

# The rooms, from the bottom to the top.
GATEWAY='base config answer journal target actions thread delivery content leases request
	reverse served listener control'
AGENT='records config publish sources'

# rooms FOLDER ROOM...: each includes only those before it, and nothing of the folder itself.
rooms() {
	folder=$1
	shift
	above=$*
	for room; do
		above=$(printf '%s\n' $above | grep -vx "$room")
		forbid "$folder/$room" "$folder/([^/]*\"$(printf '|%s/' $above))" \
			"$folder/$room/ stands below this"
	done
	for path in "$folder"/*/; do
		case " $* " in
		*" $(basename "$path") "*) ;;
		*) echo "$path: has no place among the rooms of tests/lint/layers.sh" ;;
		esac
	done
}

# Headers that are private to a room, or to a few files in it, are included only there.
strangers_of_private_headers() {
	find tsig zones gateway agent -name '*_private.h' | while read -r header; do
		find tsig zones gateway agent -name '*.[ch]' ! -path "$(dirname "$header")/*" \
			-exec grep -HnF "\"$header\"" {} + |
			sed 's|$|: is private to its room|'
	done
}

# A loop must not wait for the database.  So no room above thread/ opens it, and none of
# their headers keeps it: whoever needs something from it gives the reader a job
# (gateway/journal/reader.h), which is handed a store.
stores_in_loops() {
	for room in thread $(printf '%s\n' $GATEWAY | sed '1,/^thread$/d'); do
		grep -HnE 'struct store \*[a-z_]+;' "gateway/$room"/*.h
		[ "$room" = thread ] || grep -HnE '(ops|store)->open[ 	]*\(' "gateway/$room"/*.c
	done | sed 's|$|: only a job of the reader has a store (gateway/journal/reader.h)|'
}

problems=$(
	forbid tsig '(zones|gateway|agent)/' 'tsig/ stands below this'
	forbid zones '(gateway|agent)/' 'zones/ stands below this'
	forbid gateway 'agent/' 'gateway/ and agent/ are strangers'
	forbid agent 'gateway/' 'gateway/ and agent/ are strangers' | grep -v '"gateway/base/'
	forbid gateway/base '(gateway|agent)/' 'gateway/base/ stands below this' |
		grep -v '"gateway/base/'
	rooms gateway $GATEWAY ctl
	rooms agent $AGENT
	forbid gateway/ctl "gateway/($(printf '%s\n' $GATEWAY | grep -vx base | paste -sd'|'))/" \
		'musterctl knows the gateway by what it says'
	forbid gateway/control 'gateway/(request|leases|reverse|content|delivery|thread)/' \
		'control sees zones through gateway/served/view.h alone'
	forbid gateway/control 'gateway/served/' \
		'control sees zones through gateway/served/view.h alone' |
		grep -vE '"gateway/served/(view|zone_threads)\.h"'
	strangers_of_private_headers
	stores_in_loops
	for folder in tsig zones; do
		# Key files are read by the code that understands them, which may therefore read(2).
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
