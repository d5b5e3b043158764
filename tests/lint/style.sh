#!/bin/sh
# What can be checked of the house style without judgement: width, marks of unfinished work,
# trailing blanks, lengths of files and functions, and that each header stands alone.
# clang-format checks the layout (.clang-format).
set -u
cd "${srcdir:-.}" || exit 1

folders=$(ls -d tsig zones gateway agent tests 2>/dev/null)
# shellcheck disable=SC2086 # a list
sources=$(find $folders -name '*.[ch]' | sort)
# shellcheck disable=SC2086
texts=$(find $folders contrib \( -name '*.[ch158]' -o -name '*.py' -o -name '*.sh' -o \
	-name '*.scn' -o -name '*.inc' -o -name '*.conf' -o -name '*.service' \) | sort
	ls README.md configure.ac Makefile.am contrib/quickstart contrib/run-tests \
		contrib/install-packages)

# shellcheck disable=SC2086
lines=$(awk -v columns=90 -v file_lines=700 -v function_lines=70 '
	function width(text,    i, n) {
		for (i = 1; i <= length(text); i++)
			n += substr(text, i, 1) == "\t" ? 8 - n % 8 : 1
		return n + 0
	}
	function problem(line, text) {
		print FILENAME ":" line ": " text
		bad = 1
	}
	FNR == 1 { signature = ""; opened = 0 }
	width($0) > columns { problem(FNR, width($0) " columns, not at most " columns) }
	FNR == file_lines + 1 { problem(FNR, "more than " file_lines " lines: is there a second room in it?") }
	# A function: a line that begins at the left edge and is no statement, then "{" alone, later
	# "}" alone.
	/^[a-zA-Z_]/ { signature = $0 }
	/^\{$/ { opened = FNR }
	/^\}$/ {
		if (opened && FNR - opened - 1 > function_lines)
			problem(opened, FNR - opened - 1 " lines of a function: " signature)
		opened = 0
	}
	END { exit bad }' $sources)
# The pattern is cut in two, so that it does not find itself.
marks='TO''DO|FIX''ME|XX''X'
# shellcheck disable=SC2086
unfinished=$(grep -HnwE "$marks" $texts | sed 's/^\([^:]*:[0-9]*\):/\1: unfinished:/')
# shellcheck disable=SC2086
blanks=$(grep -Hn '[ 	]$' $texts | grep -v '\.md:' | sed 's/^\([^:]*:[0-9]*\):.*/\1: trailing blanks/')

# A header must not need another before it.  Those of tests need cmocka.
flags="-std=gnu11 -D_GNU_SOURCE -I. -Itests/unit -Itests/scenarios"
flags="$flags $(pkg-config --cflags ldns libcrypto libconfig jansson 2>/dev/null)"
headers=$(printf '%s\n' "$sources" | grep '\.h$')
pkg-config --exists cmocka 2>/dev/null ||
	headers=$(printf '%s\n' "$headers" | grep -v '^tests/')
alone=$(for header in $headers; do
	# shellcheck disable=SC2086
	printf '#include "%s"\n' "$header" | ${CC:-cc} $flags -fsyntax-only -xc - 2>&1 |
		grep -m 1 'error:' | sed "s|^[^:]*:[0-9]*:|&|; s|^<stdin>:[0-9]*|$header:1|"
done)

problems=$(printf '%s\n' "$lines" "$unfinished" "$blanks" "$alone" | grep .)
[ -z "$problems" ] && exit 0
printf '%s\n' "$problems"
exit 1
