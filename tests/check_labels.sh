#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_labels.sh - the steps of layout.h, their KILLED tables, the comments of
# the code and the models speak of the same steps by the same labels.
#
# A label is a letter and a number; which letters are steps of which struct
# says the table below. Each step of a struct has a row in its KILLED table,
# and its place in the code: a comment in one of the struct's files, or in a
# model, if there is one. No file names a step that there is not. The comment
# at the head of a file does not count: it promises, it does not mark a place.

awk '
BEGIN {
	# the letters of each struct, its files, its model
	own("head", "C", "region os_linux")
	own("gate", "ARSF", "gate held os_linux", "gate")
	own("mutex", "LUN", "mutex")
	own("pool", "B", "pool")
	own("rare", "K", "items queue queue_ends")
	own("queue", "PE", "queue queue_tasks queue_ends items pool", "gate")
	own("leases", "NTDXY", "worker lease joinable queue queue_tasks", "lease")
	own("grow", "KL", "grow items")
	own("life", "Z", "life")
	own("pipe", "TVWX", "pipe flow")

	# what the model leaves out, or does in one step with the one before,
	# and why: its own comment says it at length
	out["gate", "A3"] = "pending covers it: LINK()"
	out["gate", "R1"] = out["gate", "R2"] = "private: LINK()"
	out["queue", "P1"] = out["queue", "P2"] = "the put side has no gate"
	out["queue", "P6"] = "the same"
	out["queue", "E1"] = out["queue", "E2"] = "A1 A2; the ring is a number"
	out["queue", "E3"] = out["queue", "E5"] = "the put side"
	out["queue", "E6"] = "R3 and on"
	out["leases", "N1"] = "only grows, before N2"
	out["leases", "T5"] = "the put side"
	out["leases", "D1"] = "is T1"
	out["leases", "N7"] = out["leases", "N8"] = "test_gate_fences"
}

function own(name, letters, files, model,	i, n, list) {
	structs[++count] = name
	letters_of[name] = letters
	model_of[name] = model
	n = split(files, list, " ")
	for (i = 1; i <= n; i++)
		scope[list[i]] = scope[list[i]] " " name
	if (model)
		scope["model_" model] = scope["model_" model] " " name
}

function bad(what) {
	print what
	failures++
}

# "A1 .. A3" and "A1, A2" as single labels, in a space-separated list: first
# the `named` ones that stand there, then those in between
function labels(text, list,	n, at, from, to, i, out_, more) {
	named = 0
	gsub(/[^A-Za-z0-9_.]+/, " ", text)
	gsub(/ ?\.\.+ ?/, " .. ", text)
	n = split(text, list, " ")
	for (i = 1; i <= n; i++) {
		if (list[i] ~ /^[A-Z][0-9]\.?$/) {
			out_ = out_ " " substr(list[i], 1, 2)
			named++
		}
		if (list[i] == ".." && list[i - 1] ~ /^[A-Z][0-9]$/ &&
		    list[i + 1] ~ /^[A-Z][0-9]\.?$/ &&
		    substr(list[i - 1], 1, 1) == substr(list[i + 1], 1, 1)) {
			from = substr(list[i - 1], 2, 1)
			to = substr(list[i + 1], 2, 1)
			for (at = from + 1; at < to; at++)
				more = more " " substr(list[i - 1], 1, 1) at
		}
	}
	return out_ more
}

function is_own(name, label) {
	return index(letters_of[name], substr(label, 1, 1)) > 0
}

# ---- layout.h ----

function begin_struct(name) {
	current = name
	part = ""
}

function step_line(text,	n, i, list) {
	n = split(labels(text), list, " ")
	for (i = 1; i <= n; i++)
		if (is_own(current, list[i]) &&
		    !((current, list[i]) in step)) {
			step[current, list[i]] = 1
			order[++steps] = current SUBSEP list[i]
		}
}

# "..L1", "L2..", "N..", "B1, B6": what the row is about
function killed_line(text,	n, i, list, from) {
	sub(/  .*/, "", text)
	n = split(labels(text), list, " ")
	for (i = 1; i <= n; i++)
		killed[current, list[i]] = 1
	if (text ~ /^\.\.[A-Z][0-9]/)
		for (i = 1; i < substr(text, 4, 1) + 0; i++)
			killed[current, substr(text, 3, 1) i] = 1
	if (text ~ /^[A-Z][0-9]?\.\.$/)
		for (i = substr(text, 2, 1) + 0; i <= 9; i++)
			killed[current, substr(text, 1, 1) i] = 1
}

function layout_line(line,	text) {
	if (line ~ /^ \* struct [a-z_]+_shm - /) {
		split(line, words, /[ _]/)
		begin_struct(words[4])
	} else if (line ~ /^ \* The gate - /) {
		begin_struct("gate")
	} else if (line ~ /^ \*\//) {
		part = ""
	}
	if (line ~ /^ \* [A-Z][A-Z]+ /)
		part = substr(line, 4, index(substr(line, 4), " ") - 1)
	text = substr(line, 15)
	if (part == "STEPS")
		step_line(substr(line, 10))
	if (part == "KILLED" && substr(line, 4, 11) !~ /[^ KILED]/)
		killed_line(text)
	if (part == "INVARIANTS" && text ~ /^[A-Z][0-9] /)
		invariant[substr(text, 1, 2)] = 1
}

# ---- code and models ----

function module_of(path) {
	sub(/\.[chpml]+$/, "", path)
	return path ~ /model/ ? "model_" substr(path, 13) : substr(path, 5)
}

# a step within a range (S2 .. S6: S3) is spoken of, but has its place elsewhere
function uses(text,	n, i, j, m, list, names, known) {
	n = split(labels(text), list, " ")
	m = split(scope[module], names, " ")
	for (i = 1; i <= n; i++) {
		known = list[i] in invariant
		for (j = 1; j <= m; j++)
			if ((names[j], list[i]) in step) {
				known = 1
				if (header || i > named)
					continue
				place[module ~ /^model/ ? "model" : "code",
				      names[j], list[i]] = 1
			}
		for (j = 1; j <= steps; j++)
			if (order[j] ~ (list[i] "$"))
				known = 1
		if (!known)
			bad(FILENAME ":" FNR ": no step " list[i])
	}
}

FNR == 1 {
	module = module_of(FILENAME)
	comments = inside = 0
}
FILENAME == "src/layout.h" {
	layout_line($0)
	next
}
{
	line = $0
	if (!inside && line ~ /^[A-Z][0-9](_all)?:/ && module ~ /^model/)
		uses(substr(line, 1, 2))
	while (line != "") {
		if (inside) {
			at = index(line, "*/")
			header = comments <= 2
			uses(at ? substr(line, 1, at - 1) : line)
			if (!at)
				break
			inside = 0
			line = substr(line, at + 2)
		}
		at = index(line, "/*")
		if (!at)
			break
		inside = 1
		comments++
		line = substr(line, at + 2)
	}
}

END {
	for (i = 1; i <= steps; i++) {
		split(order[i], is, SUBSEP)
		if (!((is[1], is[2]) in killed))
			bad("layout.h: " is[1] ": no KILLED row for " is[2])
		if (!(("code", is[1], is[2]) in place))
			bad("code: " is[1] ": no place of " is[2])
		if (model_of[is[1]] && !((is[1], is[2]) in out) &&
		    !(("model", is[1], is[2]) in place))
			bad(model_of[is[1]] ".pml: no step " is[1] " " is[2])
	}
	for (i = 1; i <= count; i++) {
		for (n = j = 0; j < 10; j++)
			for (k = 1; k <= length(letters_of[structs[i]]); k++)
				n += (structs[i], substr( \
				      letters_of[structs[i]], k, 1) j) in step
		if (!n)
			bad("layout.h: no steps of " structs[i])
	}
	if (failures || !steps) {
		print "labels: " failures + 0 " faults in " steps + 0 " steps"
		exit 1
	}
	print "labels: " steps " steps, the same in table, code and models"
}' src/layout.h src/[a-km-z]*.[ch] src/l[ei]*.[ch] tests/model/*.pml
