package network

import (
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// BenchmarkOwnCost measures what a link without delay, loss and bounds adds to a connection over
// loopback: round trips and megabytes go with and without one by turns, so that both have the same
// machine. It reports medians.
func BenchmarkOwnCost(b *testing.B) {
	p, err := Parse("[link]\ndelay = \"0s\"\n")
	if err != nil {
		b.Fatal(err)
	}
	e := New(p)
	b.Cleanup(e.Close)
	server, through := echo(b), listen(b)
	e.AddNode(server)
	go func() { _ = e.Serve(through) }() // who connects finds what is wrong
	linked, err := Dialer(through.Addr().String(), "client")(b.Context(), "tcp", server)
	if err != nil {
		b.Fatal(err)
	}
	direct, err := net.Dial("tcp", server)
	if err != nil {
		b.Fatal(err)
	}
	ways := []struct {
		name string
		net.Conn
		small, large []time.Duration
	}{{name: "direct", Conn: direct}, {name: "linked", Conn: linked}}
	data, back := make([]byte, 1<<20), make([]byte, 1<<20)
	took := func(c net.Conn, n int) time.Duration {
		began := time.Now()
		go func() { _, _ = c.Write(data[:n]) }() // what does not come back is found below
		if _, err := io.ReadFull(c, back[:n]); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	for b.Loop() {
		for i := range ways {
			w := &ways[i]
			w.small, w.large = append(w.small, took(w, 1)), append(w.large, took(w, len(data)))
		}
	}
	for _, w := range ways {
		_ = w.Close() // all that was sent has come back
		slices.Sort(w.small)
		slices.Sort(w.large)
		b.ReportMetric(float64(w.small[len(w.small)/2].Nanoseconds())/1e3, w.name+"-µs/roundtrip")
		b.ReportMetric(float64(len(data))/w.large[len(w.large)/2].Seconds()/1e6, w.name+"-MB/s")
	}
}
