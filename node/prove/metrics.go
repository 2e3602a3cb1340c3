package prove

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/node/challenge"
)

// metrics are what a prover tells of itself.
type metrics struct {
	acked, passed  prometheus.Counter
	sent, received prometheus.Counter
	refusals       *prometheus.CounterVec
	running        prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "redstuff_challenge_" + name, Help: help})
		r.MustRegister(c)
		return c
	}
	m := &metrics{
		acked:    counter("acks_total", "Challenges that the node has acked."),
		passed:   counter("passes_total", "Challenges that the node has passed."),
		sent:     counter("sent_bytes_total", "Bytes of messages to members that verify the node's symbols."),
		received: counter("received_bytes_total", "Bytes of messages of members whose symbols the node verifies."),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redstuff_challenge_refusals_total", Help: "Messages of members that were refused, by the reason.",
		}, []string{"reason"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redstuff_challenge_open", Help: "1 while a challenge is on, by what the node knows.",
		}),
	}
	r.MustRegister(m.refusals, m.running)
	return m
}

// names of reasons.
var names = map[challenge.Reason]string{
	challenge.ReasonMessage: "message", challenge.ReasonPremature: "premature", challenge.ReasonOver: "over",
	challenge.ReasonForeign: "foreign", challenge.ReasonStranger: "stranger", challenge.ReasonProof: "proof",
}

// refused counts a refusal.
func (m *metrics) refused(reason challenge.Reason) { m.refusals.WithLabelValues(names[reason]).Inc() }
