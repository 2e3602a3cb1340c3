package comet

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/cometbft/cometbft/blocksync"
	"github.com/cometbft/cometbft/consensus"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/statesync"
	"github.com/go-kit/kit/metrics"
	kit "github.com/go-kit/kit/metrics/prometheus"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/comet/app"
)

// metricsProvider returns CometBFT's metrics in a registry of the caller's: its own
// provider knows only the one of the process, in which two nodes cannot be.
func metricsProvider(r prometheus.Registerer) node.MetricsProvider {
	return func(string) (*consensus.Metrics, *p2p.Metrics, *mempool.Metrics, *state.Metrics, *proxy.Metrics, *blocksync.Metrics, *statesync.Metrics) {
		a, b, c, d := consensus.NopMetrics(), p2p.NopMetrics(), mempool.NopMetrics(), state.NopMetrics()
		e, f, g := proxy.NopMetrics(), blocksync.NopMetrics(), statesync.NopMetrics()
		if r != nil {
			register(r, consensus.MetricsSubsystem, a)
			register(r, p2p.MetricsSubsystem, b)
			register(r, mempool.MetricsSubsystem, c)
			register(r, state.MetricsSubsystem, d)
			register(r, proxy.MetricsSubsystem, e)
			register(r, blocksync.MetricsSubsystem, f)
			register(r, statesync.MetricsSubsystem, g)
		}
		return a, b, c, d, e, f, g
	}
}

// register makes all metrics of a struct of CometBFT's, whose tags tell their labels.
// Fields that are no metrics stay as they are.
func register(r prometheus.Registerer, subsystem string, of any) {
	v := reflect.ValueOf(of).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		name := field.Tag.Get("metrics_name")
		if name == "" {
			name = snake(field.Name)
		}
		var labels []string
		if tag := field.Tag.Get("metrics_labels"); tag != "" {
			for label := range strings.SplitSeq(tag, ",") {
				labels = append(labels, strings.TrimSpace(label))
			}
		}
		help := fmt.Sprintf("What CometBFT calls %s of its %s.", field.Name, subsystem)
		options := prometheus.Opts{Namespace: "cometbft", Subsystem: subsystem, Name: name, Help: help}
		switch v.Field(i).Addr().Interface().(type) {
		case *metrics.Counter:
			made := prometheus.NewCounterVec(prometheus.CounterOpts(options), labels)
			r.MustRegister(made)
			v.Field(i).Set(reflect.ValueOf(kit.NewCounter(made)))
		case *metrics.Gauge:
			made := prometheus.NewGaugeVec(prometheus.GaugeOpts(options), labels)
			r.MustRegister(made)
			v.Field(i).Set(reflect.ValueOf(kit.NewGauge(made)))
		case *metrics.Histogram:
			made := prometheus.NewHistogramVec(prometheus.HistogramOpts{
				Namespace: options.Namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
			}, labels)
			r.MustRegister(made)
			v.Field(i).Set(reflect.ValueOf(kit.NewHistogram(made)))
		}
	}
}

// snake returns a name of Go's as one of Prometheus's.
func snake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if c >= 'A' && c <= 'Z' && i > 0 {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(c)))
	}
	return b.String()
}

// registerOffences has a gauge tell of validators that have misbehaved.
func registerOffences(r prometheus.Registerer, a *app.App) error {
	if r == nil {
		return nil
	}
	return r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "redstuff_validator_offences", Help: "Offences of validators that blocks prove and that are kept, see /v1/chain.",
	}, func() float64 { return float64(len(a.Offences())) }))
}
