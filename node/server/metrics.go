package server

import "github.com/prometheus/client_golang/prometheus"

// metrics are what a server counts, beside those of package httpd.
type metrics struct {
	rejected  prometheus.Counter
	symbols   prometheus.Counter
	corrupt   prometheus.Counter
	invalid   prometheus.Counter
	overQuota prometheus.Counter
	removed   prometheus.Counter
	failures  prometheus.Counter

	unregistered prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "redstuff_" + name, Help: help})
		r.MustRegister(c)
		return c
	}
	return &metrics{
		rejected:  counter("rejected_total", "Writes refused because their data is not what the blob id or the committee's keys commit to."),
		symbols:   counter("symbols_total", "Recovery symbols given out."),
		corrupt:   counter("corrupt_total", "Slivers that could not be read back."),
		invalid:   counter("inconsistent_total", "Blobs that a certificate says are inconsistent."),
		overQuota: counter("over_quota_total", "Writes refused because their writer has too many bytes of blobs without a certificate."),
		removed:   counter("pending_removed_total", "Blobs removed because nobody certified them for long."),
		failures:  counter("disk_failures_total", "Requests that failed because of the disk: it was full, failed, or could not be read."),

		unregistered: counter("unregistered_total", "Writes refused because nobody has registered their blob."),
	}
}
