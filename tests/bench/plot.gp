# SPDX-License-Identifier: MIT
#
# plot.gp - the picture of what was wanted and what was reached
#
#	gnuplot -e "data = 'goals.csv'; picture = 'bench.svg'" plot.gp
#
# A bar for each goal: how many times as fast as what it is compared with, from
# 1 on, so those to the right are faster. The thin line goes from the slowest to
# the fastest round, the upright one is the goal.

machine = system("sed -n '1s/^# //p' '" . data . "'")
set datafile separator comma
stats data using 1 every ::1 nooutput
rows = STATS_max

set terminal svg size 900, 110 + 19 * rows font "sans-serif,12" \
	background "white"
set output picture
set title machine noenhanced
set xlabel "speed: its time divided by ours (logarithmic)"
set logscale x
set xrange [0.05:2000]
set xtics ("1/10" 0.1, "1/3" 1. / 3, "1" 1, "3" 3, "10" 10, "30" 30, \
	"100" 100, "1000" 1000)
set grid xtics
set yrange [rows + 0.8:0.2]
set ytics noenhanced scale 0
set key inside right bottom opaque
set style fill solid 1
set arrow from 1, graph 0 to 1, graph 1 nohead lc "black" front

reached(speed, goal, y) = speed >= goal ? y : NaN
missed(speed, goal, y) = speed < goal ? y : NaN

# x, y, from, to, low, high
plot data every ::1 using 3:(reached($3, $6, $1)):(1):3:($1 - 0.35):($1 + 0.35) \
	with boxxyerror lc "#4c9f70" title "goal reached", \
	"" every ::1 using 3:(missed($3, $6, $1)):(1):3:($1 - 0.35):($1 + 0.35) \
	with boxxyerror lc "#e08e45" title "goal missed", \
	"" every ::1 using 4:1:($5 - $4):(0):ytic(2) \
	with vectors nohead lc "#555555" lw 1 title "all rounds", \
	"" every ::1 using 6:($1 - 0.45):(0):(0.9) \
	with vectors nohead lc "#b00020" lw 3 title "goal"
