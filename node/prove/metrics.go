package prove

import (
	"cmp"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// metrics are what a prover tells of itself.
type metrics struct {
	acked, passed  prometheus.Counter
	sent, received prometheus.Counter
	refusals       *prometheus.CounterVec
	refusedUs      *prometheus.CounterVec
	inRound        *prometheus.GaugeVec // how many of those were refused of the last round
	running        prometheus.Gauge

	epoch, height, stage, drawn     prometheus.Gauge // of the last challenge
	failedInRow, slashed            prometheus.Gauge // of the node, as the ledger has it
	lastReward, lastPassed, lastEnd prometheus.Gauge
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
		refusedUs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redstuff_challenge_refused_total", Help: "Messages of the node that members refused, and certificates that the ledger did, by the reason.",
		}, []string{"reason"}),
		inRound: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "redstuff_challenge_refused_in_round", Help: "How many of these were of the last round, which is that of the epoch.",
		}, []string{"epoch"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redstuff_challenge_open", Help: "1 while a challenge is on, by what the node knows.",
		}),
	}
	r.MustRegister(m.refusals, m.refusedUs, m.inRound, m.running)
	for _, g := range []struct {
		to         *prometheus.Gauge
		name, help string
	}{
		{&m.epoch, "epoch", "Epoch of the ledger's last challenge."},
		{&m.height, "height", "Height at which the ledger's last challenge was armed."},
		{&m.stage, "stage", "Stage of the ledger's last challenge: 0 armed, 1 running, 2 closed."},
		{&m.drawn, "drawn_blobs", "Blobs that members have to prove in the ledger's last challenge; 0 until it has started."},
		{&m.failedInRow, "failed_in_row", "Challenges that the node has failed one after the other."},
		{&m.slashed, "slashed", "Stake with the node that was ever slashed."},
		{&m.lastEnd, "last_epoch", "Last epoch that has ended with the node as a member."},
		{&m.lastPassed, "last_passed", "1 if the node passed the challenge of that epoch."},
		{&m.lastReward, "last_reward", "Reward of the node for that epoch, with the commission."},
	} {
		*g.to = prometheus.NewGauge(prometheus.GaugeOpts{Name: "redstuff_challenge_" + g.name, Help: g.help})
		r.MustRegister(*g.to)
	}
	return m
}

// names of reasons.
var names = map[challenge.Reason]string{
	challenge.ReasonMessage: "message", challenge.ReasonPremature: "premature", challenge.ReasonOver: "over",
	challenge.ReasonForeign: "foreign", challenge.ReasonStranger: "stranger", challenge.ReasonProof: "proof",
}

// refused counts a refusal.
func (m *metrics) refused(reason challenge.Reason) { m.refusals.WithLabelValues(nameOf(reason)).Inc() }

// byLedger is the reason of what the ledger refused.
const byLedger = "ledger"

// begin counts anew what is refused of the node's messages, in the round of an epoch.
func (m *metrics) begin(epoch uint32) {
	m.inRound.Reset()
	m.inRound.WithLabelValues(fmt.Sprint(epoch))
}

// refusedOwn counts that a message of the node was refused.
func (m *metrics) refusedOwn(epoch uint32, reason string) {
	m.refusedUs.WithLabelValues(reason).Inc()
	m.inRound.WithLabelValues(fmt.Sprint(epoch)).Inc()
}

// nameOf returns what a reason is called; a member may send any.
func nameOf(reason challenge.Reason) string { return cmp.Or(names[reason], "unknown") }

// observe shows the ledger's last challenge.
func (m *metrics) observe(c *ledger.Challenge) {
	m.epoch.Set(float64(c.Epoch))
	m.height.Set(float64(c.Height))
	m.stage.Set(float64(c.Stage))
	m.drawn.Set(float64(min(c.Draws, c.List.Blobs)))
}

// standing shows what the ledger says of the node.
func (m *metrics) standing(n *ledger.Node) {
	m.failedInRow.Set(float64(n.Failed))
	m.slashed.Set(float64(n.Slashed))
	m.lastEnd.Set(float64(n.Last.Epoch))
	m.lastReward.Set(float64(n.Last.Reward))
	passed := 0.0
	if ledger.Verdict(n.Last.Verdict) == ledger.Passed {
		passed = 1
	}
	m.lastPassed.Set(passed)
}
