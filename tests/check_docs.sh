#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_docs.sh - every public function has a doc comment right above it, with
# its name, one line for each parameter and for nothing else, and then Returns,
# Crash and Safety, in this order.

awk '
function bad(what) {
	print FILENAME ":" FNR ": " name ": " what
	failures++
}

# the names of the parameters of a declaration, in params[1..n]
function parse(text,	list, n, i) {
	match(text, /ipc_[a-z0-9_]+\(/)
	name = substr(text, RSTART, RLENGTH - 1)
	list = substr(text, RSTART + RLENGTH)
	sub(/\)[^)]*$/, "", list)
	n = split(list, params, ",")
	for (i = 1; i <= n; i++) {
		sub(/\[[^]]*\][ \t]*$/, "", params[i])
		match(params[i], /[A-Za-z_0-9]+[ \t]*$/)
		params[i] = substr(params[i], RSTART, RLENGTH)
	}
	return n == 1 && params[1] == "void" ? 0 : n
}

function check(text,	n, i, lines, count, stage, at, rank) {
	n = parse(text)
	if (doc_end != start - 1) {
		bad("no doc comment right above it")
		return
	}
	count = split(doc, lines, "\n")
	if (lines[2] !~ "^ \\* " name " - .")
		bad("the comment does not begin with its name and a dash")
	for (i = 3; i <= count; i++) {
		if (lines[i] ~ /^ \* @[a-z_]+:[ \t]+./) {
			at = lines[i]
			sub(/^ \* @/, "", at)
			sub(/:.*/, "", at)
			if (at != params[++seen])
				bad("@" at " stands where @" params[seen] " belongs")
			rank = 1
		} else if (lines[i] ~ /^ \* Returns  ./) {
			rank = 2
		} else if (lines[i] ~ /^ \* Crash    ./) {
			rank = 3
		} else if (lines[i] ~ /^ \* Safety   ./) {
			rank = 4
		} else {
			continue
		}
		if (rank < stage || (rank > 1 && rank != (stage < 2 ? 2 : stage + 1)))
			bad("wrong order or twice: " lines[i])
		stage = rank
	}
	if (seen != n)
		bad("describes " seen + 0 " of " n " parameters")
	if (stage != 4)
		bad("needs Returns, Crash and Safety")
	seen = 0
}

FNR == 1 { doc_end = 0; inside = 0; open = 0 }
/^\/\*\*$/ { doc = ""; inside = 1 }
inside { doc = doc $0 "\n" }
inside && /\*\// { inside = 0; doc_end = FNR }
!inside && /^LIBIPC_API/ { open = 1; start = FNR; text = "" }
open { text = text " " $0 }
open && /;/ { check(text); functions++; open = 0 }
END {
	if (failures || !functions) {
		print "docs: " failures + 0 " faults in " functions + 0 " functions"
		exit 1
	}
	print "docs: " functions " functions, all described"
}' include/libipc.h include/ipc/*.h
