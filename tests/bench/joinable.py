# SPDX-License-Identifier: MIT
"""joinable.py - ns per put, get and task_done of multiprocessing.JoinableQueue

joinable.py LENGTH STEPS [CPU CPU]: in one process; with two CPUs a producer on
the first and a consumer on the second. Messages come in order and whole.
"""
import multiprocessing
import os
import sys
import time

DEPTH = 1024


def message(length, i):
    return i.to_bytes(8, "little") + bytes(length - 8)


def take(q, length, i):
    if q.get() != message(length, i):
        sys.exit("joinable.py: a message is not the one that was due")
    q.task_done()


def produce(q, length, steps, cpu):
    os.sched_setaffinity(0, {cpu})
    for i in range(steps):
        q.put(message(length, i))


def alone(q, length, steps):
    for i in range(steps):
        q.put(message(length, i))
        take(q, length, i)


def apart(q, length, steps, cpus):
    p = multiprocessing.Process(
        target=produce, args=(q, length, steps, cpus[0]))
    p.start()
    os.sched_setaffinity(0, {cpus[1]})
    take(q, length, 0)
    start = time.perf_counter()
    for i in range(1, steps):
        take(q, length, i)
    end = time.perf_counter()
    p.join()
    if p.exitcode:
        sys.exit("joinable.py: the producer failed")
    return (end - start) / (steps - 1)


def main():
    length, steps = int(sys.argv[1]), int(sys.argv[2])
    q = multiprocessing.JoinableQueue(DEPTH)
    if len(sys.argv) > 3:
        step = apart(q, length, steps, [int(cpu) for cpu in sys.argv[3:]])
    else:
        alone(q, length, 1)  # its thread is there
        start = time.perf_counter()
        alone(q, length, steps)
        step = (time.perf_counter() - start) / steps
    q.join()
    print("%.1f" % (step * 1e9))


main()
