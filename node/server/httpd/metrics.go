package httpd

import "github.com/prometheus/client_golang/prometheus"

// metrics are what a server counts.
type metrics struct {
	seconds  *prometheus.HistogramVec
	answers  *prometheus.CounterVec
	requests prometheus.Gauge
	refused  prometheus.Counter
	received prometheus.Counter
	sent     prometheus.Counter
}

func newMetrics(r prometheus.Registerer, s *Server) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "redstuff_" + name, Help: help})
		r.MustRegister(c)
		return c
	}
	m := &metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "redstuff_request_seconds", Help: "Time to serve a request, by route.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 2.5, 13),
		}, []string{"route"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redstuff_requests_total", Help: "Requests served, by route and status.",
		}, []string{"route", "status"}),
		requests: prometheus.NewGauge(prometheus.GaugeOpts{Name: "redstuff_requests_in_flight", Help: "Requests being served."}),
		refused:  counter("overload_total", "Requests answered 503."),
		received: counter("received_bytes_total", "Bytes of request bodies."),
		sent:     counter("sent_bytes_total", "Bytes of answers."),
	}
	r.MustRegister(m.seconds, m.answers, m.requests)
	for class := Stranger; class <= Member; class++ {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "redstuff_connections", Help: "Connections, by who is at the other end.",
			ConstLabels: prometheus.Labels{"class": class.String()},
		}, func() float64 { return float64(s.conns.count()[class]) }))
	}
	for at := range cutPoints {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "redstuff_connections_cut_off_total", Help: "Connections cut off for not bringing a header or a body, or not taking an answer, in time.",
			ConstLabels: prometheus.Labels{"at": at.String()},
		}, func() float64 { return float64(s.conns.cutOffs()[at]) }))
	}
	r.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "redstuff_connections_evicted_total", Help: "Connections closed to make room for others.",
		}, func() float64 { n, _ := s.conns.evictions(); return float64(n) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "redstuff_body_bytes", Help: "Bytes held for bodies, and for what answers are made of.",
		}, func() float64 { return float64(s.bytes.use()) }))
	return m
}
