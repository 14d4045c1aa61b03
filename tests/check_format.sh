#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_format.sh - the sources are as clang-format would write them, and no
# line is longer than 80 columns.

failed=0
files=$(find include src tests examples -name '*.[ch]' | sort)

if command -v clang-format >/dev/null; then
	clang-format --dry-run -Werror $files || failed=1
else
	echo "format: no clang-format here; only the length of lines checked" >&2
fi

# columns are characters: Chinese words take three bytes each
awk '
{
	line = $0
	gsub(/[\200-\277]/, "", line)
	width = 0
	n = split(line, parts, "\t")
	for (i = 1; i <= n; i++) {
		width += length(parts[i])
		if (i < n)
			width += 8 - width % 8
	}
	if (width > 80) {
		print FILENAME ":" FNR ": " width " columns"
		failures++
	}
}
END { exit failures > 0 }' $files >&2 || failed=1

[ $failed = 0 ] && echo "format: $(echo "$files" | wc -l) files"
exit $failed
