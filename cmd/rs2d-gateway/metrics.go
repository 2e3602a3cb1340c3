package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/redstuff-go/redstuff/gateway/daemon"
)

// newMetrics returns a registry of what the process is.
func newMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// registerCache shows what a cache does.
func registerCache(r prometheus.Registerer, s *daemon.CacheStats) {
	of := func(n *atomic.Int64) func() float64 { return func() float64 { return float64(n.Load()) } }
	for _, m := range []struct {
		name, help string
		n          *atomic.Int64
	}{
		{"hits", "Reads that the cache answered.", &s.Hits},
		{"misses", "Reads that nodes were asked for.", &s.Misses},
		{"shared", "Reads that waited for one of the same that went on.", &s.Shared},
		{"evicted", "Entries that others took the place of.", &s.Evicted},
	} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "redstuff_cache_" + m.name + "_total", Help: m.help}, of(m.n)))
	}
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "redstuff_cache_bytes", Help: "Bytes that the cache holds."}, of(&s.Bytes)),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "redstuff_cache_entries", Help: "Entries that the cache holds."}, of(&s.Entries)),
	)
}

// serveMetrics serves metrics until end is called.
func serveMetrics(address string, r *prometheus.Registry) (at net.Addr, end func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{}))
	const patience = 10 * time.Second
	s := &http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: patience, MaxHeaderBytes: 16 << 10}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	return l.Addr(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if errors.Is(s.Shutdown(ctx), context.DeadlineExceeded) {
			_ = s.Close()
		}
		<-ended
	}, nil
}
