#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_layers.sh - the arrows of the design point down only, and each kind of
# system call is made in the one place that it belongs to.

awk '
BEGIN {
	# who may include whom: a lower number, or the same module
	split("layout 0 os 1 base 2 gate 2 region 2 ring 2 held 3 life 4 flow 5 " \
	      "pool 3 grow 3 lease 3 items 4 mutex 4 worker 4 joinable 5 " \
	      "pipe 6 queue 6 shared 6 " \
	      "process 6 tool 7", table, " ")
	for (i = 1; i in table; i += 2)
		layer[table[i]] = table[i + 1]

	ours = "(^|[^A-Za-z0-9_])"
	os_only = "^os_"
	rule("m(un|re)?map", "^(region|os_)", "maps memory")
	rule("v?fork|_Fork|clone|posix_spawnp?", "^(process|os_process)", "forks")
	rule("syscall", "^(os_|tool_linux)", "makes a bare system call")
	rule("(nano|u)?sleep|clock_nanosleep|pause|select|pselect|" \
	     "sem_(timed)?wait|pthread_cond_[a-z]+|sigsuspend|" \
	     "sigtimedwait|sigwait(info)?|epoll_wait", "^(os_|tool_linux)", "sleeps")
	rule("p?poll", "^(process|children|os_)", "sleeps in poll")
}

function rule(calls, files, what) {
	rules++
	call[rules] = ours "(" calls ")[ \t]*\\("
	allowed[rules] = files
	does[rules] = what
}

function bad(what) {
	print FILENAME ":" FNR ": " what
	failures++
}

# the module of a file: all os_* are os, children.c is half of process, and
# tool* is the program on top of it all
function module_of(path) {
	sub(/.*\//, "", path)
	sub(/\.[ch]$/, "", path)
	if (path == "children")
		return "process"
	if (path ~ /^tool/)
		return "tool"
	if (path ~ /^queue_/)
		return "queue"
	return path ~ /^os_/ ? "os" : path
}

function check_include(path,	to) {
	to = module_of(path)
	if (path == "libipc.h")
		bad("includes the header of all objects")
	else if (!(to in layer))
		bad("includes " path ", which has no layer")
	else if (to != module && path != "ipc/base.h" &&
		 (layer[to] >= layer[module] ||
		  (module == "ring" && to != "layout")))
		bad(module " must not include " path)
}

# the code of a line, without comments and strings
function code_of(line,	at) {
	gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
	while (1) {
		if (in_comment) {
			at = index(line, "*/")
			if (!at)
				return ""
			line = substr(line, at + 2)
			in_comment = 0
		}
		at = match(line, /\/\*.*/)
		if (!at)
			break
		rest = substr(line, at + 2)
		line = substr(line, 1, at - 1)
		end = index(rest, "*/")
		if (!end) {
			in_comment = 1
			return line
		}
		line = line " " substr(rest, end + 2)
	}
	sub(/\/\/.*/, "", line)
	return line
}

FNR == 1 {
	in_comment = 0
	files++
	file = FILENAME
	sub(/.*\//, "", file)
	module = module_of(FILENAME)
	if (!(module in layer))
		bad("is not in the table of layers")
}
/^[ \t]*#[ \t]*include[ \t]*("|<(ipc\/|libipc\.h))/ {
	path = $0
	gsub(/^[^"<]*["<]|[">].*/, "", path)
	check_include(path)
	next
}
{
	code = code_of($0)
	for (i = 1; i <= rules; i++) {
		if (code ~ call[i] && file !~ allowed[i])
			bad(does[i])
	}
	if (code ~ /#.*(__linux__|__APPLE__|__FreeBSD__|_WIN32)/ &&
	    file !~ os_only)
		bad("asks which system it is")
	if (code ~ /struct [a-z_]+_shm[ \t]*(\{|$)/ && file != "layout.h")
		bad("declares shared bytes")
	if (code ~ /typedef/)
		bad("typedef")
}
END {
	if (failures || !files) {
		print "layers: " failures + 0 " faults in " files + 0 " files"
		exit 1
	}
	print "layers: " files " files, all arrows point down"
}' src/*.[ch]
