// SPDX-License-Identifier: GPL-2.0

//! The notes of the manual and of the long help.

/// The notes of the manual.
pub const NOTES: &str = "\
Rates use the clock of the counters, so a late dmpstat changes no number. r/s and the other rates count \
requests on arrival.

r_await and the like are the average duration of completed requests, failed ones included. An older \
module measures successful requests only.

Percentiles are upper bounds: the bound of a histogram's bucket, or the slowest request if smaller. Each \
bound is twice the bound before, so the true value is more than half of the percentile, except below the \
first bound, 0.001 ms. Percentiles are rounded up to two digits. Percentiles and r_max cover successful \
requests only. r_max is exact if the slowest request since the last reset completed in the interval, and \
an upper bound otherwise. A percentile above the last bound, 69 s, shows the slowest request since the \
last reset.

aqu-sz is the exact mean number of requests in flight: the time that all measured requests, completed or \
not, were in flight in the interval, divided by its length. If a disk hangs, aqu-sz is the number of \
requests in flight. iostat adds the whole time of a request to the interval of its end: 0 while a disk \
hangs, and too much afterwards. dmpstat does the same with a module that does not measure ages. In a \
report since a reset, aqu-sz is \"-\" if requests in flight at the reset could change the value by more \
than 0.005.

inflight is at least the kernel's own count in /sys/block/dm-N/inflight, the only source while latency is \
not measured. r_age, w_age and so on are the mean age, in milliseconds, of the measured requests in \
flight at the interval's end, and age covers all operations. Ages are 0 without requests in flight. With \
\"-S age\" a hanging device comes first.

errs, r_err and so on count failed requests in the interval; in the first report, since the last reset.

A \"-\" is a number that was not measured: latencies before \"dmpstat latency on\", flushes if all lines \
have flush_bypass, percentiles without a request, rates over no time. Totals (aqu-sz, inflight, age, \
errs, err/s, again/s) cover the measured operations. Averages without requests are 0, as in iostat.

A mark after the numbers of a device tells why they do not cover the whole interval: \"new\" (the device \
is new, or has replaced another one), \"reset\" (the numbers begin at the reset), \"latency\" (latency \
was switched: its columns begin where latency was last switched on, and all others cover the whole \
interval). A state follows the mark, and the row is red: \"hung\" (requests are in flight, and none has \
completed for a second or more), \"suspended\" (requests wait until the device is resumed, and the kernel \
counts none in flight).

Without an INTERVAL, each DEVICE must exist. With an INTERVAL, a DEVICE that is not a pattern must exist \
at the start; devices of a pattern, or all devices if no DEVICE is given, may come later. After the first \
report only COUNT or a signal ends the program: dmpstat reports a missing or unreadable device or module \
once, and waits.

Each line of -j is an object with \"time\" and \"devices\", a list of objects. Each device has \
\"device\", \"name\", \"uuid\", \"diskseq\", \"since\" and \"taken\" (nanoseconds since boot: the last \
reset, and the reading of the counters), \"anew\" (the mark), \"state\" (running, hung or suspended), \
\"seconds\" (the interval), \"latency_seconds\" (the part of the interval with measured latency), and \
each column by its name, in its unit. An unmeasured number is null. CSV has the same, with an empty field \
for null. --counts adds \"counts\": for each operation the interval's requests, bytes, errors, again, \
inflight, age_ns, latency_ns, latencies_count, latency_max_ns, rest_ns and rest, and the histograms sizes \
and latencies. CSV has the counts as OPERATION_requests and so on, without histograms. All but inflight, \
age_ns and latency_max_ns add up over intervals.

--by adds devices up: \"vg\" by their volume group, and a regular expression by its first group in the \
name, or else by its whole match. A device without either stays alone. Buckets add up exactly, so \
percentiles are those of the whole group. A number that one device did not measure is unmeasured. A \
request that passes two stacked devices of a group counts twice. In -j and -c a group has a name, and no \
device, uuid and diskseq.

Write /dev/mapper/NAME for a device whose name is a number or a command.

^C ends dmpstat after the current report. The exit status is 0 on success, 1 after a failure, 2 after a \
wrong command line. Only dmpstat check has others: 0 to 3, as monitors read them.";

/// The notes of the page about the full screen.
pub const KEYS: &str = "\
Keys: up, down, page up, page down, home and end choose a device. Left and right choose the column to \
sort by, and r reverses the order. Space pauses. A slash filters by name: enter keeps the filter, escape \
drops the filter. In a recording, comma and dot go one sample back or forward, and minus and plus sixty. \
Tab switches between latencies, sizes and, where they are measured, distances, and a between the last \
interval and the time since the last reset; enter shows or hides the histogram. z hides idle devices, n \
shows dm-N instead of names, x shows all columns, ^L redraws the screen, and ? shows the keys. q and ^C \
quit.

Without an INTERVAL, reports are a second apart. The sparklines show the last 120 reports.";

/// The notes of the page about metrics.
pub const METRICS: &str = "\
Each operation of each volume has dmp_request_duration_seconds and dmp_request_size_bytes, histograms \
whose bounds are powers of two. The count and the sum of the second one are the requests and their bytes. \
There are also dmp_request_errors_total, dmp_inflight_requests and, for reads and writes, \
dmp_inflight_age_seconds, the sum of the ages of requests in flight. The labels are name and operation; \
two volumes whose names look alike also have the label uuid. Reads and writes always have series, and \
another operation has series from its first request on. --full adds dmp_requests_total, \
dmp_request_bytes_total and dmp_request_retries_total.

Each volume has dmp_volume_info, with its device, its volume group and logical volume, and the exported \
volumes below: sum over the volumes with an empty stacked_on, because the others count twice. \
dmp_volume_underlying_info names each underlying disk, dmp_volume_mount_info each mount point, and \
dmp_volume_latency_enabled is 1 if the volume measures latency. dmp_volume_attach_info names each existing \
volume that /etc/dmp/attach.conf lists, attached or not.

A recording (-f) has counters, and neither underlying disks nor mount points. So the export of a recording \
lacks dmp_volume_underlying_info, dmp_volume_mount_info and dmp_volume_attach_info, and stacked_on is empty \
even for a volume that counts twice.

The exporter has dmp_exporter_module_loaded, dmp_exporter_read_errors, \
dmp_exporter_scrape_duration_seconds and dmp_exporter_build_info; a server also has \
process_cpu_seconds_total, process_resident_memory_bytes and so on.

With --by, a group of volumes has the same series with the label group in place of name, and no \
information about devices. Its counters begin at zero when the exporter starts, and grow by the counts of \
its volumes from then on, so that a removed or reset volume does not lower them. An export without \
--listen and INTERVAL sums up the volumes. Durations are those of the volumes that measure latency.

An unmeasured number has no series. Reads and writes of a volume have 37 series each, another operation \
has 30, and a volume has some more. With --full, an operation has 62.

A name without a device is an error at the start; a pattern waits for devices. A server, or a file with \
an INTERVAL, keeps running without the devices and without the module: dmpstat reports each problem once \
on stderr, writes the metrics of all readable volumes, and adds the others when they return.

SIGTERM or ^C ends a server. /metrics comes in OpenMetrics or in the classic form of Prometheus, as the \
client prefers, and with gzip if accepted. /-/healthy answers as long as the server runs. The server \
takes 64 connections at once, for a minute each; one more closes the connection that was idle for the \
longest time.";

/// The notes of the page about checks.
pub const CHECK: &str = "\
The first call, and the first one after a boot, have no interval: they compare only inflight and the ages \
with their limits, because the time since the last reset may be weeks. The counters of the last call are in \
a recording with one sample. Each user needs a writable file; name one with --state if the monitor's user \
has no $XDG_RUNTIME_DIR. A damaged file counts as none. Two monitors that run the same check need two files, \
because each call ends the interval of the next one.

A number that is equal to its limit raises no alarm. LIMIT can be a range of the Monitoring Plugins \
Development Guidelines, in which both ends are included: \"10:\" raises an alarm below 10, \"~:10\" above 10, \
\"10:20\" outside the range, and \"@10:20\" inside. Each number of a range has a unit of its own. bash replaces \
a \"~\" that is not quoted.

A column that a volume does not measure is UNKNOWN, and so are an unreadable volume, a missing module and a \
wrong option. A percentile without a request raises no alarm. CRITICAL hides WARNING, and WARNING hides \
UNKNOWN. A hung or suspended volume is in the text, and raises no alarm by itself: use age=30s.

Performance data has the columns with limits, or those of the short table. Times are in ms, amounts in B \
(bytes, or bytes a second), and all other numbers without a unit. In a label, \"_\" replaces spaces and the \
characters that a monitor refuses: r_s is the column r/s.";
