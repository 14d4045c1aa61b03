#!/bin/sh
# SPDX-License-Identifier: MIT
#
# draw.sh - one picture of the goals
#
#	tests/bench/draw.sh GOALS.csv PICTURE.svg

goals=$1 picture=$2

# the machine, the names of the columns, and what there is
[ "$(grep -c . "$goals")" -gt 2 ] || exit 0
if ! command -v gnuplot >/dev/null; then
	echo "not drawn: $picture (gnuplot-nox)"
	exit 0
fi
gnuplot -e "data = '$goals'; picture = '$picture'" "$(dirname "$0")/plot.gp" &&
	echo "drawn: $picture"
