#!/bin/sh
# Manual pages: mandoc has no complaints, and muster.conf(5) and muster-agent.conf(5) explain
# every setting and every choice in the tables of settings.  Skipped without mandoc.
set -u
cd "${srcdir:-.}" || exit 1
command -v mandoc >/dev/null || exit 77

pages=$(ls gateway/*.[158] agent/*.[158] 2>/dev/null)
conf=gateway/muster.conf.5

# names_of TYPE FILE...: names in the tables
# "static const struct TYPE ...[] = { {"name", ...}, ... };", or READER_...("name", ...).
names_of() {
	type=$1
	shift
	awk -v type="$type" '
		$0 ~ "struct " type " [*a-z_]*\\[\\] *=" { inside = 1 }
		inside {
			text = $0
			while (match(text, /(\{|READER_[A-Z]+\(|^\t+)"[a-zA-Z_]+"/)) {
				split(substr(text, RSTART, RLENGTH), part, "\"")
				print FILENAME ":" FNR ":" part[2]
				text = substr(text, RSTART + RLENGTH)
			}
		}
		inside && /\};/ { inside = 0 }' "$@"
}

# explained NAME: in a line of its own list entry, or as a macro's argument anywhere.
is_entry() {
	grep -qE "^\.It .*(^|[ ,])$1([ ,]|\$)" "$conf"
}
is_named() {
	grep -qE "^\..*[ \"]$1([ \",.;:)]|\$)" "$conf"
}

settings=$(names_of reader_member gateway/config/config*.c)
choices=$(names_of reader_choice gateway/config/config*.c)
agent_settings=$(names_of reader_member agent/config/*.c)
agent_choices=$(names_of reader_choice agent/config/*.c)

explain() {
	for found in $1; do
		is_entry "${found##*:}" ||
			echo "${found%:*}: $conf has no entry for the setting \"${found##*:}\""
	done
	for found in $2; do
		is_named "${found##*:}" ||
			echo "${found%:*}: $conf does not explain \"${found##*:}\""
	done
}

problems=$(
	# This test depends on the tables: it must notice if they move.
	for known in listen zones ack targets url allow keys match secret default; do
		printf '%s\n' "$settings" | grep -q ":$known\$" ||
			echo "gateway/config/config.c:1: no table has the setting \"$known\" any more"
	done
	# shellcheck disable=SC2086 # a list
	[ -z "$pages" ] || mandoc -T lint -W warning $pages 2>&1 | sed 's/^mandoc: //; s/^\([^:]*:[0-9]*\):[0-9]*:/\1:/'
	# As most terminals show them.
	for page in $pages; do
		mandoc -T ascii -O width=80 "$page" | col -bx | awk -v page="$page" '
			length($0) > 80 { print page ":1: wider than 80 columns: " $0 }
			/""/ { print page ":1: garbled quotes: " $0 }'
		grep -n '^\.Bl -column' "$page" |
			sed "s|^\([0-9]*\):.*|$page:\1: groff breaks long text in columns|"
	done
	if [ ! -f "$conf" ]; then
		echo "$conf:1: is missing"
		exit
	fi
	explain "$settings" "$choices"
	for known in gateways key_file sources path grace; do
		printf '%s\n' "$agent_settings" | grep -q ":$known\$" ||
			echo "agent/config/config.c:1: no table has the setting \"$known\" any more"
	done
	conf=agent/muster-agent.conf.5
	explain "$agent_settings" "$agent_choices"
)
[ -z "$problems" ] && exit 0
printf '%s\n' "$problems"
exit 1
